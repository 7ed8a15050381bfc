"""Documents: text to typed values and back, byte-exact where a person wrote. Pure.

It must never perform I/O, and never drop or reorder a byte that it was not asked to change.
"""
