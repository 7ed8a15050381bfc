"""The transition table of a task: what a person may write, and what the daemon may do.

Pure. The diagram in the documentation is drawn from `MOVES`, and a test walks the whole table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.model import Status


class Effect(StrEnum):
    """What follows from a status that a person wrote, beside the new status itself."""

    NONE = "none"
    START = "start"
    """A first run, or a new attempt; earlier work stays in refs."""
    RESUME = "resume"
    """Go on where it was paused: the session, where the agent has one."""
    STOP = "stop"
    """End the agent and all it started; keep its work."""
    CLOSE = "close"
    """Closed by hand: end the run, keep and list unmerged work, release dependants and tell them."""
    SHELVE = "shelve"
    """Taken off the board."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The person's word applies."""

    status: Status
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRefused:
    """The person's word is put back, with this reason."""

    reason: str


S = Status

_STOPPED: dict[Status, dict[Status, Effect]] = {
    wanted: {current: Effect.STOP for current in S if current not in {S.DONE, wanted}}
    for wanted in (S.PAUSED, S.CANCELLED)
}

MOVES: dict[Status, dict[Status, Effect]] = {
    S.READY: {
        S.DRAFT: Effect.START,
        S.FAILED: Effect.START,
        S.CANCELLED: Effect.START,
        S.PAUSED: Effect.RESUME,
        S.REVIEW: Effect.START,
        S.DONE: Effect.START,
    },
    **_STOPPED,
    S.DONE: {current: Effect.CLOSE for current in S if current is not S.DONE},
    S.DRAFT: {current: Effect.SHELVE for current in S if current not in {S.RUNNING, S.WAITING, S.MERGING, S.DRAFT}},
}
"""What a person wrote -> where the task stands -> what follows. What is not here is refused."""

_DAEMON_WORDS = frozenset({S.RUNNING, S.WAITING, S.REVIEW, S.MERGING, S.FAILED})


def person_writes(current: Status, wanted: Status) -> Moved | MoveRefused:
    """What becomes of a status that a person wrote, the task standing at `current`.

    Writing what already is changes nothing and is no offence.
    """
    if wanted is current:
        return Moved(status=current, effect=Effect.NONE)
    effect = MOVES.get(wanted, {}).get(current)
    if effect is not None:
        return Moved(status=wanted, effect=effect)
    if wanted in _DAEMON_WORDS:
        return MoveRefused(
            reason=f"`{wanted}` is coworkd's own word; a person writes ready, paused, cancelled, done or draft"
        )
    return MoveRefused(reason=_refusal(current, wanted))


def _refusal(current: Status, wanted: Status) -> str:
    if current is S.DONE:
        return f"the task is done: write `ready` for a new attempt; `{wanted}` no longer applies"
    advice = "write `paused` or `cancelled` first"
    if wanted is S.READY:
        return f"the task is {current} already; to start it over, {advice} and `ready` after that"
    return f"the task is {current}; to take it off the board, {advice}"


DAEMON_MOVES: dict[Status, frozenset[Status]] = {
    S.DRAFT: frozenset({S.READY}),
    S.READY: frozenset({S.RUNNING, S.FAILED}),
    S.RUNNING: frozenset({S.WAITING, S.REVIEW, S.MERGING, S.DONE, S.FAILED, S.READY, S.PAUSED}),
    S.WAITING: frozenset({S.RUNNING, S.READY, S.FAILED, S.PAUSED, S.REVIEW}),
    S.REVIEW: frozenset({S.MERGING, S.DONE, S.READY, S.FAILED, S.RUNNING, S.WAITING}),
    S.MERGING: frozenset({S.DONE, S.READY, S.RUNNING, S.FAILED, S.REVIEW, S.WAITING, S.PAUSED}),
    S.FAILED: frozenset({S.READY}),
    S.DONE: frozenset(),
    S.PAUSED: frozenset(),
    S.CANCELLED: frozenset(),
}
"""Where the daemon may take a task by itself; a person's word is in `MOVES`."""


def may_move(current: Status, to: Status) -> bool:
    """Whether the daemon may take a task from `current` to `to` of its own accord."""
    return to is current or to in DAEMON_MOVES[current]
