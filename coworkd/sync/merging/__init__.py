"""Merging two versions of a document against their common base, by field and by line. Pure, but for git's merge driver.

It must never drop a side: what cannot be merged is marked or reported.
"""
