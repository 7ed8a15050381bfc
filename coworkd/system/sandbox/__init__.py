"""Sandbox mechanisms of the kernel: Landlock, and the first process of a command that it confines.

Every command in the sandbox loads these files: standard library only, and without the slow parts of it. Nothing here
decides what a command may reach. Must never start a program with less than it was asked for.
"""
