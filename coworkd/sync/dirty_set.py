"""Which files to look at, and when. Pure: paths and times in, paths out.

A path is dirty from the moment something was noticed about it until it has been read at rest. Being marked again never
delays it beyond `MAX_SETTLE` after the first notice: a file that is saved without a pause is read all the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from coworkd.sync.guards import MAX_SETTLE


@dataclass(slots=True)
class _Mark:
    noticed: float
    due: float
    read_before: bool = False
    """Whether it was read since it was noticed, and is only looked at a second time."""


class DirtySet:
    """The dirty paths of one workspace, in the order in which they were first marked."""

    def __init__(self) -> None:
        self._marks: dict[str, _Mark] = {}
        self._held: Counter[str] = Counter()

    def mark(self, path: str, now: float) -> None:
        """Look at this path at once, however long another reason to look at it would have waited."""
        known = self._marks.get(path)
        settling = known is not None and now - known.noticed < MAX_SETTLE
        self._marks[path] = _Mark(known.noticed if known is not None and settling else now, now)

    def mark_at(self, path: str, noticed: float, due: float) -> None:
        """Look a second time at a path that was read, at `due`, as one that was noticed at `noticed`."""
        self._marks[path] = _Mark(noticed, due, read_before=True)

    def mark_if_clean(self, path: str, now: float) -> None:
        """Look at this path at once, unless there is another time at which it is looked at."""
        self._marks.setdefault(path, _Mark(now, now))

    def postpone(self, path: str, due: float) -> None:
        """Look at a dirty path no earlier than then."""
        self._marks[path].due = due

    def hold(self, path: str) -> None:
        """Do not look at this path until it is released as often as it was held, whatever is noticed meanwhile."""
        self._held[path] += 1

    def release(self, path: str) -> None:
        """Look at this path again when it is due."""
        self._held[path] -= 1
        if not self._held[path]:
            del self._held[path]

    def is_held(self, path: str) -> bool:
        return path in self._held

    def is_marked(self, path: str) -> bool:
        return path in self._marks

    def discard(self, path: str) -> None:
        """The path has been looked at."""
        self._marks.pop(path, None)

    def noticed_at(self, path: str) -> float:
        """When something was first noticed about a dirty path."""
        return self._marks[path].noticed

    def due(self, now: float) -> list[str]:
        """The paths to look at now."""
        return [path for path, mark in self._marks.items() if mark.due <= now and path not in self._held]

    def has_due(self, now: float) -> bool:
        """Whether there is a path to look at now, or one that is held."""
        return bool(self._held) or any(mark.due <= now for mark in self._marks.values())

    def is_settling(self, since: float) -> bool:
        """Whether a path that was noticed by then is to be read for the first time, as soon as it has settled."""
        return any(
            mark.noticed <= since and mark.due <= mark.noticed + MAX_SETTLE and not mark.read_before
            for mark in self._marks.values()
        )

    def deadline(self) -> float | None:
        """When the next path is to be looked at."""
        return min((mark.due for path, mark in self._marks.items() if path not in self._held), default=None)
