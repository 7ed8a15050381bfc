"""coworkd: coding agents get real work done, and a folder of Markdown files is the user interface."""

__version__ = "0.1.0"
