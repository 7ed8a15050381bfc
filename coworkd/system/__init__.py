"""This machine as the product uses it: processes of others, and the client of the control socket. Knows no task."""
