"""Landed submissions, and whether their change is still there."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.store.database import Database
from coworkd.store.rows import SubmissionRow, SubmissionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A submission that landed, and the merge by which it did."""

    task: str
    number: int
    submission: str
    """The commit that was submitted."""
    commit: str
    """The merge; its first parent is what the integration branch was before."""

    @property
    def key(self) -> tuple[str, int, str]:
        """What stays the same when the landing is merged again."""
        return (self.task, self.number, self.submission)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededLanding:
    """A landing that a dependency is met by."""

    landing: Landing
    proof: str
    """A commit that is known to contain it; empty: none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLandings:
    """What the database knows of the integration branch, for a job that looks at it."""

    tip: str = ""
    """Where integration was seen last; empty: nowhere."""
    landings: tuple[Landing, ...] = ()
    """The landings that are not recorded as being in the target, oldest first."""
    recorded: int = 0
    """The highest number of `refs/cowork/land/` that was taken in."""
    settled_at: str = ""
    """The target's commit for which the others were recorded to be in it; empty: none."""


NOTHING_KNOWN = KnownLandings()

_UNSETTLED = (
    "SELECT task, number, commit_id, landing FROM submissions"
    f" WHERE state = '{SubmissionState.LANDED}' AND proof = '' AND tree != '' AND landing != ''"
)
"""With a state that is part of the statement, which an index can then be found for."""


def landing_of(row: SubmissionRow) -> Landing:
    """The landing of a submission that has landed."""
    return Landing(task=row.task, number=row.number, submission=row.commit_id, commit=row.landing)


def count_undelivered(db: Database) -> int:
    """Tasks whose landing is on the integration branch and not known to be in the target."""
    sql = "SELECT count(DISTINCT task) FROM submissions WHERE state = ? AND proof = '' AND tree != '' AND missing = ''"
    return int(db.scalar(sql, SubmissionState.LANDED))


class Landings:
    """Questions about landings; used by the writer thread alone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def known(self) -> KnownLandings:
        """Everything that a job has to know."""
        return KnownLandings(
            tip=self._db.state.integration_seen_at, landings=tuple(self._unsettled()),
            recorded=self._db.state.recorded_landings, settled_at=self._db.state.landings_settled_at,
        )  # fmt: skip

    def in_place(self) -> frozenset[Landing]:
        """Those of the known landings that are not recorded as missing."""
        return frozenset(self._unsettled("missing = ''"))

    def _unsettled(self, where: str = "true") -> list[Landing]:
        """Landings that are not recorded as being in the target, oldest first."""
        rows = self._db.query(f"{_UNSETTLED} AND {where} ORDER BY created, rowid")
        return [
            Landing(task=task, number=number, submission=commit, commit=landing)
            for task, number, commit, landing in rows
        ]

    def settle(self, task: str, number: int, proof: str) -> None:
        """The target contains this landing, as of this commit of the target."""
        self._db.set(SubmissionRow, (task, number), proof=proof)

    def unsettle_all(self) -> None:
        """The target was rewritten: what was recorded of it counts no more."""
        self._db.execute("UPDATE submissions SET proof = '' WHERE proof != ''")

    def latest(self, task: str) -> SubmissionRow | None:
        """The latest landing of a task that changed something."""
        where = "task = ? AND state = ? AND tree != '' AND landing != '' ORDER BY number DESC"
        return self._db.one(SubmissionRow, where, task, SubmissionState.LANDED)

    def set_missing(self, task: str, number: int, why: str) -> None:
        """Record why a landing is missing, in words; empty: it is not. Older landings of the task no longer count."""
        self._db.execute(
            "UPDATE submissions SET missing = CASE number WHEN ? THEN ? ELSE '' END WHERE task = ?"
            " AND missing != CASE number WHEN ? THEN ? ELSE '' END",
            number, why, task, number, why,
        )  # fmt: skip

    def landed(self) -> list[SubmissionRow]:
        """Everything that has landed by a commit of its own."""
        return self._db.all(SubmissionRow, "state = ? AND landing != ''", SubmissionState.LANDED)

    def has_landed(self) -> bool:
        """Whether anything has landed."""
        return self._db.scalar("SELECT 1 FROM submissions WHERE state = ? LIMIT 1", SubmissionState.LANDED) is not None

    def missing(self) -> list[SubmissionRow]:
        """Landings that are not where they have to be."""
        return self._db.all(SubmissionRow, "missing != '' ORDER BY created, task")

    def needed_by(self, task: str) -> tuple[NeededLanding, ...]:
        """The landings that a task's dependencies are met by; none for one that was answered or closed by hand."""
        needed = self._db.query(
            "SELECT n.needed FROM needs n JOIN tasks t ON t.id = n.needed"
            " WHERE n.task = ? AND NOT t.closed AND t.answer = ''",
            task,
        )
        found = (self.latest(row["needed"]) for row in needed)
        return tuple(NeededLanding(landing=landing_of(row), proof=row.proof) for row in found if row is not None)
