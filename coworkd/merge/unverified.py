"""Candidates that could not be verified, because their commands led into a checkout of the user.

They wait for a person, and one problem of the workspace says what to do. When the commands or the set-up change, and
when the daemon starts again with another environment, they are verified once more by themselves.
"""

from __future__ import annotations

import json

from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Check, Problem, Settings, Status
from coworkd.merge.checkout_links.marking import unverified_reason
from coworkd.store import SubmissionRow, SubmissionState
from coworkd.store.problems import put_problem
from coworkd.store.requests import find_open_request
from coworkd.store.submissions import move_submission, submission_event, unapproved_submissions

SOURCE = "checkout"
"""The source of the problem."""
_PATH = "config.yaml"

RECIPE = (
    "give verification an environment of its own: docs/verification.md has a recipe for Python, Node, Rust and Go"
    ' (for Python: `setup: ["python3 -m venv .venv", ".venv/bin/pip install -e ."]` and'
    ' `verify: [".venv/bin/python -m pytest"]`); `coworkd doctor --verify` tries it'
)


def checkout_reason(row: SubmissionRow) -> str:
    """What led the checks of a submission into a checkout; empty: nothing."""
    return unverified_reason([Check(**check) for check in json.loads(row.checks)])


class UnverifiedSubmissions:
    """Used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db

    def note(self, checks: tuple[Check, ...], now: float) -> None:
        """Show or clear the workspace's problem, as a verification has found it; inside a transaction."""
        if reason := unverified_reason(checks):
            self._db.state.unverified_settings = self._settings()
            message = f"nothing is verified: {reason}; {RECIPE}"
            put_problem(self._db, Problem(path=_PATH, line=0, message=message), SOURCE, now)
        elif checks and not self._unverified_rows():
            self._clear()

    def verify_again(self, now: float, *, started: bool = False) -> None:
        """Put back into the queue what can be verified now: the settings changed, or the daemon has `started`."""
        known = self._db.state.unverified_settings
        if not known or (known == self._settings() and not started):
            return
        with self._db.write(durable=True):
            for row in self._unverified_rows():
                self._requeue(row, now)
            self._clear()

    def _unverified_rows(self) -> list[SubmissionRow]:
        return [row for row in unapproved_submissions(self._db) if checkout_reason(row)]

    def _requeue(self, row: SubmissionRow, now: float) -> None:
        if request := find_open_request(self._db, row.request):
            self._board.requests.void(request, now)
        event = submission_event(row, now, EventKind.QUEUED_AGAIN)
        move_submission(self._db, row, SubmissionState.QUEUED, event, verified_on="", request="", checks="[]")
        task = self._board.task(row.task)
        if task.status is Status.REVIEW:
            self._board.transition(task.id, Status.MERGING, "verified again in another environment", now)

    def _clear(self) -> None:
        self._db.state.unverified_settings = ""
        self._board.clear_problems(_PATH, SOURCE)

    def _settings(self) -> str:
        settings: Settings = self._board.specs.settings()
        return repr((settings.verify, settings.setup, settings.copy, settings.sandbox))
