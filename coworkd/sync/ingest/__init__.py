"""Ingest: the contents of files into rows, with the problems that they have, in one transaction for each batch.

It must never write a file, but for the version that lost a merge, which it keeps in `conflicts/`, and never let one bad
file affect another.
"""
