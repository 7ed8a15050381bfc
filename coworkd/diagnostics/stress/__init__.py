"""Stress: a throw-away repository full of tasks, agents that fail in every way, faults, and a judge of what is left.

It must never touch the repository, the settings or the processes of the person who runs it, and bounds all it starts.
"""
