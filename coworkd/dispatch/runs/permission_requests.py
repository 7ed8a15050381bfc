"""Asking a person for a permission: the form, what it is bound to, and asking again."""

from __future__ import annotations

import secrets
from dataclasses import replace

from coworkd.board.approvals.decision import ApprovalRequirement, SubmittedAnswer
from coworkd.board.approvals.forms import approval_form
from coworkd.board.approvals.requests import bind_request, is_unchanged
from coworkd.board.approvals.requirements import requirement
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.task_board import Board
from coworkd.core.model import RiskLevel, Scope
from coworkd.core.policy.tool_risk import Feature, features_of_call, features_of_grant, gravest_reasons, level_of
from coworkd.store import RequestRow, RequestState
from coworkd.store.documents import count_documents_beginning
from coworkd.store.requests import expired_permissions, next_expiry
from coworkd.store.runs import find_run

VALID_FOR = 7 * 86400.0
"""Seconds after which an unanswered permission is requested again."""


class PermissionRequests:
    """The approval forms of one workspace; used by the writer thread alone, within its transactions."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._requests = board.requests

    def ask(self, request: RequestRow, now: float) -> RequestRow:
        """Ask a person: commit to the request and write its form; the request as it stands now."""
        asked = self._with_form(request, now)
        self._requests.add(asked, now)
        return asked

    def _with_form(self, request: RequestRow, now: float) -> RequestRow:
        features = features_of_call(request.tool, request.arguments)
        asked = replace(request, path=self._form_path(request.task), risk=level_of(features), expires=now + VALID_FOR)
        asked = bind_request(asked, self._work_description(asked))
        first = requirement(self._db, self._board.specs, asked, asked.risk, gravest_reasons(features)).first_line
        self._documents.put(asked.path, approval_form(asked, gravest_reasons(features), first), now, persistent=True)
        return asked

    def _form_path(self, task: str) -> str:
        number = 1 + count_documents_beginning(self._db, f"approvals/{task}-")
        return f"approvals/{task}-{number}.md"

    def _work_description(self, request: RequestRow) -> str:
        """What the agent that asks works on."""
        run = find_run(self._db, request.run)
        return run.slot.base if run else ""

    def is_unchanged(self, request: RequestRow) -> bool:
        """Whether it is still what was asked; what rules have settled was never shown to anybody."""
        return not request.seal or is_unchanged(request, self._work_description(request))

    def approval_requirement(self, request: RequestRow, given: SubmittedAnswer) -> ApprovalRequirement:
        """Where this approval has to be given."""
        features = self._features(request, given)
        return requirement(self._db, self._board.specs, request, level_of(features), gravest_reasons(features))

    def _features(self, request: RequestRow, given: SubmittedAnswer) -> tuple[Feature, ...]:
        call = features_of_call(request.tool, request.arguments)
        floor = (Feature(level=RiskLevel(request.risk), what=gravest_reasons(call)),)
        pattern = given.grant.strip() or request.pattern
        return (*floor, *call, *features_of_grant(pattern, Scope(given.scope)))

    def expire(self, now: float) -> None:
        """Ask again for permissions that were not answered in time; no task fails because of it."""
        for request in expired_permissions(self._db, now):
            with self._db.write(durable=True):
                self.ask_again(request, "no answer in time", now)

    def ask_again(self, request: RequestRow, why: str, now: float) -> None:
        """The same question under a new name; an answer to the old one is void."""
        self._requests.void(request, now)
        repeated = replace(
            request, id=secrets.token_hex(8), state=RequestState.OPEN, answer="", comment="", created=now, number=0
        )
        self._requests.add_again(self._with_form(repeated, now), request, why, now)

    def deadline(self) -> float | None:
        """When the next one expires."""
        return next_expiry(self._db)
