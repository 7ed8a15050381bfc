"""This machine as the product uses it: other processes, sandboxes, the client of the control socket. Knows no task."""
