"""How often the output of a program is read: not for each line of one that prints little but all the time.

A live message shows a line after up to two seconds (docs/format.md), which is when it is rewritten, but
each read wakes a worker and the daemon. What comes after a silence is read at once, and so is what comes in bulk: a
program must not wait because its pipe is full. In between the pauses grow.
"""

from __future__ import annotations

FIRST_PAUSE = 0.1
"""Seconds between two reads; doubled with each."""
SILENCE = 2.0
"""Seconds without output after which the next is read at once."""
BULK = 8 * 1024
"""Bytes of one read after which the next follows at once; an eighth of what a pipe holds."""


class ReadPace:
    """The pauses between the reads of one pipe. Pure: time is handed in (monotonic seconds)."""

    def __init__(self, longest: float) -> None:
        """`longest`: seconds of a pause, at most."""
        self._longest = longest
        self._pause = 0.0
        self._read_at = float("-inf")

    def pause_after(self, size: int, now: float) -> float:
        """Seconds for which the pipe is left alone, after `size` bytes were read from it."""
        if size >= BULK:
            self._pause = 0.0
        elif self._pause == 0.0 or now - self._read_at > SILENCE:
            self._pause = min(FIRST_PAUSE, self._longest)
        else:
            self._pause = min(2 * self._pause, self._longest)
        self._read_at = now
        return self._pause
