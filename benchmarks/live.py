"""A daemon at work: how long an edit takes to be known, a change to be written, a burst to be taken in; and at rest."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from benchmarks.bench import PROJECT, Bench, Workspace, cleared, late, middle, save, until
from benchmarks.corpus import document, tasks, write_tasks
from benchmarks.table import Row
from coworkd.store import Database
from coworkd.sync.disk.atomic_writer import AtomicWriter
from coworkd.sync.disk.folder import Folder, digest
from coworkd.sync.disk.write_steps import Written

SMALL = 100
EDITS = 60


def edits(bench: Bench) -> Iterator[Row]:
    """From the rename of a saved file to the committed row."""
    small, large = bench.workspace(SMALL), bench.workspace(bench.size)
    ours = {work.size: _edits_of(work) for work in (small, large)}
    plain = _edits_of_plain(small)
    yield _in_ms(f"an edit among {SMALL} tasks known, median", ours[SMALL], plain, middle, 2.0)
    yield _in_ms(f"an edit among {SMALL} tasks known, 95th of 100", ours[SMALL], plain, late, 5.0)
    yield Row(
        subject=f"an edit among {bench.size:,} tasks known, median", ours=1000 * middle(ours[bench.size]), unit="ms",
        beside=f"the same among {SMALL}", theirs=1000 * middle(ours[SMALL]), most=1.2,
    )  # fmt: skip


def _in_ms(subject: str, ours: list[float], plain: list[float], of: Callable[[list[float]], float], most: float) -> Row:
    beside = "watchdog, parse, commit"
    return Row(subject=subject, ours=1000 * of(ours), unit="ms", beside=beside, theirs=1000 * of(plain), most=most)


def _edits_of(work: Workspace) -> list[float]:
    with work.daemon(), closing(work.titles()) as reader:
        until(lambda: bool(reader.execute("SELECT count(*) FROM tasks").fetchone()[0] >= work.size))
        return [_edit(work.task(0), reader, f"Edit {number}", "SELECT title FROM tasks WHERE id = 'task-000000'")
                for number in range(EDITS)]  # fmt: skip


def _edits_of_plain(work: Workspace) -> list[float]:
    database = work.root.parent / "plain-watch.db"
    database.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.reference_watch", str(work.tasks), str(database)], cwd=PROJECT,
        env=work.environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        process.stdout.readline()
        with closing(sqlite3.connect(database, isolation_level=None)) as reader:
            return [_edit(work.task(0), reader, f"Plain {number}", "SELECT max(title) FROM tasks WHERE sha != ''")
                    for number in range(EDITS)]  # fmt: skip
    finally:
        process.terminate()
        process.wait()


def _edit(path: Path, reader: sqlite3.Connection, title: str, question: str) -> float:
    task = next(tasks(1))
    time.sleep(0.1)  # each edit is one of its own
    save(path, document(task).replace(task.title, title))
    return until(lambda: reader.execute(question).fetchone()[0] == title)


def writing(bench: Bench) -> Iterator[Row]:
    """From the row to the file: the whole write protocol, beside its two commits and one synced file."""
    place = cleared(bench.place / "writing")
    folder = Folder(place / "ws", place / "trash")
    (place / "ws" / "tasks").mkdir(parents=True)
    db = Database(place / "state.db")
    writer, target = AtomicWriter(db, folder), place / "ws" / "tasks" / "a.md"
    texts = [document(task).encode() for task in tasks(40)]
    target.write_bytes(texts[0])
    ours: list[float] = []
    theirs: list[float] = []
    for before, text in pairwise(texts):
        started = time.perf_counter()
        assert isinstance(writer.write("tasks/a.md", digest(before), text, time.time()), Written)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        _plain_write(db, place / "plain.md", text)
        theirs.append(time.perf_counter() - started)
    db.close()
    yield Row(
        subject="a changed row in its file", ours=1000 * middle(ours), unit="ms",
        beside="two commits, one synced file", theirs=1000 * middle(theirs), most=2.0,
    )  # fmt: skip


def _plain_write(db: Database, path: Path, text: bytes) -> None:
    with db.write(durable=True):
        db.set_state("plain", str(len(text)))
    aside = path.with_name("plain.tmp")
    with aside.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    with db.write(durable=True):
        db.set_state("plain", "")


def burst(bench: Bench) -> Iterator[Row]:
    """Files that come while the daemon is stopped, more than the kernel keeps events of."""
    count = max(200, 2 * bench.size)
    cold = Workspace.made(cleared(bench.place / "cold") / "repo", count)
    with cold.daemon() as process, closing(cold.titles()) as reader:
        until(lambda: _tasks(reader) == count)
    cold.forget()
    started = time.perf_counter()
    with cold.daemon() as process:
        first_sight = time.perf_counter() - started
    work = Workspace.made(cleared(bench.place / "burst") / "repo", 0)
    with work.daemon() as process, closing(work.titles()) as reader:
        process.send_signal(signal.SIGSTOP)
        write_tasks(work.tasks, count)
        process.send_signal(signal.SIGCONT)
        seconds = until(lambda: _tasks(reader) == count, 0.01)
    yield Row(
        subject=f"{count:,} files while the daemon is stopped, all known", ours=seconds, unit="s",
        beside="`up` on the same files", theirs=first_sight, most=1.5,
    )  # fmt: skip


def _tasks(reader: sqlite3.Connection) -> int:
    return int(reader.execute("SELECT count(*) FROM tasks").fetchone()[0])


def idle(bench: Bench) -> Iterator[Row]:
    """A daemon with nothing to do."""
    work = bench.workspace(bench.size)
    with work.daemon() as process:
        time.sleep(3.0)  # the second look after the start is over
        before, started = _used(process.pid), time.monotonic()
        time.sleep(bench.seconds)
        after, seconds = _used(process.pid), time.monotonic() - started
    name = f"at rest with {bench.size:,} tasks"
    yield Row(subject=f"{name}: processor", ours=100 * (after[0] - before[0]) / seconds, unit="% of a core", beside="",
              most=0.2)  # fmt: skip
    yield Row(subject=f"{name}: written", ours=after[1] - before[1], unit="bytes", beside="", most=0.0)
    yield Row(subject=f"{name}: memory", ours=after[2], unit="MB", beside="", most=45.0)


def _used(pid: int) -> tuple[float, float, float]:
    """Seconds of processor time, bytes written, megabytes of memory."""
    place = Path("/proc", str(pid))
    times = place.joinpath("stat").read_text().rpartition(")")[2].split()
    seconds = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
    written = next(line for line in place.joinpath("io").read_text().splitlines() if line.startswith("write_bytes"))
    memory = next(line for line in place.joinpath("status").read_text().splitlines() if line.startswith("VmRSS"))
    return seconds, float(written.split()[1]), int(memory.split()[1]) / 1024
