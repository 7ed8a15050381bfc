"""`commit: auto`: the workspace is committed by itself, at moments when nothing goes on in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Problem
from coworkd.store.documents import has_unwritten_files
from coworkd.store.events import latest_event
from coworkd.store.notices import remove_notice
from coworkd.store.problems import problem_paths, put_problem
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose
from coworkd.system.git import Repo
from coworkd.system.git.folder_commit import CommitRefused, Committed, Unchanged, commit_folder

log = logging.getLogger("coworkd")

QUIET_FACTOR = 3.0
"""How many times `quiet` nothing must have happened."""

MIN_QUIET = 2.0

MAX_RETRY_PAUSE = 30.0
"""Seconds, at most, until it is tried again where something was in the way: a rebase, a detached HEAD, another git
command."""

FIRST_PAUSE = 1.0
"""Seconds until the first new try; each further one waits twice as long."""

_SOURCE = "commit"
_FOLDER = ".cowork/"

Outcome = Committed | Unchanged | CommitRefused

COMMIT: Job[None, Outcome] = Job(name="commit of the workspace", purpose=Purpose.MAINTENANCE, first_pause=0)
"""Its pauses are those of `AutoCommit`, which also waits where nothing failed."""


class AutoCommit:
    """Commits one workspace's folder; used by the writer thread alone, but for the job it starts."""

    def __init__(self, board: Board, jobs: Jobs, commit: Callable[[], Outcome]) -> None:
        self._board = board
        self._db = board.db
        self._jobs = jobs
        self._commit = commit
        self._latest = 0
        self._changed_at = 0.0
        self._seen = -1
        """The last event when a commit was begun: what it found is in it."""
        self._not_before = 0.0
        self._pause = FIRST_PAUSE
        self._reason = ""
        """What was in the way last."""
        self._shown = bool(problem_paths(self._db, _SOURCE))
        jobs.handle(COMMIT, then=self._take_outcome, failed=self._failed)

    def step(self, now: float) -> None:
        """Begin a commit when something has happened since the last one, and nothing for a while."""
        due = self._due_at(now)
        if due is None or now < due or not self._is_everything_written():
            return
        if self._jobs.start(COMMIT, None, self._commit):
            self._seen = self._latest

    def _due_at(self, now: float) -> float | None:
        """When it is time; None where nothing is to be committed."""
        settings = self._board.specs.settings()
        if settings.commit != "auto":
            self._show("", now)
            return None
        latest = latest_event(self._db)
        if latest != self._latest:
            self._latest, self._changed_at = latest, now
        if self._latest == self._seen:
            return None
        return max(self._changed_at + max(MIN_QUIET, QUIET_FACTOR * settings.quiet), self._not_before)

    def _is_everything_written(self) -> bool:
        """Whether no file is still to be written."""
        return not has_unwritten_files(self._db)

    def deadline(self, now: float) -> float | None:
        """When time alone makes a commit due."""
        due = self._due_at(now)
        return None if due is None else due if due > now else now + MIN_QUIET

    def _take_outcome(self, _: None, outcome: Outcome, now: float) -> None:
        """A commit was made, or not."""
        if isinstance(outcome, CommitRefused):
            self._retry_later(f"it is not committed now: {outcome.reason}", now)
            return
        if isinstance(outcome, Committed):
            self._note_commit(outcome, now)
        self._show(outcome.stale_index_reason, now)
        if outcome.stale_index_reason:
            self._retry_later(f"git's index does not have the last commit yet: {outcome.stale_index_reason}", now)
        else:
            self._pause, self._reason = FIRST_PAUSE, ""

    def _failed(self, _: None, failure: JobFailed, now: float) -> None:
        self._retry_later(f"it is not committed now: {failure.reason}", now)

    def _note_commit(self, made: Committed, now: float) -> None:
        with self._db.write():
            self._db.event(now, EventKind.COMMITTED, commit=made.commit, files=len(made.paths))
        self._seen = latest_event(self._db)

    def _retry_later(self, reason: str, now: float) -> None:
        """Something was in the way: look again soon, and later where it stays."""
        if reason != self._reason:
            log.info("%s: %s", _FOLDER, reason)
        self._reason, self._seen, self._not_before = reason, -1, now + self._pause
        self._pause = min(2 * self._pause, MAX_RETRY_PAUSE)

    def _show(self, stale_index_reason: str, now: float) -> None:
        """A commit that the user's index lacks looks as if it was staged to be undone: said while it is so."""
        if not stale_index_reason and not self._shown:
            return
        self._shown = bool(stale_index_reason)
        with self._db.write():
            if stale_index_reason:
                put_problem(self._db, Problem(path=_FOLDER, line=0, message=_problem(stale_index_reason)), _SOURCE, now)
            else:
                remove_notice(self._db, _FOLDER, _SOURCE)


def _problem(stale_index_reason: str) -> str:
    said = " ".join(stale_index_reason.split())
    return f"was committed, and git's index does not have that yet, which is tried again by itself: {said}"


def folder_committer(root: Path, folder: str) -> Callable[[], Outcome]:
    """The job: a commit of the folder as it is then."""

    def commit() -> Outcome:
        with Repo.open(root) as repo:
            return commit_folder(repo, folder, "")

    return commit
