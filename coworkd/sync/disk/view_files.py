"""Files that are shown and never read back: live messages and inbox.md.

No intent, no fsync; what is lost in a crash is written again. They are no documents: the engine does not read them.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from coworkd.sync.disk.folder import Content, FileStat, digest
from coworkd.sync.disk.ports import Files

MIN_INTERVAL = 2.0
"""Seconds between two versions of one file, unless the caller gives another pause."""

LIVE_SUFFIX = ".live.md"

MAX_PER_SECOND = 20
"""Versions that are written in any second, what is urgent not counted."""


class ViewFiles:
    """Writes view files and removes them; used by the writer thread alone."""

    def __init__(self, folder: Files) -> None:
        self._folder = folder
        self._shown_versions: dict[str, tuple[str, float]] = {}
        self._write_times: deque[float] = deque(maxlen=MAX_PER_SECOND)
        """When the latest versions were written."""
        self._stats: dict[str, FileStat] = {}
        self._edited: set[str] = set()
        """Live messages that a person has written into: theirs until they take it out, or the file away."""

    def show(self, path: str, data: bytes, now: float, pause: float = MIN_INTERVAL) -> float | None:
        """Put `data` there if it differs; when that must wait, the time at which it may be shown.

        Where the whole folder is missing (another branch, a deletion) it is not recreated, or it could not come back.
        """
        if not self._folder.exists():
            return now + MIN_INTERVAL
        if self._is_edited(path):
            return now + MIN_INTERVAL
        known, at = self._shown_versions.get(path, ("", 0.0))
        sha = digest(data)
        if known == sha and self._folder.stat(path) is not None:
            return None
        if at and now < at + pause:
            return at + pause
        if pause >= MIN_INTERVAL and len(self._write_times) == MAX_PER_SECOND and now < self._write_times[0] + 1.0:
            return self._write_times[0] + 1.0
        try:
            self._folder.publish(path, data)
        except OSError:
            return now + MIN_INTERVAL
        self._shown_versions[path] = (sha, now)
        self._record_stat(path)
        self._write_times.append(now)
        return None

    def move_times(self, seconds: float) -> None:
        """The clock was set by this: what was written lately still was."""
        self._shown_versions = {path: (sha, at + seconds) for path, (sha, at) in self._shown_versions.items()}
        self._write_times = deque((at + seconds for at in self._write_times), MAX_PER_SECOND)

    def shown(self) -> list[str]:
        return list(self._shown_versions)

    def edited(self) -> list[str]:
        """Live messages that hold a person's text, which is not read and not written over."""
        self._edited = {path for path in self._edited if self.is_there(path)}
        return sorted(self._edited)

    def is_there(self, path: str) -> bool:
        return self._folder.stat(path) is not None

    def drop(self, path: str) -> None:
        edited = self._is_edited(path)
        self._shown_versions.pop(path, None)
        self._stats.pop(path, None)
        if not edited:
            with suppress(OSError):
                self._folder.discard(path)

    def _record_stat(self, path: str) -> None:
        found = self._folder.stat(path)
        if path.endswith(LIVE_SUFFIX) and found is not None:
            self._stats[path] = found

    def _is_edited(self, path: str) -> bool:
        """Whether a person has saved something else there since it was shown, by its stat and then its bytes."""
        ours, found = self._stats.get(path), self._folder.stat(path)
        if ours is None:
            return path in self._edited
        if found is None or found == ours:
            self._edited.discard(path)
            return False
        read = self._folder.read(path)
        if isinstance(read, Content) and read.sha == self._shown_versions[path][0]:
            self._stats[path] = read.stat
            self._edited.discard(path)
        elif isinstance(read, Content):
            self._edited.add(path)
        return path in self._edited
