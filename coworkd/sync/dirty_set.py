"""Which files to look at, and when. Pure: paths and times in, paths out.

A path is dirty from the moment something was noticed about it until it has been read at rest. Being marked again never
delays it beyond `MAX_SETTLE` after the first notice: a file that is saved without a pause is read all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.sync.guards import MAX_SETTLE


@dataclass(slots=True)
class _Mark:
    noticed: float
    due: float


class DirtySet:
    """The dirty paths of one workspace, in the order in which they were first marked."""

    def __init__(self) -> None:
        self._marks: dict[str, _Mark] = {}

    def mark(self, path: str, now: float) -> None:
        """Look at this path at once, however long another reason to look at it would have waited."""
        known = self._marks.get(path)
        settling = known is not None and now - known.noticed < MAX_SETTLE
        self._marks[path] = _Mark(known.noticed if known is not None and settling else now, now)

    def mark_at(self, path: str, noticed: float, due: float) -> None:
        """Look at this path at `due`, as one that was noticed at `noticed`."""
        self._marks[path] = _Mark(noticed, due)

    def mark_if_clean(self, path: str, now: float) -> None:
        """Look at this path at once, unless there is another time at which it is looked at."""
        self._marks.setdefault(path, _Mark(now, now))

    def postpone(self, path: str, due: float) -> None:
        """Look at a dirty path no earlier than then."""
        self._marks[path].due = due

    def discard(self, path: str) -> None:
        """The path has been looked at."""
        self._marks.pop(path, None)

    def noticed_at(self, path: str) -> float:
        """When something was first noticed about a dirty path."""
        return self._marks[path].noticed

    def due(self, now: float) -> list[str]:
        """The paths to look at now."""
        return [path for path, mark in self._marks.items() if mark.due <= now]

    def has_due(self, now: float) -> bool:
        return any(mark.due <= now for mark in self._marks.values())

    def deadline(self) -> float | None:
        """When the next path is to be looked at."""
        return min((mark.due for mark in self._marks.values()), default=None)
