"""What is remembered of a workspace apart from its database: in refs, in the records of runs, in the files themselves.

Reads and compares; it must never decide what runs or lands, and changes nothing.
"""
