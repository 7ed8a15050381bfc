"""The schema of every document: its fields, who may write them, how values are read, and what they build.

One table per kind. It must never perform I/O, and never list a key of the daemon's own `cowork:` map.
"""
