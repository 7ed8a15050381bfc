"""The ledger: what is remembered of a workspace apart from its database, so that it can be checked and rebuilt.

One record per finished run, in the workspace and under git, sealed with a key that never leaves this machine; and the
audit, every event in a chain of hashes, beside the database. It must never rewrite what it has written, never believe a
record that another instance wrote or that was changed, and decide nothing about what runs or lands.
"""
