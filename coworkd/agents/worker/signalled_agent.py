"""The base of drivers whose run takes what comes from other threads by signals."""

from __future__ import annotations

from coworkd.agents.port import InboxAnswer
from coworkd.agents.worker.run_signals import RunSignals


class SignalledAgent:
    """The half of the port that is called from other threads; a driver adds `start`."""

    def __init__(self) -> None:
        self._signals = RunSignals()

    def answer(self, request: str, answer: InboxAnswer) -> None:
        self._signals.answer(request, answer)

    def deliver(self, name: str, text: str) -> None:
        self._signals.deliver(name, text)

    def cancel(self) -> None:
        self._signals.stop()

    def kill(self) -> None:
        self._signals.stop(kill=True)
