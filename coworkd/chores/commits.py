"""`commit: auto`: the workspace is committed by itself, at moments when nothing goes on in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from coworkd.board.board import Board
from coworkd.errors import RepoError
from coworkd.jobs import Finished, Jobs
from coworkd.repo import Repo
from coworkd.repo.commit import Committed, Refused, Unchanged, commit_folder

log = logging.getLogger("coworkd")

COMMIT = "commit:"

RESTS = 3.0
"""How many times `quiet` nothing must have happened."""

LEAST_REST = 2.0

AGAIN = 30.0
"""Seconds until it is tried again where something was in the way: a rebase, a detached HEAD, another git command."""

Outcome = Committed | Unchanged | Refused


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

    def step(self, now: float) -> None:
        """Begin a commit when something has happened since the last one, and nothing for a while."""
        due = self._due(now)
        if due is None or now < due or not self._at_rest():
            return
        if self._jobs.start(COMMIT, self._commit):
            self._seen = self._latest

    def _due(self, now: float) -> float | None:
        """When it is time; None where nothing is to be committed."""
        settings = self._board.specs.settings()
        if settings.commit != "auto":
            return None
        latest = int(self._db.scalar("SELECT coalesce(max(id), 0) FROM events"))
        if latest != self._latest:
            self._latest, self._changed_at = latest, now
        if self._latest == self._seen:
            return None
        return max(self._changed_at + max(LEAST_REST, RESTS * settings.quiet), self._not_before)

    def _at_rest(self) -> bool:
        """Whether no file is still to be written."""
        unwritten = "SELECT 1 FROM documents WHERE want_sha != file_sha AND absent_since IS NULL"
        unwritten += " UNION SELECT 1 FROM writes UNION SELECT 1 FROM records WHERE NOT written LIMIT 1"
        return self._db.scalar(unwritten) is None

    def deadline(self, now: float) -> float | None:
        """When time alone makes a commit due."""
        due = self._due(now)
        return None if due is None else due if due > now else now + LEAST_REST

    def job(self, finished: Finished, now: float) -> bool:
        """A commit was made, or not; False if the job was none of this room's."""
        if finished.key != COMMIT:
            return False
        if finished.error is not None and not isinstance(finished.error, RepoError | OSError):
            raise finished.error
        match finished.value:
            case Committed(commit=commit, paths=paths):
                with self._db.write():
                    self._db.event(now, "committed", commit=commit, files=len(paths))
                self._seen = int(self._db.scalar("SELECT max(id) FROM events"))
            case Unchanged():
                pass
            case _:
                why = finished.error or finished.value.reason
                log.info("%s is not committed now: %s", ".cowork/", why)
                self._seen, self._not_before = -1, now + AGAIN
        return True


def committing(root: Path, folder: str) -> Callable[[], Outcome]:
    """The job: a commit of the folder as it is then."""

    def commit() -> Outcome:
        with Repo.open(root) as repo:
            return commit_folder(repo, folder, "")

    return commit
