"""Runs: every statement about them, and the only place that writes the state of one.

A task may have several live runs, so a question about "its run" is one about each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from coworkd.core.errors import StoreError
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Kind, SandboxLevel
from coworkd.core.request_states import PENDING_STATES
from coworkd.core.run_states import LIVE_STATES, RUN_STATES, WORKING_STATES, RunState
from coworkd.core.runs import (
    AgentStart,
    AnyRunState,
    LiveStatus,
    ReportedError,
    RunReason,
    RunSlot,
    RunUsage,
    StopRequest,
)
from coworkd.store.database import Database
from coworkd.store.events import NewEvent, add_event
from coworkd.store.pattern_rows import StepKey
from coworkd.store.rows import FinishedRun, RunRow

_LIVE = f"state != '{RunState.ENDED}'"
"""As a part of the statement, not as a value of it: only then is the index of live runs used."""

_NEWEST_FIRST = "ORDER BY ended DESC, started DESC, rowid DESC"

_AGENT_STATES = (RunState.WORKING, RunState.WAITING)
"""An agent has begun, and its end is not known."""

_UNSANDBOXED = ("", SandboxLevel.NONE)
"""Levels of a run that nothing confined, or of which nothing is known."""


class RunParts(TypedDict, total=False):
    """The parts of a run that change while it exists."""

    started: float
    stop: StopRequest
    stop_message: str
    reserved_usd: float
    slot: RunSlot
    start: AgentStart
    session: str
    origin: str
    reply: str
    usage: RunUsage
    live: LiveStatus
    error: ReportedError | None
    fault: str


# ---- finding


def find_run(db: Database, run: str) -> RunRow | None:
    return db.one(RunRow, "id = ?", run)


def get_run(db: Database, run: str) -> RunRow:
    """A run that is known to exist; runs are never deleted."""
    found = find_run(db, run)
    if found is None:
        raise StoreError(f"no run `{run}` in the database")
    return found


def find_live_run(db: Database, run: str) -> RunRow | None:
    """The run; None when it has ended."""
    return db.one(RunRow, "id = ? AND state != ?", run, RunState.ENDED)


def live_runs(db: Database) -> list[RunRow]:
    """Every run that has not ended, oldest first."""
    return db.all(RunRow, f"{_LIVE} ORDER BY started, rowid")


def live_runs_of(db: Database, task: str) -> list[RunRow]:
    """The runs of a task that have not ended, oldest first."""
    return db.all(RunRow, "task = ? AND state != ? ORDER BY started, rowid", task, RunState.ENDED)


def has_live_run(db: Database, task: str) -> bool:
    return bool(db.scalar("SELECT 1 FROM runs WHERE task = ? AND state != ? LIMIT 1", task, RunState.ENDED))


def runs_in(db: Database, states: Collection[RunState]) -> list[RunRow]:
    """The runs in one of these states, oldest first."""
    return db.all(RunRow, f"state IN ({_marks(states)}) ORDER BY started, rowid", *sorted(states))


def count_working(db: Database) -> int:
    """Runs that count against `concurrency`."""
    return int(db.scalar(f"SELECT count(*) FROM runs WHERE state IN ({_marks(WORKING_STATES)})", *WORKING_STATES))


def count_preparing(db: Database) -> int:
    """Runs whose slots are not ready yet."""
    return int(db.scalar("SELECT count(*) FROM runs WHERE state = ?", RunState.PREPARING))


def count_runs(db: Database) -> int:
    """Runs that ever began; none is ever deleted."""
    return int(db.scalar("SELECT max(rowid) FROM runs") or 0)


def slots_in_use(db: Database) -> frozenset[int]:
    """The slots of the runs that have not ended."""
    return frozenset(row["slot"] for row in db.query(f"SELECT slot FROM runs WHERE {_LIVE}"))


def find_ended_run(db: Database, run: str) -> FinishedRun | None:
    """The run; None when it has not ended, or is unknown."""
    return db.one(FinishedRun, "id = ? AND state = ?", run, RunState.ENDED)


def last_ended_run(db: Database, task: str, *, but: str = "") -> FinishedRun | None:
    """The run of a task that ended last, another than `but`."""
    return db.one(FinishedRun, f"task = ? AND state = ? AND id != ? {_NEWEST_FIRST}", task, RunState.ENDED, but)


def ended_runs(db: Database, task: str, *, but: str = "") -> list[FinishedRun]:
    """The runs of a task that have ended, the latest first."""
    return db.all(FinishedRun, f"task = ? AND state = ? AND id != ? {_NEWEST_FIRST}", task, RunState.ENDED, but)


def last_run_of_step(db: Database, step: StepKey) -> FinishedRun | None:
    """The run of a step of a pattern that ended last."""
    return db.one(FinishedRun, f"task = ? AND attempt = ? AND step = ? AND state = ? {_NEWEST_FIRST}", *step,
                  RunState.ENDED)  # fmt: skip


def runs_to_stop(db: Database) -> list[RunRow]:
    """Runs at work that were told to stop, those that were lost with their daemon excepted."""
    return db.all(
        RunRow, f"state IN ({_marks(_AGENT_STATES)}) AND stop NOT IN (?, ?) ORDER BY started, rowid",
        *_AGENT_STATES, StopRequest.NONE, StopRequest.LOST,
    )  # fmt: skip


def has_stopping_runs(db: Database) -> bool:
    """Whether a run is still on its way to the end that it was told to come to."""
    sql = f"SELECT 1 FROM runs WHERE {_LIVE} AND stop NOT IN (?, ?) LIMIT 1"
    return bool(db.scalar(sql, StopRequest.NONE, StopRequest.LOST))


def resumable_runs(db: Database) -> list[RunRow]:
    """Runs that wait, whose agents have left, and that no request keeps waiting any more."""
    return db.all(
        RunRow,
        "state = ? AND reason != ? AND stop = ? AND NOT EXISTS (SELECT 1 FROM requests q WHERE q.run = runs.id"
        f" AND q.state IN ({_marks(PENDING_STATES)})) ORDER BY started",
        RunState.WAITING, RunReason.NONE, StopRequest.NONE, *PENDING_STATES,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskText:
    """The text of a task whose run is at work, where that was changed since the run began."""

    run: str
    task: str
    path: str
    text: bytes
    """The whole file."""
    changed_at: float
    handed_sha: str
    """Digest of the text that the run was given."""


def edited_task_texts(db: Database) -> list[TaskText]:
    """Tasks that were edited here while an agent works on them; the header may be all that changed."""
    rows = db.query(
        "SELECT r.id, r.task, r.text_sha, d.path, d.want, d.body_changed_at FROM runs r"
        # CROSS JOIN: from the few live runs to their files, never from all files to their runs.
        " CROSS JOIN tasks t CROSS JOIN documents d WHERE t.id = r.task AND d.path = t.path AND d.kind = ?"
        f" AND r.state IN ({_marks(_AGENT_STATES)}) AND r.stop = ?"
        " AND d.body_changed_at > r.started AND NOT d.pulled",
        Kind.TASK, *_AGENT_STATES, StopRequest.NONE,
    )  # fmt: skip
    return [
        TaskText(
            run=row["id"], task=row["task"], path=row["path"], text=row["want"], changed_at=row["body_changed_at"],
            handed_sha=row["text_sha"],
        )
        for row in rows
    ]  # fmt: skip


# ---- writing


def add_run(db: Database, run: RunRow) -> None:
    """A run that begins, or one that ended elsewhere and is restored."""
    if run.state.kind not in (RUN_STATES.start, RunState.ENDED):
        raise StoreError(f"a run cannot begin as {run.state.kind}")
    db.put(run)


def move_run(db: Database, run: str, to: AnyRunState, event: NewEvent, **parts: Unpack[RunParts]) -> None:
    """Write a run's state, what changes with it, and the event that says so.

    Raises `StoreError` for a move that `RUN_STATES` does not have.
    """
    current = RunState(db.scalar("SELECT state FROM runs WHERE id = ?", run))
    if reason := RUN_STATES.refusal_reason(current, to.kind):
        raise StoreError(f"run `{run}`: {reason}")
    db.set(RunRow, run, state=to, **parts)
    add_event(db, event)


def run_event(run: RunRow, at: float, kind: EventKind, *, actor: str = "daemon", **data: object) -> NewEvent:
    """An event about a run."""
    return NewEvent(at=at, kind=kind, task=run.task, actor=actor, data={"run": run.id, **data})


def update_run(db: Database, run: str, **parts: Unpack[RunParts]) -> None:
    """Write what is known of a run; its state stays."""
    db.set(RunRow, run, **parts)


def correct_end(db: Database, run: str, *, reason: RunReason | None = None, message: str | None = None) -> None:
    """Write what turned out later about how a run ended; nothing where the run is unknown."""
    ended = find_ended_run(db, run)
    if ended is not None:
        state = replace(ended.state, reason=ended.state.reason if reason is None else reason)
        db.set(RunRow, run, state=state if message is None else replace(state, message=message))


def mark_recorded(db: Database, run: str) -> None:
    """The workspace's log has the run, or is about to."""
    db.execute("UPDATE runs SET recorded = 1 WHERE id = ?", run)


def request_stop(db: Database, runs: Iterable[RunRow], stop: StopRequest) -> None:
    """Tell live runs to stop, unless they were told before."""
    for run in runs:
        if run.state.kind in LIVE_STATES and run.stop == StopRequest.NONE:
            db.set(RunRow, run.id, stop=stop)


def note_machine_fault(db: Database, fault: str) -> None:
    """Every run that has not ended gets the fault of the machine under which it works; the first one stays."""
    if db.scalar(f"SELECT 1 FROM runs WHERE {_LIVE} AND fault = '' LIMIT 1"):
        with db.write():
            db.execute(f"UPDATE runs SET fault = ? WHERE {_LIVE} AND fault = ''", fault)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


# ---- what views and history ask


def runs_of(db: Database, task: str) -> list[RunRow]:
    """All runs of a task, oldest first."""
    return db.all(RunRow, "task = ? ORDER BY started", task)


def begun_runs(db: Database) -> list[RunRow]:
    """Every run of which more than its slot was made ready, the latest first."""
    return db.all(RunRow, "state != ? ORDER BY started DESC", RunState.PREPARING)


def runs_since(db: Database, since: float) -> list[RunRow]:
    """Every run that began at this time or later, in order."""
    return db.all(RunRow, "started >= ? ORDER BY started", since)


def active_runs_since(db: Database, since: float) -> list[RunRow]:
    """Every run that began, ended or was not over at this time or later, in order."""
    sql = "started >= ? OR ended >= ? OR state != ? ORDER BY started"
    return db.all(RunRow, sql, since, since, RunState.ENDED)


def tasks_begun_since(db: Database, since: float) -> frozenset[str]:
    """The tasks of which a run began at this time or later; not those for which no slot could be made ready."""
    sql = "SELECT DISTINCT task FROM runs WHERE started >= ? AND (began > 0 OR state != ?)"
    return frozenset(row["task"] for row in db.query(sql, since, RunState.ENDED))


def shown_runs(db: Database) -> list[RunRow]:
    """Runs that have a live message."""
    return runs_in(db, LIVE_STATES - {RunState.PREPARING})


def first_heard_since(db: Database, at: float) -> float | None:
    """The earliest time after `at` of a working run's last event; None: no working run had one since."""
    return db.scalar("SELECT min(heard_at) FROM runs WHERE state = ? AND heard_at > ?", RunState.WORKING, at)


def tasks_with_live_runs(db: Database, tasks: Collection[str]) -> frozenset[str]:
    """The tasks among these with a run that has not ended."""
    rows = db.query_in("SELECT task, state FROM runs WHERE task IN (?)", tasks)
    return frozenset(row["task"] for row in rows if row["state"] != RunState.ENDED)


def ran_unsandboxed(db: Database, run: str, since: float) -> bool:
    """Whether this run, or any that was at work since, had no sandbox. What is not known counts as none."""
    own = db.scalar("SELECT level FROM runs WHERE id = ?", run)
    if own in (None, *_UNSANDBOXED):
        return True
    return bool(
        db.scalar(
            "SELECT 1 FROM runs WHERE level IN (?, ?) AND (state != ? OR ended >= ?) LIMIT 1",
            *_UNSANDBOXED, RunState.ENDED, since,
        )
    )  # fmt: skip


def run_ids_of(db: Database, tasks: Collection[str]) -> list[str]:
    """The ids of all runs of these tasks."""
    return [row["id"] for row in db.query_in("SELECT id FROM runs WHERE task IN (?)", tasks)]
