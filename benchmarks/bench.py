"""A place to measure in: repositories with tasks, commands that are timed, daemons that come up and go down."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.corpus import repository, write_tasks

PROJECT = Path(__file__).resolve().parents[1]
PATIENCE = 600.0


@dataclass(slots=True, kw_only=True)
class Bench:
    """One run of the benchmarks."""

    place: Path
    """A folder of its own, on the file system that is measured."""
    peers: Path
    """Where other programs are installed, to be found again by the next run."""
    size: int
    """Tasks of a large workspace."""
    times: int
    """How often what is quick is measured."""
    seconds: float
    """How long an idle daemon is watched."""
    skipped: list[str] = field(default_factory=list[str])
    _made: dict[int, Workspace] = field(default_factory=dict[int, "Workspace"])

    def workspace(self, size: int) -> Workspace:
        """A workspace with so many tasks; the same for all who ask."""
        if size not in self._made:
            self._made[size] = Workspace.made(self.place / f"with-{size}", size)
        return self._made[size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A repository with `.cowork/`, driven through the command line."""

    root: Path
    size: int

    @classmethod
    def made(cls, root: Path, size: int) -> Workspace:
        repository(root)
        made = cls(root=root, size=size)
        made.run("init")
        write_tasks(made.tasks, size)
        return made

    @property
    def tasks(self) -> Path:
        return self.root / ".cowork" / "tasks"

    @property
    def database(self) -> Path:
        return self.root / ".git" / "cowork" / "state.db"

    @property
    def environment(self) -> dict[str, str]:
        home = str(self.root.parent / "home")
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**kept, "HOME": home, "XDG_STATE_HOME": f"{home}/state", "PYTHONPATH": str(PROJECT)}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-P", "-m", "coworkd", *words]

    def run(self, *words: str) -> float:
        return timed(self.command(*words), cwd=self.root, env=self.environment)

    def forget(self) -> None:
        """Begin with no database, as at first sight."""
        for file in self.database.parent.glob("state.db*"):
            file.unlink()

    def task(self, number: int) -> Path:
        return self.tasks / f"{number // 1000:03d}" / f"task-{number:06d}.md"

    def titles(self) -> sqlite3.Connection:
        """A reader of the database."""
        return sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, isolation_level=None)

    @contextmanager
    def daemon(self) -> Generator[subprocess.Popen[str]]:
        """A daemon that has finished its first turn."""
        process = subprocess.Popen(
            self.command("up"), cwd=self.root, env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready ")
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(60)


def timed(argv: Sequence[str], *, cwd: Path, env: dict[str, str] | None = None) -> float:
    """Seconds that a command takes from its start to its end; it has to succeed."""
    started = time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv[:6])}: {done.stderr.decode(errors='replace')[-2000:]}")
    return seconds


def best(times: int, *measures: Callable[[], float]) -> list[float]:
    """The least of so many measurements of each, taken in turn: what else the machine does falls on all alike."""
    rounds = [[measure() for measure in measures] for _ in range(times)]
    return [min(column) for column in zip(*rounds, strict=True)]


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)


def late(values: Sequence[float]) -> float:
    """The 95th of a hundred."""
    return sorted(values)[int(len(values) * 0.95)]


def until(ready: Callable[[], bool], pause: float = 0.0002) -> float:
    """Seconds until it is so."""
    started = time.perf_counter()
    while not ready():
        if time.perf_counter() > started + PATIENCE:
            raise RuntimeError("it did not come to that")
        time.sleep(pause)
    return time.perf_counter() - started


def save(path: Path, text: str) -> None:
    """As an editor does: a new file, renamed over the old one."""
    aside = path.with_name(f".{path.name}.tmp~")
    aside.write_text(text)
    aside.replace(path)


def cleared(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
