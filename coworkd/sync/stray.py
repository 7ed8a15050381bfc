"""Files that nothing reads, shown with what to do for as long as they are there."""

from __future__ import annotations

from collections.abc import Iterable

from coworkd.core.copy_names import copy_name
from coworkd.core.model import Problem
from coworkd.core.stray_files import stray_place, stray_reason
from coworkd.store import Database
from coworkd.store.notices import noticed_paths, remove_notice
from coworkd.store.problems import put_problem
from coworkd.sync.disk.ports import Files
from coworkd.sync.ingest.copies import left_reason

SOURCE = "stray"


class StrayFiles:
    """Notices about one workspace's stray files; used by the writer thread alone."""

    def __init__(self, db: Database, folder: Files) -> None:
        self._db = db
        self._folder = folder

    def check(self, path: str, now: float) -> None:
        """An event was about this path, which is no document's."""
        place, reason = stray_place(path), _stray_reason(path)
        if reason and self._folder.stat(path) is not None:
            self._report(place, reason, now)
        elif place in noticed_paths(self._db, SOURCE) and not self._any_in(place):
            with self._db.write():
                remove_notice(self._db, place, SOURCE)

    def update(self, paths: Iterable[str], now: float, below: str = "") -> None:
        """A scan of a folder has found these paths in it, and no others, that are no documents'."""
        found = {stray_place(path): reason for path in paths if (reason := _stray_reason(path))}
        for place in noticed_paths(self._db, SOURCE):
            if place not in found and self._is_over(place, below):
                with self._db.write():
                    remove_notice(self._db, place, SOURCE)
        for place, reason in found.items():
            self._report(place, reason, now)

    def _is_over(self, place: str, below: str) -> bool:
        """Whether nothing is there any more, as a scan of one folder can tell: elsewhere it has looked at nothing."""
        above = place.endswith("/") and below.startswith(place)
        return place.startswith(below) or (above and not self._any_in(place))

    def _report(self, place: str, reason: str, now: float) -> None:
        with self._db.write():
            put_problem(self._db, Problem(path=place, line=0, message=reason), SOURCE, now)

    def _any_in(self, place: str) -> bool:
        if not place.endswith("/"):
            return False
        return any(path.startswith(place) and _stray_reason(path) for path, _ in self._folder.walk(place))


def _stray_reason(path: str) -> str:
    name = path.rpartition("/")[2]
    if name.startswith("config") or name.endswith((".md.orig", ".md.bak", ".md.rej")):
        copy = copy_name(name)
        if copy is not None and copy.is_certain:
            return left_reason(copy)
    return stray_reason(path)
