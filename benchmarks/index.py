"""Taking a folder in: at first sight, with nothing new, after one edit; and showing it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import reference
from benchmarks.bench import PROJECT, Bench, Workspace, best, save, timed
from benchmarks.corpus import document, tasks
from benchmarks.table import Row
from coworkd.store import Database
from coworkd.sync.disk.atomic_writer import AtomicWriter
from coworkd.sync.disk.folder import Folder
from coworkd.sync.engine import Engine
from coworkd.sync.git_history import RepoHistory
from coworkd.sync.git_knowledge import GitKnowledge
from coworkd.sync.git_questions import ask_git
from coworkd.sync.ingest.ingester import Ingester
from coworkd.sync.ingest.missing_files import MissingFiles
from coworkd.system.git import Repo


def whole_commands(bench: Bench) -> Iterator[Row]:
    """`coworkd status` with no daemon: it looks at the folder, takes in what is new, and prints the board."""
    work = bench.workspace(bench.size)
    plain = work.root.parent / f"plain-{work.size}.db"

    def ours(*, cold: bool) -> float:
        if cold:
            work.forget()
        return work.run("status")

    def theirs(*, cold: bool) -> float:
        if cold:
            plain.unlink(missing_ok=True)
        return _plain(work, "index", str(work.tasks), str(plain))

    name = f"{bench.size:,} tasks"
    cold = best(bench.times, lambda: ours(cold=True), lambda: theirs(cold=True))
    yield _beside(f"first sight of {name}, `status`", cold, 2.0)
    warm = best(bench.times, lambda: ours(cold=False), lambda: theirs(cold=False))
    yield _beside(f"nothing new among {name}, `status`", warm, 2.0)
    edited = best(bench.times, lambda: _edited(work, "status"), lambda: theirs(cold=False))
    yield _beside(f"one edit among {name}, `status`", edited, 2.0)


def looking(bench: Bench) -> Iterator[Row]:
    """One look at everything, by a daemon that is up; nothing has changed, and nothing is opened."""
    work = bench.workspace(bench.size)
    work.run("status")
    with Repo.open(work.root) as repo:
        db, folder = Database(work.database), Folder(work.root / ".cowork", work.database.parent / "trash")
        history = RepoHistory(repo)
        git = GitKnowledge(lambda asked: ask_git(history, asked))
        intake = Ingester(db, folder, "bench-0001", git)
        engine = Engine(db, folder, git, intake, AtomicWriter(db, folder), MissingFiles(db, folder, git))
        found = best(bench.times * 3, lambda: engine.scan(time.time(), time.perf_counter).seconds, lambda: _look(work))
        db.close()
    ours, theirs = found[0] * 1000, found[1] * 1000
    yield Row(
        subject=f"a look at {bench.size:,} unchanged files", ours=ours, unit="ms", beside="scandir and lstat",
        theirs=theirs, most=2.0,
    )  # fmt: skip


def screen(bench: Bench) -> Iterator[Row]:
    """`coworkd status` under a daemon, beside a program of click and sqlite3 that prints as many rows."""
    for size, most in ((100, 1.2), (bench.size, 1.2)):
        work = bench.workspace(size)
        plain = work.root.parent / f"plain-{work.size}.db"
        _plain(work, "index", str(work.tasks), str(plain))
        with work.daemon():
            shown = best(bench.times, lambda: work.run("status"), lambda: _plain(work, "board", str(plain)))  # noqa: B023
        yield Row(
            subject=f"`status` of {size:,} tasks, daemon up", ours=shown[0], unit="s", beside="click and sqlite3",
            theirs=shown[1], most=most,
        )  # fmt: skip


def _beside(subject: str, found: list[float], most: float) -> Row:
    return Row(subject=subject, ours=found[0], unit="s", beside="plain reference", theirs=found[1], most=most)


def _plain(work: Workspace, *words: str) -> float:
    return timed([sys.executable, "-m", "benchmarks.reference", *words], cwd=PROJECT, env=work.environment)


def _edited(work: Workspace, command: str) -> float:
    task = next(tasks(1))
    save(work.task(0), document(task).replace(task.title, f"Edited at {time.time()}"))
    return work.run(command)


def _look(work: Workspace) -> float:
    started = time.perf_counter()
    for _ in reference.look(str(Path(work.root, ".cowork"))):
        pass
    return time.perf_counter() - started
