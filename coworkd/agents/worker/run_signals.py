"""Thread-safe inputs of a run: answers, messages, and the request to end. Each wakes the run's own thread."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from coworkd.agents.port import InboxAnswer, InboxFile
from coworkd.agents.worker.inbox import read_answer
from coworkd.system.wakeup import Wakeup


class RunSignals:
    """Safe between threads; `wait`, `take_messages` and `close` are for the run's own."""

    def __init__(self) -> None:
        self.wakeup = Wakeup()
        self._lock = threading.Lock()
        self._answers: dict[str, InboxAnswer] = {}
        self._messages: dict[str, str] = {}
        self._taken: set[str] = set()
        self.stopped = False
        """The run is to end."""
        self.killed = False
        """At once."""

    def preload_answers(self, files: Iterable[InboxFile]) -> None:
        """Load the answers that an earlier start of the run was given."""
        for file in files:
            if answer := read_answer(file.text):
                self._answers[file.name] = answer

    def answer(self, request: str, answer: InboxAnswer) -> None:
        with self._lock:
            self._answers[request] = answer
        self.wakeup.notify()

    def answer_to(self, request: str) -> InboxAnswer | None:
        with self._lock:
            return self._answers.get(request)

    def deliver(self, name: str, text: str) -> None:
        with self._lock:
            if name not in self._taken:
                self._messages[name] = text
        self.wakeup.notify()

    def stop(self, *, kill: bool = False) -> None:
        self.stopped = True
        self.killed = self.killed or kill
        self.wakeup.notify()

    def take_messages(self) -> list[str]:
        """Messages that came since the last time."""
        with self._lock:
            words = list(self._messages.values())
            self._taken |= self._messages.keys()
            self._messages.clear()
        return words

    def wait(self, seconds: float | None) -> None:
        """Until an input comes in, or the time is up; None: only until an input comes in."""
        self.wakeup.wait(seconds)

    def close(self) -> None:
        self.wakeup.close()
