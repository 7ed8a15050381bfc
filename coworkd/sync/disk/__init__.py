"""The disk side of sync: reading files until they stand still, writing them atomically, watching their folder.

It must never interpret a document, and never write over bytes it has not seen.
"""
