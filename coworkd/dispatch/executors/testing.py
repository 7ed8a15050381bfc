"""An executor in memory, for tests and the simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from coworkd.agents.port import AgentEvent, Assignment, Ended, EndReason, InboxAnswer
from coworkd.agents.testing import Script, ScriptInput, ScriptRun
from coworkd.agents.worker_commands import Deliver, GiveAnswer
from coworkd.dispatch.executors.port import LOST_MESSAGE, RunEvent

EventLogs: TypeAlias = dict[str, list[RunEvent]]
"""The events of every start of an agent, by the folder of that start."""


class _FakeRun:
    """A script and its events so far; an offset is the number of events."""

    def __init__(self, run: str, epoch: int, offset: int = 0) -> None:
        self._run = run
        self.epoch = epoch
        self._offset = offset
        self.script: ScriptRun | None = None
        self.pending: list[RunEvent] = []
        self.log: list[RunEvent] = []

    def read(self, log: list[RunEvent]) -> None:
        """What was logged and not committed is still to be reported."""
        self.log = log
        self.pending = [event for event in log if event.offset > self._offset]
        self._offset = max([self._offset, *(event.offset for event in log)])

    def add(self, event: AgentEvent) -> None:
        self.log.append(self.report(event, self.epoch))
        if isinstance(event, Ended):
            self.script = None

    def report(self, event: AgentEvent, epoch: int) -> RunEvent:
        self._offset += 1
        reported = RunEvent(run=self._run, epoch=epoch, offset=self._offset, event=event)
        self.pending.append(reported)
        return reported

    def advance(self, control: ScriptInput | None) -> None:
        for event in self.script.advance(control) if self.script else ():
            self.add(event)


class FakeExecutor:
    """Carries out scripts in memory, immediately and in the caller's thread."""

    def __init__(self, wake: Callable[[], None], script: Script, logs: EventLogs | None = None) -> None:
        """`logs` outlive the executor, as files do: a later one that is given them recovers runs from them."""
        self._wake = wake
        self._script = script
        self._logs: EventLogs = {} if logs is None else logs
        self._runs: dict[str, _FakeRun] = {}
        self._epochs: dict[str, int] = {}
        self.stopped_workers: dict[str, int] = {}
        """What `stopped` returns."""
        self.ends_unread = False
        """How runs ended stands in their logs, and has not been read from there yet."""

    def submit(self, assignment: Assignment) -> None:
        if self._epochs.get(assignment.run, -1) >= assignment.epoch:
            return
        self._epochs[assignment.run] = assignment.epoch
        state = self._runs.setdefault(assignment.run, _FakeRun(assignment.run, assignment.epoch))
        state.epoch = assignment.epoch
        state.log = self._logs[assignment.run_dir] = []
        state.script = ScriptRun(self._script(assignment))
        state.advance(None)
        self._wake()

    def answer(self, run: str, request: str, answer: InboxAnswer) -> bool:
        return self._send(run, GiveAnswer(request=request, answer=answer))

    def deliver(self, run: str, name: str, text: str) -> bool:
        return self._send(run, Deliver(name=name, text=text))

    def cancel(self, run: str) -> None:
        state = self._runs.get(run)
        if state and state.script:
            state.add(state.script.stop())
            self._wake()

    def kill(self, run: str) -> None:
        self.cancel(run)

    def events(self) -> list[RunEvent]:
        pending = [event for state in self._runs.values() for event in state.pending]
        return [event for event in pending if not (self.ends_unread and isinstance(event.event, Ended))]

    def commit(self, run: str, offset: int) -> None:
        if state := self._runs.get(run):
            state.pending = [event for event in state.pending if event.offset > offset]

    def alive(self) -> frozenset[str]:
        return frozenset(run for run, state in self._runs.items() if state.script)

    def stopped(self) -> Mapping[str, int]:
        return dict(self.stopped_workers)

    def holds(self, run: str) -> bool:
        state = self._runs.get(run)
        return state is not None and (state.script is not None or bool(state.pending))

    def recover(self, run: str, epoch: int, run_dir: Path, offset: int) -> None:
        if run not in self._runs:
            self._runs[run] = _FakeRun(run, epoch, offset)
            self._runs[run].read(self._logs.setdefault(str(run_dir), []))
        state = self._runs[run]
        self.commit(run, offset)
        if not any(isinstance(event.event, Ended) for event in state.pending):
            state.add(Ended(reason=EndReason.CRASHED, message=LOST_MESSAGE))
        self._wake()

    def lose(self, run: str) -> None:
        """All that is known of a run is gone, as if it had never been submitted."""
        del self._runs[run]

    def report_late(self, run: str, epoch: int, event: AgentEvent) -> None:
        """Something that the executor had lost reports after all, for a start of the run that may be over."""
        self._runs.setdefault(run, _FakeRun(run, epoch)).report(event, epoch)
        self._wake()

    def ensure_supervision(self) -> None:
        """Nothing to do: there is no thread."""

    def close(self, grace: float) -> None:
        for run in self.alive():
            self.cancel(run)

    def _send(self, run: str, control: ScriptInput) -> bool:
        state = self._runs.get(run)
        if not state or not state.script:
            return False
        if state.script.accepts(control):
            state.advance(control)
            self._wake()
        return True
