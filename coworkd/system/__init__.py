"""This machine as the product uses it: processes of others, sandboxes, the client of the control socket. Knows no task."""
