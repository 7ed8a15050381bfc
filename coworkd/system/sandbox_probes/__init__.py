"""Which sandbox works on this machine, found by trying it and by trying to escape from it.

It must never change anything outside of its own temporary folder.
"""
