"""Merging: from a submission to a landed commit, with the proof that nothing was lost on the way.

What it does: build merge candidates from trees alone, verify them in a private repository at exactly the merged
commit, move the integration branch by compare-and-swap, hand conflicts back as bundles, bring the target's commits in,
and, when a person asks for it, bring integration into the target.

What it must never do: touch the user's index, stash, configuration or hooks; move a branch that is checked out, with
the one exception of `git.target_sync.land_target`, which a person calls by name; resolve a conflict by taking a side;
land what was not proven and verified.
"""
