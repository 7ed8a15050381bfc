"""The command line: parse, call one function, print.

Commands edit the workspace's files as an editor would; what no file can express goes over the control socket. This is
the only place where errors become exit codes and where anything is printed. It must hold no rule of its own.
"""

from coworkd.cli.app import main

__all__ = ["main"]
