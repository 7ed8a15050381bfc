"""Slots: the private repositories in which agents and verifications work.

What it does: open a repository of its own for a run (objects borrowed from the user's by alternates, everything else
private), recycle it, keep what was left in it, and bring a submission out of it as a pack that is checked in
quarantine before it is believed.

What it must never do: move a branch that the user has checked out; touch the user's index, stash, configuration,
hooks or files; run git by a configuration that an agent could have written; throw work away that no ref keeps.

Everything here blocks and returns values: it runs as jobs, each with a `Repo` of its own.
"""
