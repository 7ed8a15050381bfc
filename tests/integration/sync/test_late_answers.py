"""Answers of git that come late: what depends on them waits, and nothing is lost, reordered or taken as typed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.core.model import Status
from coworkd.sync.engine import MAX_GIT_WAIT
from coworkd.sync.git_questions import GitAnswers, GitQuestions, ask_git
from tests.integration.workspacekit import TASK, Workspace

READY = "---\nstatus: ready\n---\nDo it.\n"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path)
    place.turn()
    place.git.ask_later()
    return place


def asked(place: Workspace) -> GitQuestions:
    """What is asked of files and of missing ones; where HEAD stands is asked after each look at everything."""
    return place.engine.git_questions()


def answer(place: Workspace, answers: GitAnswers | None = None) -> None:
    place.engine.take_git_answers(answers or ask_git(place.past, asked(place)), place.now)


def taken(place: Workspace, path: str = TASK) -> bool:
    return place.db.scalar("SELECT 1 FROM documents WHERE path = ?", path) is not None


def test_a_new_file_is_not_taken_in_before_the_answer(place: Workspace) -> None:
    place.save(READY)
    place.turns()
    assert not taken(place)
    assert place.engine.waits_for_git()
    answer(place)
    assert place.task().requested_status == "ready"
    assert not place.engine.waits_for_git()


def test_an_answer_may_say_that_git_brought_it(place: Workspace) -> None:
    place.past.foreign.add(READY.encode())
    place.save(READY)
    place.turns()
    answer(place)
    assert place.task().from_git
    assert place.task().requested_status == ""


def test_what_was_typed_here_before_is_taken_in_without_an_answer(place: Workspace) -> None:
    place.save(READY)
    place.turns()
    answer(place)
    place.save(READY.replace("Do it.", "Do more."))
    place.turns()
    answer(place)
    place.save(READY)
    place.turns()
    assert not asked(place).files
    assert place.document().target_bytes == READY.encode()


def test_a_save_during_the_wait_is_taken_in_after_the_first(place: Workspace) -> None:
    place.save(READY)
    place.turns()
    place.save(READY.replace("ready", "draft"))
    place.turns()
    assert [file.data for file in asked(place).files] == [READY.encode()], "what was read first is asked first"
    answer(place)
    assert place.task().requested_status == "ready"
    place.turns()
    answer(place)
    assert place.task().requested_status != "ready"
    assert [READY.encode()] == [row["bytes"] for row in place.db.query("SELECT bytes FROM bases")][:1]


def test_nothing_is_written_into_a_file_whose_save_waits(place: Workspace) -> None:
    place.save(READY)
    place.turns()
    answer(place)
    place.save(READY.replace("Do it.", "Do it well."))
    place.turns()
    place.move(status=Status.RUNNING, attempt=1, by="anna-0001", requested_status="")
    place.turns()
    assert place.text() == READY.replace("Do it.", "Do it well.")
    answer(place)
    place.turns(5)
    assert "status: running" in place.text()
    assert "Do it well." in place.text()


def test_a_crash_during_the_wait_loses_nothing(place: Workspace) -> None:
    place.save(READY)
    place.turns()
    place.restart()
    place.turns()
    assert place.task().requested_status == "ready"


def test_a_file_that_is_gone_when_the_answer_comes_was_there(place: Workspace) -> None:
    place.save(READY)
    place.turns()
    place.delete()
    answer(place)
    assert place.task().requested_status == "ready"
    place.turns()
    answer(place)
    assert not taken(place) or place.document().target_sha == ""


def test_a_missing_file_is_judged_with_the_answer(place: Workspace) -> None:
    place.save(READY)
    place.turns()
    answer(place)
    place.delete()
    place.turns(5)
    assert place.document().absent_since is not None
    assert place.engine.deadline() > place.now, "nothing turns in circles meanwhile"
    answer(place)
    assert place.document().target_sha == ""


def test_what_git_said_of_an_earlier_absence_counts_no_more(place: Workspace) -> None:
    place.save(READY)
    place.turns()
    answer(place)
    place.delete()
    place.turns()
    late = ask_git(place.past, asked(place))
    place.save(READY)
    place.turns()
    place.delete()
    place.past.under_way = "rebase"
    place.turns()
    answer(place, late)
    assert place.document().target_sha != "", "that answer was about another absence"


def test_where_head_stood_is_remembered_once_everything_was_seen_after_it(place: Workspace) -> None:
    place.past.commit = "c1"
    place.engine.scan(place.now, lambda: 0.0)
    place.turn()
    answer(place)
    assert place.db.state.head == "", "the look was before the answer"
    place.turns()
    assert place.db.state.head == "c1"
    place.turns()
    answer(place)
    assert not place.engine.is_scan_due(place.now), "one more look is enough"


def test_a_file_that_waits_for_an_answer_is_behind_but_not_for_ever(place: Workspace) -> None:
    place.save(READY)
    place.turn()
    assert place.engine.is_behind(TASK, place.now)
    assert not place.engine.is_behind(TASK, place.now + MAX_GIT_WAIT)
    answer(place)
    assert not place.engine.is_behind(TASK, place.now)
