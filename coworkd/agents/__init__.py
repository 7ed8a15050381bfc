"""Agents behind one port: what they are asked to do, the events they report, and the drivers for real agents.

A driver is one file. It runs in a worker process, never in the daemon, and turns the program, library or recording
behind it into the typed events of `base`. It must never touch the workspace, the database or git's refs, never decide
what a task's state becomes, never guess the kind of an error from prose, and never leave a process behind.
"""
