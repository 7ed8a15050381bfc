"""The reply of an agent as it streams: bytes in, bounded pieces of text out."""

from __future__ import annotations

import codecs

from coworkd.agents.port import TextWritten

BATCH_BYTES = 4 * 1024
BATCH_SECONDS = 0.1

_TAIL = 16 * 1024


class TextStream:
    """Batches and decodes a reply, and caps it. What comes after a pause comes out at once, what follows in batches.

    At most `limit` bytes come out: the beginning as it comes, and at the end the last of the rest. The cut
    is marked once. Pure: time is handed in (monotonic seconds).
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tail = min(_TAIL, limit // 2)
        self._room = limit - self._tail
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._batch = bytearray()
        self._taken_at = -BATCH_SECONDS
        self._late = bytearray()
        self._dropped = 0
        self._cut = False

    def feed(self, chunk: bytes) -> None:
        """Take a piece of output."""
        head = chunk[: self._room]
        self._room -= len(head)
        self._batch += head
        self._late += chunk[len(head) :]
        excess = len(self._late) - self._tail
        if excess > 0:
            del self._late[:excess]
            self._dropped += excess

    def due(self, now: float) -> float | None:
        """Seconds until a batch should be taken; None: there is none."""
        if not self._batch:
            return None
        return 0.0 if len(self._batch) >= BATCH_BYTES else max(0.0, self._taken_at + BATCH_SECONDS - now)

    def take(self, now: float) -> list[TextWritten]:
        """The batch, if it is full or old enough."""
        if self.due(now) != 0.0:
            return self._mark()
        self._taken_at = now
        return self._flush(final=False)

    def close(self) -> list[TextWritten]:
        """All that is left."""
        if not self._dropped:
            self._batch += self._late
            return self._flush(final=True)
        return self._flush(final=True) + self._mark() + _text(self._late.decode("utf-8", "replace"))

    def _flush(self, *, final: bool) -> list[TextWritten]:
        text = self._decoder.decode(bytes(self._batch), final)
        self._batch.clear()
        return _text(text)

    def _mark(self) -> list[TextWritten]:
        """Mark the cut, once, as soon as output is held back."""
        if self._cut or not self._dropped or self._batch:
            return []
        self._cut = True
        torn = self._decoder.decode(b"", True)
        return _text(f"{torn}\n[... output over {self._limit} bytes is cut, but for its end ...]\n")


def _text(text: str) -> list[TextWritten]:
    return [TextWritten(text=text)] if text else []
