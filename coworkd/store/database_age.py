"""What tells how much a database knows: for comparing it with refs, records and files that may know more."""

from __future__ import annotations

from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Kind
from coworkd.store.database import Database
from coworkd.store.rows import SubmissionState


class DatabaseAge:
    """Questions about one database; used by the writer thread alone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def is_new(self) -> bool:
        """Whether nothing has ever happened in it."""
        return not self._db.scalar("SELECT 1 FROM events LIMIT 1")

    @property
    def landings_seen(self) -> int | None:
        """None: it was never compared with the landings."""
        return self._db.state.landings_seen

    def see_landings(self, sequence: int) -> None:
        """It knows of every landing up to this one."""
        if self.landings_seen != sequence:
            with self._db.write():
                self._db.state.landings_seen = sequence

    def knows_landing(self, task: str, number: int, commit: str) -> bool:
        """Whether this submission has landed, or was about to land as this commit."""
        landed = "SELECT 1 FROM submissions WHERE task = ? AND number = ? AND state = ?"
        begun = "SELECT 1 FROM events WHERE kind = ? AND task = ? AND json_extract(data, '$.candidate') = ? LIMIT 1"
        known = self._db.scalar(landed, task, number, SubmissionState.LANDED)
        return bool(known or self._db.scalar(begun, EventKind.LANDING, task, commit))

    def latest_event_at(self) -> float:
        """When the last thing happened that it knows of."""
        return float(self._db.scalar("SELECT coalesce(max(at), 0.0) FROM events WHERE id > 0") or 0.0)

    def known_records(self) -> frozenset[str]:
        """Paths of the records of runs that it knows."""
        return frozenset(row["path"] for row in self._db.query("SELECT path FROM records"))

    def task_revisions(self) -> dict[str, int]:
        """The highest revision of every task file that it knows."""
        rows = self._db.query("SELECT path, rev FROM documents WHERE kind = ? AND want_sha != ''", Kind.TASK)
        return {row["path"]: row["rev"] for row in rows}

    def stats(self, path: str) -> tuple[int, int]:
        """Time and size of a file when it was last taken in."""
        rows = self._db.query("SELECT mtime_ns, size FROM stats WHERE path = ?", path)
        return (rows[0]["mtime_ns"], rows[0]["size"]) if rows else (0, 0)
