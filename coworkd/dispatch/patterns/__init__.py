"""Collaboration patterns: pure functions from the history of an attempt's steps to the next steps or a verdict.

A pattern holds no state, so a restart in its middle is free. It must never perform I/O.
"""
