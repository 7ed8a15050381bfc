"""Domain terms and pure rules that every other package may use.

Must never import anything of ours but other modules of this layer, and does no I/O.
"""
