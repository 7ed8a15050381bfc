"""What it costs to claim a task and to write that it is done, beside the same statements by hand and beside queues.

By hand with equal durability: a commit for the claim and one for the end, each synced to disk or none. The queues are
measured as they come, in an interpreter of their own; they keep an item and its state, where a run has some fifty
columns, an index by task and by state, and two events.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.bench import Bench, best, cleared
from benchmarks.graph import ready_task
from benchmarks.others import python_with
from benchmarks.table import Row
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.runs import EndedState, PreparingState, RunReason
from coworkd.store import Database, RunRow, TaskRow
from coworkd.store.row_mapping import columns_of, inserter, updater
from coworkd.store.runs import add_run, move_run, run_event

_CLAIMS = 300
_QUEUES = {"litequeue": 3.0, "huey": 3.0, "persist-queue": 3.0}
"""By the name of the package: how many times as long each is expected to take."""
_PEER = Path(__file__).with_name("queue_peers.py")


def claims(bench: Bench) -> Iterator[Row]:
    """Microseconds of a claim and its end, of tasks that are ready."""
    synced, not_synced = (_beside_statements(bench, durable=durable) for durable in (True, False))
    for subject, row in (("each synced to disk", synced), ("none synced", not_synced)):
        yield Row(
            subject=f"claim and end of a run, {subject}", ours=1e6 * row[0], unit="us",
            beside="the same statements by hand", theirs=1e6 * row[1], most=1.25,
        )  # fmt: skip
    for name, least in _QUEUES.items():
        try:
            theirs = _peer(bench, name)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            bench.skipped.append(f"{name} ({str(error).splitlines()[0][:120]})")
            continue
        yield Row(
            subject="claim and end of a run, none synced", ours=1e6 * not_synced[0], unit="us",
            beside=f"{name}, as it comes", theirs=theirs, least=least,
        )  # fmt: skip


def _beside_statements(bench: Bench, *, durable: bool) -> list[float]:
    with closing(_filled(bench.place / "claims-ours")) as ours, closing(_filled(bench.place / "claims-hand")) as hand:
        numbers = iter(range(2 * _CLAIMS * bench.times))
        return best(
            bench.times,
            lambda: _each(lambda: _claim_and_end(ours, next(numbers), durable=durable)),
            lambda: _each(lambda: _by_hand(hand, next(numbers), durable=durable)),
        )


def _filled(place: Path) -> Database:
    db = Database(cleared(place) / "state.db")
    with db.write():
        for number in range(1000):
            db.put(ready_task(number))
    return db


def _each(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(_CLAIMS):
        action()
    return (time.perf_counter() - began) / _CLAIMS


def _claim_and_end(db: Database, number: int, *, durable: bool) -> None:
    task, run = f"task-{number % 1000}", _run(number)
    with db.write(durable=durable):
        add_run(db, run)
        db.event(1.0, EventKind.RUN_BEGUN, task=task, run=run.id)
        db.set(TaskRow, task, status=Status.RUNNING)
    with db.write(durable=durable):
        move_run(db, run.id, _END, run_event(run, 2.0, EventKind.RUN_ENDED))
        db.set(TaskRow, task, status=Status.REVIEW)


_END = EndedState(at=2.0, reason=RunReason.DONE)


def _run(number: int) -> RunRow:
    task = f"task-{number % 1000}"
    return RunRow(id=f"{number:08x}", task=task, attempt=1, agent="ann", state=PreparingState(), started=1.0)


def _by_hand(db: Database, number: int, *, durable: bool) -> None:
    """The same statements on the same tables, without a record, a rule or a check."""
    sql, task, run = db.connection.execute, f"task-{number % 1000}", f"{number:08x}"
    cells = [*_CELLS]
    cells[_ID], cells[_TASK] = run, task
    sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    sql("BEGIN IMMEDIATE")
    sql(_INSERT, cells)
    sql(_EVENT, (1.0, "daemon", "run", task, f'{{"run": "{run}"}}'))
    sql("UPDATE tasks SET status = ? WHERE id = ?", ("running", task))
    sql("COMMIT")
    sql("BEGIN IMMEDIATE")
    sql("SELECT state FROM runs WHERE id = ?", (run,)).fetchone()
    sql(_UPDATE, (*_END_CELLS, run))
    sql(_EVENT, (2.0, "daemon", "run ended", task, f'{{"run": "{run}"}}'))
    sql("UPDATE tasks SET status = ? WHERE id = ?", ("review", task))
    sql("COMMIT")


_INSERT, _cells_of = inserter(RunRow)
_CELLS = _cells_of(_run(0))
_ID, _TASK = (columns_of(RunRow).index(name) for name in ("id", "task"))
_UPDATE, _end_cells_of = updater(RunRow, ("state",))
_END_CELLS = _end_cells_of((_END,))
_EVENT = "INSERT INTO events (at, actor, kind, task, data) VALUES (?, ?, ?, ?, ?)"


def _peer(bench: Bench, name: str) -> float:
    python = python_with(bench, name)
    place = cleared(bench.place / f"claims-{name}")
    done = subprocess.run(
        [str(python), str(_PEER), name, str(place), str(_CLAIMS)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)
