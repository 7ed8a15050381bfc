"""Reading and moving the integration branch with git: facts, containment, replayed merges, compare-and-swaps.

Called from job threads only, each with a `Repo` of its own. Decides nothing: `merge.branch_rules` does.
"""
