"""What an edit costs a daemon whose tasks depend on each other, and how soon the next ready task is known."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.bench import Bench, Workspace, best, cleared, save, until
from benchmarks.table import Row
from coworkd.core.model import Status
from coworkd.dispatch.scheduling.plan_inputs import PlanInputs, RequestedAgent
from coworkd.dispatch.scheduling.ready_queue import ReadyQueue
from coworkd.dispatch.scheduling.scheduler import ActiveRun, Capacity
from coworkd.dispatch.scheduling.start_order import QueuedTask
from coworkd.store import Database, TaskRow
from coworkd.store.tasks import startable_tasks

SIZES = (100, 1000, 5000)
EDITS = 30
ROOTS = 10
"""One task in so many depends on nothing, and waits for the one place."""


def edits(bench: Bench) -> Iterator[Row]:
    """The daemon's own processor time for an edit of a draft that no other task has to do with."""
    costs = {size: _cost_of_edits(_workspace(bench.place / f"graph-{size}", size)) for size in SIZES}
    for size in SIZES[1:]:
        yield Row(
            subject=f"an unrelated edit, {size:,} tasks in a graph: processor", ours=1000 * costs[size], unit="ms",
            beside=f"the same among {SIZES[0]}", theirs=1000 * costs[SIZES[0]], most=1.3,
        )  # fmt: skip


def ready_sets(bench: Bench) -> Iterator[Row]:
    """The next task when a place becomes free, and all ready tasks, beside one query that an index answers."""
    for size in (10_000, 100_000):
        db = Database(cleared(bench.place / f"ready-{size}") / "state.db")
        with db.write():
            for number in range(size):
                db.put(ready_task(number))
        found = best(bench.times, lambda: _elapsed(lambda: startable_tasks(db)), lambda: _elapsed(lambda: _all(db)))  # noqa: B023 - called in this round
        yield Row(
            subject=f"{size:,} ready tasks known after a start", ours=1000 * found[0], unit="ms",
            beside="`SELECT` of all with that status", theirs=1000 * found[1], most=2.0,
        )  # fmt: skip
        queue = ReadyQueue()
        queue.put(map(_queued, startable_tasks(db)))
        found = best(200, lambda: _elapsed(lambda: _plan(queue)), lambda: _elapsed(lambda: _next(db)))  # noqa: B023 - called in this round
        yield Row(
            subject=f"the next of {size:,} ready tasks, a place being free", ours=1000 * found[0], unit="ms",
            beside="the first row of the index of ready tasks", theirs=1000 * found[1], most=1.2,
        )  # fmt: skip
        db.close()


def ready_task(number: int) -> TaskRow:
    """The row of a task that may start."""
    return TaskRow(
        id=f"task-{number}", path=f"tasks/task-{number}.md", title=f"Task {number}", status=Status.READY, reason="",
        since=float(number), agent="", priority=number % 4, created=float(number), attempt=0, by="", landed="",
        failures=0, conflict_rounds=0, not_before=0.0, closed_by_hand=False, requested_status="", request_due_at=0.0,
        blocked_reason="", from_git=False, owned_elsewhere=False, file_missing=False, agent_used="", cost_usd=None,
        input_tokens=0, output_tokens=0, exact_id=True,
    )  # fmt: skip


def _queued(row: TaskRow) -> QueuedTask:
    return QueuedTask(task=row.id, requested="", priority=row.priority, chain_length=1, since=row.since)


def _plan(queue: ReadyQueue) -> None:
    """One of two places is taken: one task starts, and the next plan begins with that one put back."""
    active = [ActiveRun(task="other", agent="agent")]
    inputs = PlanInputs(
        agents={"": RequestedAgent(agent="agent")}, active=active, capacity=Capacity(total=2, per_agent={})
    )
    assert len(queue.plan(inputs, 1e9)) == 1


def _next(db: Database) -> None:
    assert db.one(TaskRow, "status = ? ORDER BY priority, created", Status.READY) is not None


def _all(db: Database) -> None:
    assert db.all(TaskRow, "status = ?", Status.READY)


def _elapsed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _workspace(root: Path, size: int) -> Workspace:
    """Ready tasks in layers, one in ten of them free to start, with one place, which an agent keeps."""
    work = Workspace.made(root, 0)
    cowork = work.tasks.parent
    save(cowork / "agents" / "sleeper.md", "---\ndriver: command\ncommand: [sleep, infinity]\n---\nSleep.\n")
    save(cowork / "config.yaml", "version: 1\nagent: sleeper\nconcurrency: 1\n")
    for number in range(size):
        needed = [f"node-{other}" for other in (number - 4, number - 7) if other >= 0] if number % ROOTS else []
        folder = work.tasks / f"{number // 1000}"
        folder.mkdir(parents=True, exist_ok=True)
        header = f"title: Node {number}\nstatus: ready\ndepends_on: [{', '.join(needed)}]\n"
        (folder / f"node-{number}.md").write_text(f"---\n{header}---\nDo part {number}.\n")
    return Workspace(root=root, size=size)


def _cost_of_edits(work: Workspace) -> float:
    """Seconds of the daemon's own processor time for one edit, its children not counted."""
    draft = work.tasks / "draft.md"
    with work.daemon() as process, closing(work.titles()) as reader:
        ready = f"SELECT count(*) = {work.size} FROM tasks WHERE status IN ('ready', 'running')"
        until(lambda: bool(reader.execute(ready).fetchone()[0]), 0.1)
        until(lambda: bool(reader.execute("SELECT 1 FROM runs WHERE state = 'working'").fetchone()), 0.1)
        _at_rest(process)
        before = processor_seconds(process.pid)
        for number in range(EDITS):
            title = f"Unrelated {number}"
            save(draft, f"---\ntitle: {title}\nstatus: draft\n---\nText {number}.\n")
            until(lambda title=title: _title(reader) == title, 0.002)
            time.sleep(0.1)  # each edit is one of its own
        return (processor_seconds(process.pid) - before) / EDITS


def _title(reader: sqlite3.Connection) -> str:
    rows = reader.execute("SELECT title FROM tasks WHERE path = 'tasks/draft.md'").fetchall()
    return rows[0][0] if rows else ""


def _at_rest(process: subprocess.Popen[str]) -> None:
    """Wait until the daemon has nothing to do."""
    while True:
        before = processor_seconds(process.pid)
        time.sleep(1.0)
        if processor_seconds(process.pid) - before < 0.03:
            return


def processor_seconds(pid: int) -> float:
    """Processor time of a process itself, in user and kernel mode."""
    times = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
