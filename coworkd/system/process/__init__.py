"""Processes: the only place where commands, agents and verifications are started and ended with their whole tree.

It must never run a shell by itself, inherit the daemon's environment, or leave a process behind.
"""
