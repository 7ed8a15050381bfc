"""The board as it is shown: one value per task, with why it stands there in words.

Read-only, so that a command can make it from a connection of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.board.waiting import Shown, Waiting, problems, waiting
from coworkd.model import Status
from coworkd.store import Database, RunRow, RunState, TaskRow

ORDER = (
    Status.WAITING, Status.REVIEW, Status.RUNNING, Status.MERGING, Status.READY, Status.PAUSED, Status.FAILED,
    Status.DRAFT, Status.DONE, Status.CANCELLED,
)  # fmt: skip
"""How the board is sorted: what a person can act on comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A task on the board."""

    id: str
    title: str
    status: Status
    agent: str
    path: str
    blocked_by: tuple[str, ...]
    why: str
    by: str
    cost_usd: float | None
    tokens: int
    since: float
    elsewhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardView:
    """Everything that `status` shows."""

    instance: str
    cards: tuple[Card, ...]
    waiting: tuple[Waiting, ...]
    problems: tuple[Shown, ...]
    usd_today: float
    """Money spent in the last 24 hours, as far as it is known."""


def board_view(db: Database, now: float) -> BoardView:
    """Read the whole board."""
    cards = _cards(db, db.all(TaskRow, "NOT (gone AND status IN ('done', 'cancelled'))"), now)
    cards.sort(key=lambda card: (ORDER.index(card.status), card.since, card.id))
    return BoardView(
        instance=db.setting("instance"), cards=tuple(cards), waiting=tuple(waiting(db, now)),
        problems=tuple(problems(db)), usd_today=_spent(db, now),
    )  # fmt: skip


def card_of(db: Database, row: TaskRow, now: float) -> Card:
    """The card of one task, whether or not the board shows it."""
    return _cards(db, [row], now)[0]


def _cards(db: Database, rows: Sequence[TaskRow], now: float) -> list[Card]:
    blocked = _blocked(db)
    default = db.setting("default_agent")
    return [_card(db, row, blocked.get(row.id, ()), default, now) for row in rows]


def _spent(db: Database, now: float) -> float:
    return float(db.scalar("SELECT coalesce(sum(cost_usd), 0) FROM runs WHERE started > ?", now - 86400))


def _blocked(db: Database) -> dict[str, tuple[str, ...]]:
    """Unmet dependencies of every task that is not done, by task."""
    rows = db.query(
        "SELECT n.task, n.needed FROM needs n JOIN tasks me ON me.id = n.task LEFT JOIN tasks t ON t.id = n.needed"
        " WHERE me.status != 'done' AND (t.id IS NULL OR t.status != 'done' OR (t.landed = '' AND NOT t.closed))"
        " ORDER BY n.task, n.needed"
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        found[row["task"]] = (*found.get(row["task"], ()), row["needed"])
    return found


def _card(db: Database, row: TaskRow, blocked: tuple[str, ...], default: str, now: float) -> Card:
    return Card(
        id=row.id, title=row.title, status=row.status, agent=row.agent or row.agent_used or default, path=row.path,
        blocked_by=blocked, why=why(db, row, blocked, now), by=row.by, cost_usd=row.cost_usd,
        tokens=row.input_tokens + row.output_tokens, since=row.since, elsewhere=row.elsewhere,
    )  # fmt: skip


def why(db: Database, row: TaskRow, blocked: tuple[str, ...], now: float) -> str:
    """Why a task stands where it stands, in words; empty when the status says it all."""
    if row.status not in (Status.DONE, Status.CANCELLED) and (untrusted := db.setting("untrusted")):
        return untrusted
    if row.elsewhere:
        return f"on {row.by}; `coworkd take {row.id}` takes it over"
    if row.gone:
        return "its file is away (another branch, a stash, or a deletion that waits)"
    if row.held:
        return row.held
    match row.status:
        case Status.READY:
            return _why_not(db, row, blocked, now)
        case Status.RUNNING:
            return _running(db, row, now)
        case Status.DRAFT if row.wanted:
            return f"becomes {row.wanted} in {max(row.wanted_due - now, 0):.0f} s unless the file changes"
        case Status.REVIEW:
            return row.reason or f"waits for you: reviews/{row.id}.md"
        case _:
            return row.reason


def _why_not(db: Database, row: TaskRow, blocked: tuple[str, ...], now: float) -> str:
    if row.pulled:
        return f"came by git; `coworkd ready {row.id}` starts it"
    problem = db.scalar(
        "SELECT message FROM problems WHERE path = ? AND source IN ('graph', 'agent') LIMIT 1", row.path
    )
    if problem:
        return problem
    if blocked:
        return "waits for " + ", ".join(_dependency(db, task, now) for task in blocked)
    if row.not_before > now:
        return f"{row.reason}, in {duration(row.not_before - now)}"
    return db.setting(f"wait:{row.id}") or row.reason


def _dependency(db: Database, task: str, now: float) -> str:
    row = db.one(TaskRow, "id = ?", task)
    return f"{task} ({row.status} since {duration(now - row.since)})" if row else f"{task} (no such task)"


def _running(db: Database, row: TaskRow, now: float) -> str:
    run = db.one(RunRow, "task = ? AND state != 'ended'", row.id)
    if run is None:
        return row.reason or "what it made is being verified"
    words = {
        RunState.PREPARING: "its worktree is being made",
        RunState.SUBMITTING: "its work is being brought in",
    }
    return words.get(run.state, f"{run.agent} at work for {duration(now - run.started)}, attempt {run.attempt}")


def duration(seconds: float) -> str:
    """A length of time in one unit, as people say it."""
    seconds = max(seconds, 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
