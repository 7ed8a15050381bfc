from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.board.approvals.answers import reject_answer, submitted_answer
from coworkd.board.approvals.decision import ApprovalOutcome, decide
from coworkd.board.approvals.forms import approval_form
from coworkd.board.generated_documents import GeneratedDocuments
from tests.integration.workspacekit import Workspace
from tests.requests import tool_request

FORM = "approvals/a-1.md"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def ask(place: Workspace, request: str, text: str = "May I?") -> None:
    form = approval_form(tool_request(id=request, tool="rm", arguments="-rf build", text=text))
    GeneratedDocuments(place.db).put(FORM, form, place.now, persistent=True)
    place.turns()


def answer(place: Workspace, word: str) -> None:
    place.save(place.text(FORM).replace("approval: pending", f"approval: {word}"), FORM)
    place.turns()


def test_an_approval_in_the_file_approves_its_request(place: Workspace) -> None:
    ask(place, "q1")
    answer(place, "approved")
    assert decide("q1", submitted_answer(place.db, FORM)).outcome is ApprovalOutcome.APPROVED
    assert decide("q2", submitted_answer(place.db, FORM)).outcome is ApprovalOutcome.VOID


@pytest.mark.parametrize("word", ["Approved", "yes", "approve", "\u0430pproved", "[approved]", "'approved '"])
def test_what_resembles_an_approval_is_none(place: Workspace, word: str) -> None:
    ask(place, "q1")
    answer(place, word)
    assert decide("q1", submitted_answer(place.db, FORM)).outcome is ApprovalOutcome.HELD


def test_a_stale_approval_saved_over_a_newer_request_is_void(place: Workspace) -> None:
    ask(place, "q1", "May I delete the build?")
    stale = place.text(FORM)
    ask(place, "q2", "May I delete the home folder?")
    assert "rev: 2" in place.text(FORM)
    place.save(stale.replace("approval: pending", "approval: approved"), FORM)
    place.turns()
    ruling = decide("q2", submitted_answer(place.db, FORM))
    assert ruling.outcome is ApprovalOutcome.VOID
    reject_answer(place.db, GeneratedDocuments(place.db), FORM, ruling, place.now)
    place.turns()
    assert "approval: pending" in place.text(FORM)
    assert "older version" in place.problems(FORM)["answer"]


def test_an_answer_to_a_new_request_does_not_clash_with_the_old_one(place: Workspace) -> None:
    ask(place, "q1", "May I delete the build?")
    answer(place, "rejected")
    ask(place, "q2", "May I delete the cache?")
    place.save(place.text(FORM).replace("pending", "approved").replace("the cache?", "the cache?\n\nYes."), FORM)
    place.turns()
    assert place.problems(FORM) == {}
    assert decide("q2", submitted_answer(place.db, FORM)).outcome is ApprovalOutcome.APPROVED
    assert place.text(FORM).endswith("the cache?\n\nYes.\n")


def test_a_form_that_was_deleted_comes_back(place: Workspace) -> None:
    ask(place, "q1")
    text = place.text(FORM)
    place.delete(FORM)
    place.turns(4)
    assert place.text(FORM) == text
