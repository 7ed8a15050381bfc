"""Readers of the formats of other tools, one module each: text in, `ParsedSource` out. Pure, but for reading files.

None may guess what a file means: what cannot be read is a problem with its line, and the rest comes in.
"""
