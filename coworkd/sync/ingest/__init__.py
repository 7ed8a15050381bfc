"""Ingest: parsed documents into rows, with the problems they have, in one transaction per batch.

It must never write a file, and never let one bad file affect another.
"""
