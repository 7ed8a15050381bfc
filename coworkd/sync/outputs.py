"""Files that are shown and never read back: live messages and inbox.md.

No intent, no fsync; what is lost in a crash is made again. Never documents: the engine does not look at them.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from coworkd.sync.files import digest
from coworkd.sync.ports import Files

LEAST_PAUSE = 2.0
"""Seconds between two versions of one file, where nothing else is said."""

MOST = 20
"""Versions that are written in any second, what is urgent not counted."""


class Outputs:
    """Shows and takes away; used by the writer thread alone."""

    def __init__(self, folder: Files) -> None:
        self._folder = folder
        self._shown: dict[str, tuple[str, float]] = {}
        self._written: deque[float] = deque(maxlen=MOST)
        """When the latest were."""

    def show(self, path: str, data: bytes, now: float, pause: float = LEAST_PAUSE) -> float | None:
        """Put `data` there if it differs; when that must wait, the time at which it may be shown.

        Where the whole folder is away (another branch, a deletion) nothing makes it anew, or it could not come back.
        """
        if not self._folder.exists():
            return now + LEAST_PAUSE
        known, at = self._shown.get(path, ("", 0.0))
        sha = digest(data)
        if known == sha and self._folder.stat(path) is not None:
            return None
        if at and now < at + pause:
            return at + pause
        if pause >= LEAST_PAUSE and len(self._written) == MOST and now < self._written[0] + 1.0:
            return self._written[0] + 1.0
        try:
            self._folder.publish(path, data)
        except OSError:
            return now + LEAST_PAUSE
        self._shown[path] = (sha, now)
        self._written.append(now)
        return None

    def shown(self) -> list[str]:
        return list(self._shown)

    def drop(self, path: str) -> None:
        self._shown.pop(path, None)
        with suppress(OSError):
            self._folder.discard(path)
