"""What runs when, and what happens when it goes wrong.

Decides in pure functions (`schedule`, `retry`, `patterns`), and carries runs from start to recorded result. It must
never touch files of the workspace, move a branch, or start a process except through its executor.
"""
