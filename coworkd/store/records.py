"""The records of finished runs: which there are, and which still have to be written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from coworkd.core.run_states import RunState
from coworkd.store.database import Database
from coworkd.store.rows import FinishedRun, SubmissionState


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwrittenRecord:
    """A record that the database holds until its file is written."""

    run: str
    path: str
    data: bytes


def runs_to_record(db: Database) -> list[FinishedRun]:
    """Runs that are over, and whose work has been verified: a record is written once, so it waits for the evidence."""
    return db.all(
        FinishedRun,
        "state = ? AND NOT recorded AND NOT EXISTS (SELECT 1 FROM submissions s WHERE s.run = runs.id"
        " AND (s.state = ? OR (s.state = ? AND s.checks = '[]')))",
        RunState.ENDED, SubmissionState.HELD, SubmissionState.QUEUED,
    )  # fmt: skip


def unwritten_records(db: Database) -> list[UnwrittenRecord]:
    rows = db.query("SELECT run, path, bytes FROM records WHERE NOT written")
    return [UnwrittenRecord(run=row["run"], path=row["path"], data=row["bytes"]) for row in rows]


def record_paths_known(db: Database, among: Collection[str] | None = None) -> frozenset[str]:
    """The paths of all records that the database knows, whatever their origin; with `among` of those alone."""
    if among is None:
        return frozenset(row["path"] for row in db.query("SELECT path FROM records"))
    return frozenset(row["path"] for row in db.query_in("SELECT path FROM records WHERE path IN (?)", among))


def foreign_record_paths(db: Database) -> list[str]:
    """Records of other instances, and those that were changed, the latest first."""
    return [row["path"] for row in db.query("SELECT path FROM records WHERE NOT own ORDER BY path DESC")]


def add_record(db: Database, record: UnwrittenRecord, sha: str, *, written: bool) -> None:
    """Keep a record of this instance; its bytes only until they are in a file."""
    db.execute(
        "INSERT OR REPLACE INTO records (run, path, sha, bytes, written, own) VALUES (?, ?, ?, ?, ?, 1)",
        record.run, record.path, sha, None if written else record.data, int(written),
    )  # fmt: skip


def add_foreign_record(db: Database, name: str, path: str, sha: str) -> None:
    """List a record that is shown and believed in nothing; `name` stands in the place of its run's id."""
    db.execute(
        "INSERT OR REPLACE INTO records (run, path, sha, bytes, written, own) VALUES (?, ?, ?, NULL, 1, 0)",
        name, path, sha,
    )  # fmt: skip


def mark_record_written(db: Database, run: str) -> None:
    db.execute("UPDATE records SET written = 1, bytes = NULL WHERE run = ?", run)


def is_task_file_absent(db: Database, run: str) -> bool:
    """Whether the file of a run's task is away, as on another branch."""
    return bool(
        db.scalar(
            "SELECT 1 FROM runs r JOIN tasks t ON t.id = r.task JOIN documents d ON d.path = t.path"
            " WHERE r.id = ? AND d.absent_since IS NOT NULL",
            run,
        )
    )
