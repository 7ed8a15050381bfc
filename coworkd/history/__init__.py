"""History: what is remembered of a workspace apart from its database, so that it can be checked and rebuilt.

One signed record per finished run, in the workspace and under git; the audit log, every event in a chain of hashes;
landings in refs; the age of the database. It must never rewrite what it has written, never believe a record that
another instance wrote or that was changed, and never decide what runs or lands.
"""
