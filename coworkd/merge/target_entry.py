"""How bringing the target's own commits into the integration branch ended, and what `land` says when they are not in.

Pure. Only checks that ran to their end and failed are called red: a conflict, an interruption and a branch that moved
meanwhile each have a reason of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.model import Check
from coworkd.core.text_formats import last_line
from coworkd.merge.blame import outcome_text


class TargetState(StrEnum):
    """Whether the integration branch has the target's commits."""

    IN = "in"
    RED = "red"
    CONFLICT = "conflict"
    DROPPED = "dropped"
    """The target lost commits that the integration branch has."""
    UNRELATED = "unrelated"
    """The two have no commit in common."""
    INTERRUPTED = "interrupted"
    MOVED = "moved"
    """One of the two branches moved during each verification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetEntry:
    """The integration branch after the target was brought in, or was not."""

    tip: str
    state: TargetState
    checks: tuple[Check, ...] = ()
    """Where they are red: what was run, up to and including the first that failed."""
    paths: tuple[str, ...] = ()
    """Where they conflict: the paths."""
    dropped: tuple[str, ...] = ()
    """What the target lost, as `abc1234 subject`."""


def not_in_reason(entry: TargetEntry, target: str, branch: str) -> str:
    """Why the target's commits are not in, and what to do; empty when they are."""
    match entry.state:
        case TargetState.IN:
            return ""
        case TargetState.CONFLICT:
            return collision_reason(target, branch, entry.paths)
        case TargetState.DROPPED:
            return dropped_reason(target, entry.dropped) if entry.tip else gone_reason(branch)
        case TargetState.UNRELATED:
            return unrelated_reason(target, branch)
        case TargetState.RED:
            return red_reason(next(check for check in entry.checks if not check.green), target)
        case TargetState.INTERRUPTED:
            return f"the verification of {target} merged with what has landed was interrupted: land again"
        case TargetState.MOVED:
            return f"{target} or the integration branch moved during every verification: land again"


def collision_reason(target: str, branch: str, paths: Sequence[str]) -> str:
    """What collides, and what to type."""
    return (
        f"{target} collides with what has landed, in {', '.join(paths)}, so that {branch} no longer follows it: on"
        f" {target} type `git merge {branch}`, resolve the conflict there and commit"
    )


def dropped_reason(target: str, dropped: Sequence[str]) -> str:
    """What the target lost, and what happens to it."""
    what = f" ({', '.join(dropped)})" if dropped else ""
    return (
        f"{target} lost commits that had been taken from it{what}: what has landed is merged again without them, which"
        " the running daemon does by itself; then land again"
    )


def gone_reason(branch: str) -> str:
    """That the integration branch is not there, and what happens to it."""
    return (
        f"{branch} is gone: what has landed is merged again for it, which the running daemon does by itself; then land"
        " again"
    )


def unrelated_reason(target: str, branch: str) -> str:
    """Why nothing can be merged, and what to type."""
    return (
        f"{branch} was moved to a history that has no commit in common with {target}, so that nothing starts or lands:"
        f" type `git branch -D {branch}`, and it is made again with all that has landed"
    )


def red_reason(check: Check, target: str) -> str:
    """Which check is red on the target merged with what has landed, and what to do."""
    said = last_line(check.tail, 200)
    what = f"`{check.command}`: {outcome_text(check)}" + (f" ({said})" if said else "")
    if check.reached:
        return f"the checks say nothing of {target} merged with what has landed, {what}: {check.reached}"
    return f"the checks are red on {target} merged with what has landed, {what}; repair that on {target} first"
