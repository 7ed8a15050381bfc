"""The driver `acp`: any agent that speaks the Agent Client Protocol (version 1) over its standard streams.

`messages` makes and reads what is said (pure), `calls` tells which tool call a permission is about (pure), `troubles`
types errors (pure), `agent` carries a run out. It offers the agent neither files nor terminals: an agent works in its
own worktree by its own means, and asks before it does what its rules say. It must never choose an option by its name
or place, and never take the end of a turn for success unless the agent says so.
"""
