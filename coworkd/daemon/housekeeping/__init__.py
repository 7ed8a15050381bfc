"""Housekeeping: commits of the workspace, notifications, pruning; done when there is time for it.

Committing the workspace at quiet moments, pruning what was kept long enough, telling the user's own programs what
waits for a person. It must never be in the way: everything slow is a job, what fails is tried again later, and no work
waits for it.
"""
