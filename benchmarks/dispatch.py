"""From a saved task to its agent at work: one task in a slot that was used before, and many that are saved together."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import PROJECT, Bench, Workspace, cleared, late, save, until
from benchmarks.corpus import repository
from benchmarks.table import Row

FILES = 200
HOLD = 1.0
"""Seconds that docs/format.md holds an explicit `ready`, whose text may still be typed."""
ONE_BY_ONE = 20
TOGETHER = 200
AGENT = (
    'echo "$EPOCHREALTIME $COWORK_TASK" >>"{place}/began"\ncat >/dev/null\necho "$COWORK_TASK" >"made.$COWORK_TASK"\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A repository of 200 files with a workspace in it, whose agent writes down when it began."""

    place: Path
    work: Workspace

    @classmethod
    def made(cls, place: Path, settings: str) -> Site:
        work = Workspace(root=cleared(place) / "repository", size=0)
        repository(work.root)
        for number in range(FILES):
            file = work.root / f"src/part{number % 10}/file{number:03d}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"file {number}\n" * 40)
        for words in (["add", "--all"], ["commit", "--quiet", "--message", "Files"]):
            subprocess.run(["git", *words], cwd=work.root, check=True)
        (place / "agent.sh").write_text(AGENT.format(place=place))
        user = place / "home" / ".config" / "coworkd"
        user.mkdir(parents=True)
        (user / "config.yaml").write_text("sandbox: {mode: off}\n")
        work.run("init")
        cowork = work.root / ".cowork"
        save(cowork / "config.yaml", f"version: 1\nagent: plain\napprove: []\n{settings}")
        save(
            cowork / "agents" / "plain.md",
            f"---\ndriver: command\ncommand: [bash, {place}/agent.sh]\n---\nYou are a script.\n",
        )
        return cls(place=place, work=work)

    def task(self, number: int) -> float:
        """Save a task; when."""
        name = f"task-{number:03d}"
        save(self.work.tasks / f"{name}.md", f"---\ntitle: {name}\nstatus: ready\n---\nDo it.\n")
        return time.time()

    def began(self) -> dict[str, float]:
        """When the agent of each task began."""
        file = self.place / "began"
        lines = file.read_text().splitlines() if file.exists() else []
        return {name: float(at) for at, name in (line.split() for line in lines)}

    def landed(self) -> int:
        """How many tasks have landed."""
        command = ["git", "rev-list", "--count", "--first-parent", "main..cowork/integration"]
        done = subprocess.run(command, cwd=self.work.root, capture_output=True, text=True, check=False)
        return int(done.stdout or 0)


def starting(bench: Bench) -> Iterator[Row]:
    """One task after the other, in a slot that was used before."""
    site = Site.made(bench.place / "starting", 'verify: ["true"]\nconcurrency: 1\n')
    ours: list[float] = []
    with site.work.daemon():
        for number in range(ONE_BY_ONE + 1):
            saved = site.task(number)
            until(lambda number=number: site.landed() > number, 0.05)
            ours.append(site.began()[f"task-{number:03d}"] - saved - HOLD)
    theirs = _script(site, bench.place / "starting-script", ONE_BY_ONE, 1, "recycled")
    yield Row(
        subject="one task in a used slot: due to agent at work, 95th of 100", ours=1000 * late(ours[1:]), unit="ms",
        beside="a script with the same slots, forks and commits", theirs=1000 * late(theirs), most=3.0,
    )  # fmt: skip


def together(bench: Bench) -> Iterator[Row]:
    """Two hundred tasks saved together, each in a slot that has still to be made."""
    site = Site.made(bench.place / "together", f'verify: ["true"]\nconcurrency: {TOGETHER}\n')
    with site.work.daemon() as process:
        saved = [site.task(number) for number in range(TOGETHER)]
        until(lambda: len(site.began()) == TOGETHER, 0.1)
        due = saved[-1] + HOLD
        ours = sorted(at - due for at in site.began().values())
        until(lambda: site.landed() >= 1, 0.05)
        first_landed = time.time() - due
        process.terminate()
    theirs = _script(site, bench.place / "together-script", TOGETHER, 2)
    one = _script(site, bench.place / "one-script", 1, 1)[0]
    yield Row(
        subject=f"the last of {TOGETHER} tasks saved together is at work", ours=ours[-1], unit="s",
        beside="the script on two processes", theirs=max(theirs), most=2.0,
    )  # fmt: skip
    yield Row(
        subject=f"the first of {TOGETHER} tasks saved together is at work", ours=max(ours[0], 0.0), unit="s",
        beside="the script with one task", theirs=one, most=2.0,
    )  # fmt: skip
    yield Row(subject=f"the first of {TOGETHER} tasks has landed", ours=first_landed, unit="s", beside="")


def _script(site: Site, place: Path, count: int, processes: int, *options: str) -> list[float]:
    """Seconds from when each task is due until its agent is at work; all are due at the beginning or one by one."""
    cleared(place)
    (place / "agent.sh").write_text(AGENT.format(place=place))
    began = time.time()
    command = [sys.executable, "-m", "benchmarks.dispatch_reference", str(site.work.root), str(place)]
    subprocess.run([*command, str(count), str(processes), *options], cwd=PROJECT, check=True)
    script = Site(place=place, work=site.work)
    if not options:
        return [at - began for at in script.began().values()]
    return [script.began()[task] - due for task, due in _due(place).items()]


def _due(place: Path) -> dict[str, float]:

    with sqlite3.connect(place / "script.db") as db:
        return dict(db.execute("SELECT task, at FROM runs WHERE state = 'due'"))


def landing_cpu(bench: Bench) -> Iterator[Row]:
    """CPU of the daemon itself for each task from file to landing, with few and with many tasks."""
    few, many = bench.size // 100, bench.size // 10
    costs = {count: _cpu_per_task(bench.place / f"landing-{count}", count) for count in (few, many)}
    yield Row(
        subject=f"CPU of the daemon per landed task, of {many:,}", ours=1000 * costs[many], unit="ms",
        beside=f"of {few:,}", theirs=1000 * costs[few], most=1.3,
    )  # fmt: skip


def _cpu_per_task(place: Path, count: int) -> float:
    site = Site.made(place, 'verify: ["true"]\nconcurrency: 4\n')
    with site.work.daemon() as process:
        for number in range(count):
            site.task(number)
        before = _cpu(process.pid)
        until(lambda: site.landed() >= count, 0.5)
        return (_cpu(process.pid) - before) / count


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
