"""A request to the model, in a thread of its own: the run's thread must be free to be stopped."""

from __future__ import annotations

import queue
import threading

from coworkd.agents.drivers.llm import litellm_client
from coworkd.agents.worker.run_signals import RunSignals


class BackgroundRequest:
    """Streams one reply; each piece wakes the run's thread, which takes it from here.

    A request that is not wanted any more is abandoned: its thread ends with its connection or its process.
    """

    def __init__(self, question: litellm_client.ModelRequest, signals: RunSignals) -> None:
        self._signals = signals
        self._pieces: queue.SimpleQueue[str | litellm_client.ModelAnswer | BaseException] = queue.SimpleQueue()
        threading.Thread(target=self._ask, args=(question,), name="model", daemon=True).start()

    def take(self) -> str | litellm_client.ModelAnswer | None:
        """The next piece; None: there is none yet. Raises what went wrong."""
        try:
            piece = self._pieces.get_nowait()
        except queue.Empty:
            return None
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def _ask(self, question: litellm_client.ModelRequest) -> None:
        try:
            for piece in litellm_client.stream_reply(question):
                self._pieces.put(piece)
                self._signals.wakeup.notify()
        except Exception as error:  # noqa: BLE001 - carried over to the thread that waits for the reply
            self._pieces.put(error)
            self._signals.wakeup.notify()
