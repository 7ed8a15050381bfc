"""An agent that does what a script says: the port's second side, for tests and the simulator.

A script is a generator function: it yields events, is sent the answer to each `Asked`, and yields None to wait for the
next message, which it is sent. When it returns, the run is done.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Iterator
from typing import TypeAlias

from coworkd.agents.port import AgentEvent, Asked, Assignment, Ended, EndReason, InboxAnswer
from coworkd.agents.worker_commands import Deliver, GiveAnswer
from coworkd.core.errors import AgentError

ScriptInput: TypeAlias = GiveAnswer | Deliver
ScriptSteps: TypeAlias = Generator[AgentEvent | None, ScriptInput | None, None]
Script: TypeAlias = Callable[[Assignment], ScriptSteps]

CANCELLED = Ended(reason=EndReason.CANCELLED, message="cancelled")


class ScriptRun:
    """A running script. It never blocks; it says what it waits for."""

    def __init__(self, steps: ScriptSteps) -> None:
        self._steps = steps
        self._awaited: Asked | None = None
        self.ended = False

    def advance(self, control: ScriptInput | None) -> Iterator[AgentEvent]:
        """Events until the script waits for an input or has ended, the `Ended` included."""
        while not self.ended:
            try:
                event = self._steps.send(control)
            except StopIteration:
                event = Ended(reason=EndReason.DONE)
            control = None
            self.ended = isinstance(event, Ended)
            if event is not None:
                yield event
            if event is None or isinstance(event, Asked):
                self._awaited = event
                return

    def accepts(self, control: ScriptInput) -> bool:
        """Whether the script waits for this input."""
        if self._awaited is None:
            return isinstance(control, Deliver)
        return isinstance(control, GiveAnswer) and control.request == self._awaited.request

    def stop(self) -> Ended:
        self._steps.close()
        self.ended = True
        return CANCELLED


class FakeAgent:
    """Runs a script, waiting for answers and messages as a real agent would."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._words: queue.SimpleQueue[ScriptInput | None] = queue.SimpleQueue()
        self._stopped = False

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        if not assignment.run:
            raise AgentError("a run has an id")
        return self._events(ScriptRun(self._script(assignment)))

    def answer(self, request: str, answer: InboxAnswer) -> None:
        self._words.put(GiveAnswer(request=request, answer=answer))

    def deliver(self, name: str, text: str) -> None:
        self._words.put(Deliver(name=name, text=text))

    def cancel(self) -> None:
        self._stopped = True
        self._words.put(None)

    def kill(self) -> None:
        self.cancel()

    def _events(self, run: ScriptRun) -> Iterator[AgentEvent]:
        control: ScriptInput | None = None
        while not run.ended:
            for event in run.advance(control):
                if self._stopped and not run.ended:
                    break
                yield event
            if run.ended:
                return
            control = self._next_input(run)
            if control is None:
                yield run.stop()

    def _next_input(self, run: ScriptRun) -> ScriptInput | None:
        """What the script waits for; None when the run is stopped. Inputs that it does not wait for are lost."""
        while not self._stopped:
            control = self._words.get()
            if control is not None and run.accepts(control):
                return control
        return None
