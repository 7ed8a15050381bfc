"""The port to where runs are carried out, and its in-memory side for tests and the simulator.

An executor wakes the daemon and keeps what happened until that is committed: an event is handed out again and again
until then, so that a daemon that dies in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from coworkd.agents.port import AgentEvent, Assignment, Ended, EndReason, InboxAnswer
from coworkd.agents.testing import Script, ScriptRun, Word
from coworkd.agents.worker_commands import Deliver, GiveAnswer

LOST = "the daemon or its worker ended before the run did"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """An event of a run; committing its offset says that it and all before it need not come again."""

    run: str
    offset: int
    event: AgentEvent


class Executor(Protocol):
    """Carries out runs elsewhere. No method waits for an agent, but `close`; unknown runs are ignored."""

    def submit(self, assignment: Assignment) -> None:
        """Start a run; nothing happens when this run was submitted with this epoch, or a later one, before."""
        ...

    def answer(self, run: str, request: str, answer: InboxAnswer) -> bool:
        """Hand over an answer; False when the run is not alive to take it."""
        ...

    def deliver(self, run: str, name: str, text: str) -> bool:
        """Hand over a message; False when the run is not alive to take it."""
        ...

    def cancel(self, run: str) -> None:
        """Ask a run to end."""
        ...

    def kill(self, run: str) -> None:
        """End a run now."""
        ...

    def events(self) -> list[RunEvent]:
        """Everything that is not committed, in order within each run. Cheap when nothing happened."""
        ...

    def commit(self, run: str, offset: int) -> None:
        """The events of a run up to `offset` are safely recorded."""
        ...

    def alive(self) -> frozenset[str]:
        """Runs whose worker has not ended."""
        ...

    def holds(self, run: str) -> bool:
        """Whether the run's worker has not ended, or events of it are not committed."""
        ...

    def recover(self, run: str, run_dir: Path, offset: int) -> None:
        """Take over a run of an earlier daemon, committed up to `offset`: what is left of it is ended, and its events
        come, the last of them an `Ended` in any case."""
        ...

    def tend(self) -> None:
        """See that runs are still watched over. Cheap where they are."""
        ...

    def close(self, grace: float) -> None:
        """End all runs, those that take longer than `grace` seconds by force. Their events stay readable."""
        ...


class _FakeRun:
    """A script and what it has told so far; an offset is the number of events."""

    def __init__(self, run: str, offset: int = 0) -> None:
        self._run = run
        self._offset = offset
        self.script: ScriptRun | None = None
        self.pending: list[RunEvent] = []

    def add(self, event: AgentEvent) -> None:
        self._offset += 1
        self.pending.append(RunEvent(run=self._run, offset=self._offset, event=event))
        if isinstance(event, Ended):
            self.script = None

    def go(self, word: Word | None) -> None:
        for event in self.script.go(word) if self.script else ():
            self.add(event)


class FakeExecutor:
    """Carries out scripts in memory, at once and in the caller's thread."""

    def __init__(self, wake: Callable[[], None], script: Script) -> None:
        self._wake = wake
        self._script = script
        self._runs: dict[str, _FakeRun] = {}
        self._epochs: dict[str, int] = {}

    def submit(self, assignment: Assignment) -> None:
        if self._epochs.get(assignment.run, -1) >= assignment.epoch:
            return
        self._epochs[assignment.run] = assignment.epoch
        state = self._runs.setdefault(assignment.run, _FakeRun(assignment.run))
        state.script = ScriptRun(self._script(assignment))
        state.go(None)
        self._wake()

    def answer(self, run: str, request: str, answer: InboxAnswer) -> bool:
        return self._say(run, GiveAnswer(request=request, answer=answer))

    def deliver(self, run: str, name: str, text: str) -> bool:
        return self._say(run, Deliver(name=name, text=text))

    def cancel(self, run: str) -> None:
        state = self._runs.get(run)
        if state and state.script:
            state.add(state.script.stop())
            self._wake()

    def kill(self, run: str) -> None:
        self.cancel(run)

    def events(self) -> list[RunEvent]:
        return [event for state in self._runs.values() for event in state.pending]

    def commit(self, run: str, offset: int) -> None:
        if state := self._runs.get(run):
            state.pending = [event for event in state.pending if event.offset > offset]

    def alive(self) -> frozenset[str]:
        return frozenset(run for run, state in self._runs.items() if state.script)

    def holds(self, run: str) -> bool:
        state = self._runs.get(run)
        return state is not None and (state.script is not None or bool(state.pending))

    def recover(self, run: str, run_dir: Path, offset: int) -> None:
        state = self._runs.setdefault(run, _FakeRun(run, offset))
        self.commit(run, offset)
        if not any(isinstance(event.event, Ended) for event in state.pending):
            state.add(Ended(reason=EndReason.CRASHED, message=LOST))
        self._wake()

    def tend(self) -> None:
        """There is no thread that could have ended."""

    def close(self, grace: float) -> None:
        for run in self.alive():
            self.cancel(run)

    def _say(self, run: str, word: Word) -> bool:
        state = self._runs.get(run)
        if not state or not state.script:
            return False
        if state.script.takes(word):
            state.go(word)
            self._wake()
        return True
