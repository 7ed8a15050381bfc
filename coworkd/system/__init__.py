"""System: the gateways to this machine: processes, sandboxes, git, the control socket, background jobs, settings.

It must never know a task.
"""
