"""After a database was lost: tasks that the refs show as landed stay done, and no submission's number comes again."""

from __future__ import annotations

from collections.abc import Mapping

from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.task_states import OVER
from coworkd.history.landing_refs import LandingRef, SubmissionRef, latest_of_each, latest_submissions, read_landings
from coworkd.store import SubmissionRow, SubmissionState, TaskRow
from coworkd.store.database_age import DatabaseAge
from coworkd.store.events import NewEvent
from coworkd.store.submissions import add_submission, latest_number
from coworkd.system.git import Repo

_LATEST = 10.0
"""Seconds after the start in which files may still come in for the first time."""


class LandedTasks:
    """Compares the tasks of a database with the landings of its repository; used by the writer thread alone."""

    def __init__(self, board: Board, repo: Repo) -> None:
        self._board = board
        self._db = board.db
        self._repo = repo
        self._age = DatabaseAge(board.db)
        self._unknown: Mapping[str, LandingRef] = {}
        self._until = 0.0

    def recover(self, now: float) -> None:
        """After a start: find the landings that the database knows nothing of, and settle their tasks."""
        seen = self._age.landings_seen
        landings = read_landings(self._repo, above=seen or 0)
        self._unknown = latest_of_each(landing for landing in landings if not self._is_known(landing))
        if seen is None:
            self._keep_numbers(now)
        self._until = now + _LATEST
        self.step(now)
        self._age.see_landings(max((landing.sequence for landing in landings), default=seen or 0))

    def _is_known(self, landing: LandingRef) -> bool:
        return self._age.knows_landing(landing.task, landing.number, landing.commit)

    def step(self, now: float) -> None:
        """Settle the tasks whose files have come in since; nothing to do in almost every turn."""
        if not self._unknown:
            return
        if now > self._until:
            self._unknown = {}
            return
        for row in self._db.all_in(TaskRow, "id", list(self._unknown)):
            if stays_done(row, self._unknown[row.id]):
                self._settle(row, self._unknown[row.id], now)

    def _settle(self, row: TaskRow, landing: LandingRef, now: float) -> None:
        with self._db.write(durable=True):
            data = {"commit": landing.commit, "number": landing.number}
            event = NewEvent(at=now, kind=EventKind.LANDING_RECORD_RESTORED, task=row.id, data=data)
            add_submission(self._db, _landed_row(landing, now), event)
            self._board.set_status(
                row, Status.DONE, "landed", now, landed=landing.commit[:12], attempt=max(row.attempt, landing.attempt),
                requested_status="", failures=0, conflict_rounds=0,
            )  # fmt: skip

    def _keep_numbers(self, now: float) -> None:
        """The next submission of a task gets a number that no ref and no landing has."""
        with self._db.write():
            for task, found in latest_submissions(self._repo).items():
                if latest_number(self._db, task) < found.number:
                    add_submission(self._db, _retired_row(found, now))


def stays_done(row: TaskRow, landing: LandingRef) -> bool:
    """Whether a task has landed although its file does not say so.

    A file without a written id is a new task, also under an old name. One that names this landing, or has had a later
    attempt, was written after it: what it says is what a person wants now.
    """
    if row.from_git or row.owned_elsewhere or row.file_missing or not row.exact_id:
        return False
    if row.status in OVER or row.attempt > landing.attempt:
        return False
    return not (row.landed and landing.commit.startswith(row.landed)) and not row.reverted


def _landed_row(landing: LandingRef, now: float) -> SubmissionRow:
    return SubmissionRow(
        task=landing.task, number=landing.number, attempt=landing.attempt, base="", commit_id=landing.submission,
        tree=landing.tree, state=SubmissionState.LANDED, candidate=landing.commit, candidate_tree=landing.tree,
        created=now, message="found in its ref", needs_approval=False, approved=True, landing=landing.commit,
    )  # fmt: skip


def _retired_row(found: SubmissionRef, now: float) -> SubmissionRow:
    return SubmissionRow(
        task=found.task, number=found.number, attempt=0, base=found.parent, commit_id=found.commit, tree=found.tree,
        state=SubmissionState.RETIRED, created=now, message="found in its ref", needs_approval=True,
    )  # fmt: skip
