"""The port to where runs are carried out.

An executor wakes the daemon and keeps each event until it is committed: it hands it out again and again until then, so
that a daemon that dies in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from coworkd.agents.port import AgentEvent, Assignment, InboxAnswer

LOST_MESSAGE = "the daemon or its worker ended before the run did"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """An event of a run; after its offset is committed, it and all before it are not handed out again."""

    run: str
    epoch: int
    """Which start of the run reports it."""
    offset: int
    event: AgentEvent


class Executor(Protocol):
    """Carries out runs. No method but `close` waits for an agent; unknown runs are ignored."""

    def submit(self, assignment: Assignment) -> None:
        """Start a run; nothing happens when it was submitted with this epoch or a later one before."""
        ...

    def answer(self, run: str, request: str, answer: InboxAnswer) -> bool:
        """Pass an answer on; False when the run is not alive."""
        ...

    def deliver(self, run: str, name: str, text: str) -> bool:
        """Pass a message on; False when the run is not alive."""
        ...

    def cancel(self, run: str) -> None:
        """Ask a run to end."""
        ...

    def kill(self, run: str) -> None:
        """End a run now."""
        ...

    def events(self) -> list[RunEvent]:
        """All events that are not committed, in order within each run. Cheap when nothing happened."""
        ...

    def commit(self, run: str, offset: int) -> None:
        """The events of a run up to `offset` are recorded durably."""
        ...

    def alive(self) -> frozenset[str]:
        """Runs whose worker has not ended."""
        ...

    def stopped(self) -> Mapping[str, int]:
        """Runs whose worker was stopped by a signal and does nothing until it is told to go on, with its process."""
        ...

    def holds(self, run: str) -> bool:
        """Whether the run's worker has not ended, or events of it are not committed."""
        ...

    def recover(self, run: str, epoch: int, run_dir: Path, offset: int) -> None:
        """Take over a run of an earlier daemon, whose latest start is committed up to `offset`.

        Its processes are ended, and its events are handed out; the last of them is an `Ended` in any case.
        """
        ...

    def ensure_supervision(self) -> None:
        """Restart the supervision of runs where it has ended. Cheap where it has not."""
        ...

    def close(self, grace: float) -> None:
        """End all runs, by force those that take longer than `grace` seconds. Their events stay readable."""
        ...
