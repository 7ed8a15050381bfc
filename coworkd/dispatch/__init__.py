"""What runs when, and where: from ready tasks to runs of agents and back.

Decisions are pure functions over values; executors carry runs out. It must never touch the workspace's files, talk to
an agent other than through `coworkd.agents`, or know of reconciliation and merging.
"""
