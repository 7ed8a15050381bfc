"""What an edit costs a daemon whose tasks depend on each other, and how soon the ready ones are known."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.bench import Bench, Workspace, save, until
from benchmarks.table import Row

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


def _title(reader: object) -> str:
    rows = reader.execute("SELECT title FROM tasks WHERE path = 'tasks/draft.md'").fetchall()  # type: ignore[attr-defined]
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
