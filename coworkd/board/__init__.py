"""The board: where every task stands, what waits for a person, and the files by which coworkd says so.

The only place that changes a task's status or composes a file of the daemon's. It must never decide *whether* something
should move (dispatch and merge do), start anything, or touch the disk.
"""
