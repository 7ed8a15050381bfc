"""How bringing the target's own commits into the integration branch ended, and what `land` says when they are not in.

Pure. Only checks that ran to their end and failed are called red: a conflict, an interruption and a branch that moved
meanwhile each have a reason of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.merge.blame import outcome
from coworkd.model import Check


class TargetState(StrEnum):
    """Whether the integration branch has the target's commits."""

    IN = "in"
    RED = "red"
    CONFLICT = "conflict"
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


def not_in_reason(entry: TargetEntry, target: str) -> str:
    """Why the target's commits are not in, and what to do; empty when they are."""
    match entry.state:
        case TargetState.IN:
            return ""
        case TargetState.CONFLICT:
            return (
                f"{target} collides with what has landed, in {', '.join(entry.paths)}: merge it into the integration"
                " branch by hand"
            )
        case TargetState.RED:
            return _red_reason(entry.checks[-1], target)
        case TargetState.INTERRUPTED:
            return f"the verification of {target} merged with what has landed was interrupted: land again"
        case TargetState.MOVED:
            return f"{target} or the integration branch moved during every verification: land again"


def _red_reason(check: Check, target: str) -> str:
    said = next((line.strip() for line in reversed(check.tail.splitlines()) if line.strip()), "")
    what = f"`{check.command}`: {outcome(check)}" + (f" ({said[:200]})" if said else "")
    return f"the checks are red on {target} merged with what has landed, {what}; repair that on {target} first"
