"""The daemon: builds the parts, holds the workspace lock, and gives each part its turn in the main loop.

It also serves the requests that no file can express, and does what keeps a workspace in order: set-up, upgrade,
recovery of the database, housekeeping. It must never decide about a task.
"""
