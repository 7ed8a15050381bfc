"""The table of task statuses: what each means to the rest of the product, and who may move a task where.

Pure. The drawings in the documentation are made from `MOVES` and `DAEMON_MOVES`, and a test walks the whole table.
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
    """The status that a person wrote is applied."""

    status: Status
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRefused:
    """The status that a person wrote is undone, with this reason."""

    reason: str


S = Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusTraits:
    """All that the product has to know about one status."""

    place: int
    """Where tasks with this status stand on the board, from the top."""
    daemon_moves: frozenset[Status]
    """Where the daemon may take a task from here by itself."""
    written_by_user: bool = False
    """A person may write it; every other status is the daemon's to write."""
    unstarted: bool = False
    """No agent has worked on it since it was written."""
    active: bool = False
    """A run, a question or a landing is under way: the task keeps its place until that ends."""
    has_submission: bool = False
    """Its submission is on the way to its landing."""
    over: bool = False
    """Nothing happens to it any more unless a person wants it."""
    blocks_dependants: bool = False
    """What depends on it cannot start until a person acts."""


_NOWHERE: frozenset[Status] = frozenset()

TRAITS: dict[Status, StatusTraits] = {
    S.WAITING: StatusTraits(
        place=0, daemon_moves=frozenset({S.RUNNING, S.READY, S.FAILED, S.PAUSED, S.REVIEW, S.MERGING}), active=True
    ),
    S.REVIEW: StatusTraits(
        place=1, daemon_moves=frozenset({S.MERGING, S.DONE, S.READY, S.FAILED, S.RUNNING, S.WAITING}),
        has_submission=True,
    ),
    S.RUNNING: StatusTraits(
        place=2, daemon_moves=frozenset({S.WAITING, S.REVIEW, S.MERGING, S.DONE, S.FAILED, S.READY, S.PAUSED}),
        active=True, has_submission=True,
    ),
    S.MERGING: StatusTraits(
        place=3, daemon_moves=frozenset({S.DONE, S.READY, S.RUNNING, S.FAILED, S.REVIEW, S.WAITING, S.PAUSED}),
        active=True, has_submission=True,
    ),
    S.READY: StatusTraits(
        place=4, daemon_moves=frozenset({S.RUNNING, S.FAILED}), written_by_user=True, unstarted=True
    ),
    S.PAUSED: StatusTraits(place=5, daemon_moves=_NOWHERE, written_by_user=True),
    S.FAILED: StatusTraits(place=6, daemon_moves=frozenset({S.READY}), blocks_dependants=True),
    S.DRAFT: StatusTraits(place=7, daemon_moves=frozenset({S.READY}), written_by_user=True, unstarted=True),
    S.DONE: StatusTraits(place=8, daemon_moves=_NOWHERE, written_by_user=True, over=True),
    S.CANCELLED: StatusTraits(
        place=9, daemon_moves=_NOWHERE, written_by_user=True, over=True, blocks_dependants=True
    ),
}  # fmt: skip
"""One row for each status: a new one is one more row, without which the package cannot be imported."""

BOARD_ORDER = tuple(sorted(S, key=lambda status: TRAITS[status].place))
ACTIVE = frozenset(status for status in S if TRAITS[status].active)
UNSTARTED = frozenset(status for status in S if TRAITS[status].unstarted)
WITH_SUBMISSION = frozenset(status for status in S if TRAITS[status].has_submission)
OVER = frozenset(status for status in S if TRAITS[status].over)
BLOCKS_DEPENDANTS = frozenset(status for status in S if TRAITS[status].blocks_dependants)

_STOPPING_MOVES: dict[Status, dict[Status, Effect]] = {
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
    **_STOPPING_MOVES,
    S.DONE: {current: Effect.CLOSE for current in S if current is not S.DONE},
    S.DRAFT: {current: Effect.SHELVE for current in S if current not in ACTIVE | {S.DRAFT}},
}
"""What a person wrote -> where the task stands -> what follows. What is not here is refused."""


def decide_user_move(current: Status, wanted: Status) -> Moved | MoveRefused:
    """What becomes of a status that a person wrote, the task standing at `current`.

    Writing what already is changes nothing and is no offence.
    """
    if wanted is current:
        return Moved(status=current, effect=Effect.NONE)
    effect = MOVES.get(wanted, {}).get(current)
    if effect is not None:
        return Moved(status=wanted, effect=effect)
    if not TRAITS[wanted].written_by_user:
        return MoveRefused(
            reason=f"`{wanted}` is coworkd's own word; a person writes ready, paused, cancelled, done or draft"
        )
    return MoveRefused(reason=_refusal_reason(current, wanted))


def _refusal_reason(current: Status, wanted: Status) -> str:
    if current is S.DONE:
        return f"the task is done: write `ready` for a new attempt; `{wanted}` no longer applies"
    advice = "write `paused` or `cancelled` first"
    if wanted is S.READY:
        return f"the task is {current} already; to start it over, {advice} and `ready` after that"
    return f"the task is {current}; to take it off the board, {advice}"


DAEMON_MOVES: dict[Status, frozenset[Status]] = {status: TRAITS[status].daemon_moves for status in S}
"""Where the daemon may take a task by itself; what a person writes is in `MOVES`."""


def daemon_may_move(current: Status, to: Status) -> bool:
    """Whether the daemon may take a task from `current` to `to` of its own accord."""
    return to is current or to in DAEMON_MOVES[current]
