"""What it costs to start and to watch agents, beside a script that starts and reads the same programs.

Processor time is counted, not time: agents mostly wait, and other work on the machine must not show.
"""

from __future__ import annotations

import os
import resource
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from benchmarks.bench import Bench
from benchmarks.table import Row
from coworkd.agents.port import Assignment, Ended
from coworkd.core.model import AgentSpec
from coworkd.dispatch.executors.local import LocalExecutor
from coworkd.system.process_tree import children_of

AGENTS = 200
IDLE_AGENTS = 20
_PATIENCE = 120.0
_TALK = "while :; do echo a line of what an agent prints; sleep 0.2; done"
_SECONDS = 5.0
_TICKS = os.sysconf("SC_CLK_TCK")


def starting(bench: Bench) -> Iterator[Row]:
    """One run of a program that does nothing, from its assignment to its recorded end."""
    with _Supervision(bench.place / "starting") as work:
        work.carry_out("warm", "true")
        before = work.all_seconds()
        runs = [f"run-{number}" for number in range(4 * bench.times)]
        for run in runs:
            work.carry_out(run, "true")
        ours = (work.all_seconds() - before) / len(runs) * 1000
    yield Row(subject="processor time of a run of `true`", ours=ours, unit="ms", beside="fork, exec and wait",
              theirs=_bare_seconds(4 * bench.times) * 1000)  # fmt: skip
    yield Row(subject="processor time to start a worker and end it", ours=ours, unit="ms", beside="", most=50.0)


def watching(bench: Bench) -> Iterator[Row]:
    """Many agents that print a line five times a second, watched for some seconds."""
    with _Supervision(bench.place / "watching") as work:
        work.start_all(AGENTS, _TALK)
        ours = work.seconds_of_supervision(_SECONDS)
    yield Row(subject=f"processor time to watch {AGENTS} talking agents for {_SECONDS:.0f} s", ours=ours, unit="s",
              beside="an epoll loop", theirs=_epoll_seconds(), most=1.5)  # fmt: skip


def resting(bench: Bench) -> Iterator[Row]:
    """Agents that do nothing at all."""
    with _Supervision(bench.place / "resting") as work:
        work.start_all(IDLE_AGENTS, "echo up; exec sleep 1000")
        ours = work.seconds_of_supervision(_SECONDS)
        memory = [_shared_out(pid) for pid in work.workers()]
    yield Row(subject=f"processor time to watch {IDLE_AGENTS} idle agents for {_SECONDS:.0f} s", ours=ours * 1000,
              unit="ms", beside="", most=50.0)  # fmt: skip
    yield Row(subject="memory of the worker of an idle agent (PSS)", ours=sum(memory) / len(memory), unit="MB",
              beside="", most=4.0)  # fmt: skip


class _Supervision:
    """An executor with its runs, and a daemon's part of reading what they say."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._told = threading.Event()
        self._executor = LocalExecutor(self._told.set)
        self._others = children_of(os.getpid())
        self._spoken: set[str] = set()
        self._ended: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for run in self._executor.alive():
            self._executor.kill(run)
        self._executor.close(2.0)

    def submit(self, run: str, script: str) -> None:
        folder = self._place / run
        (folder / "worktree").mkdir(parents=True)
        agent = AgentSpec(name="bench", driver="command", command=("bash", "-c", script))
        self._executor.submit(
            Assignment(
                run=f"bench-{os.getpid()}-{run}", task=run, attempt=1, epoch=1, agent=agent, prompt="",
                worktree=str(folder / "worktree"), run_dir=str(folder / "run"), home=str(folder / "home"),
                timeout=3600.0, stall=3600.0, output_limit=1_000_000, repo_id=f"bench-{os.getpid()}",
            )
        )  # fmt: skip

    def carry_out(self, run: str, script: str) -> None:
        self.submit(run, script)
        self._until(lambda: not self._executor.alive())

    def start_all(self, number: int, script: str) -> None:
        """Start so many agents, and wait until each has printed something."""
        for at in range(number):
            self.submit(f"agent-{at}", script)
        self._until(lambda: len(self._spoken) == number)

    def _until(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + _PATIENCE
        while not done():
            assert time.monotonic() < until, "agents do not start"
            self._read(0.1)

    def _read(self, seconds: float) -> None:
        """What a turn of the daemon reads, once something was written."""
        if not self._told.wait(seconds):
            return
        self._told.clear()
        for item in self._executor.events():
            (self._ended if isinstance(item.event, Ended) else self._spoken).add(item.run)
            self._executor.commit(item.run, item.offset)

    def servers(self) -> set[int]:
        return children_of(os.getpid()) - self._others

    def workers(self) -> set[int]:
        return {worker for server in self.servers() for worker in children_of(server)}

    def all_seconds(self) -> float:
        """Processor time of this process, the servers, and of all that they have forked and that has ended."""
        return _own_seconds() + sum(_seconds(server, ended=True) for server in self.servers())

    def seconds_of_supervision(self, seconds: float) -> float:
        """Processor time of ours, not of the agents, while they work for so long."""
        before, until = self._supervision(), time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._read(left)
        return self._supervision() - before

    def _supervision(self) -> float:
        return _own_seconds() + sum(_seconds(pid) for pid in self.servers() | self.workers())


def _bare_seconds(times: int) -> float:
    """Processor time of a program that does nothing, started and awaited."""
    before = _own_seconds() + _children_seconds()
    for _ in range(times):
        subprocess.run(("bash", "-c", "true"), check=True)
    return (_own_seconds() + _children_seconds() - before) / times


def _epoll_seconds() -> float:
    """Processor time of a loop that reads the same agents' pipes for as long, and does nothing with it."""
    with _talking() as pipes, selectors.EpollSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        silent = set(pipes)
        while silent:
            silent -= set(_take(selector, 1.0))
        before, until = _own_seconds(), time.monotonic() + _SECONDS
        while (left := until - time.monotonic()) > 0:
            _take(selector, left)
        return _own_seconds() - before


def _take(selector: selectors.BaseSelector, seconds: float) -> Iterable[int]:
    found = [key.fd for key, _ in selector.select(seconds)]
    for fd in found:
        os.read(fd, 65536)
    return found


@contextmanager
def _talking() -> Generator[list[int]]:
    agents = [
        subprocess.Popen(("bash", "-c", _TALK), stdout=subprocess.PIPE, start_new_session=True) for _ in range(AGENTS)
    ]
    try:
        yield [agent.stdout.fileno() for agent in agents if agent.stdout is not None]
    finally:
        for agent in agents:
            agent.kill()
            agent.communicate()


def _own_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds(pid: int, *, ended: bool = False) -> float:
    """Processor time of another process; `ended`: and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if ended else 13])) / _TICKS


def _shared_out(pid: int) -> float:
    """MB of a process, of what it shares with others its part."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
