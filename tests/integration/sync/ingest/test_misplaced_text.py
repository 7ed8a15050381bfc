"""Words in the wrong place get a notice, which goes when the file is corrected."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.core.model import MessageKind
from coworkd.core.runs import AgentStart, RunSlot, WorkingState
from coworkd.store import MessageRow, MessageStage, RunRow
from coworkd.sync.disk.folder import Folder
from coworkd.sync.disk.view_files import MIN_INTERVAL, ViewFiles
from coworkd.sync.edited_outputs import notice_edits
from tests.integration.workspacekit import Workspace

RUN = RunRow(
    id="r1", task="a", attempt=1, agent="scribe", state=WorkingState(), started=1_700_000_000.0,
    slot=RunSlot(number=1, base="b0"), start=AgentStart(epoch=1, sandbox_level="none"),
)  # fmt: skip
REVIEW = "---\napproval: pending\nstatus: open\ncowork:\n  rev: 1\n  task: a\n---\nVerified.\n\n- [ ] it is green\n"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def notice(place: Workspace, path: str) -> str:
    return place.problems(path).get("misplaced", "")


def question(place: Workspace) -> str:
    """A question that an agent asked, as it stands in its file."""
    path = GeneratedDocuments(place.db).add_question(RUN, 1, "Which colour?", place.now)
    place.turns(2)
    return path


def test_an_answer_above_its_heading_is_not_sent_and_says_so(place: Workspace) -> None:
    path = question(place)
    asked = place.text(path)
    place.save(asked.replace("Which colour?", "Which colour?\n\nBlue."), path)
    place.turns(2)
    assert "not under `## Answer`" in notice(place, path)
    assert not place.db.one(MessageRow, "path = ?", f"{path}#answer")
    place.save(asked.replace("## Answer\n", "## Answer\n\nBlue.\n"), path)
    place.turns(2)
    assert not place.problems(path)
    answer = place.db.one(MessageRow, "path = ?", f"{path}#answer")
    assert answer is not None
    assert answer.body == "Blue."


def test_a_question_that_is_saved_as_it_was_has_no_notice(place: Workspace) -> None:
    path = question(place)
    place.save(place.text(path).replace("Which colour?", "Which  colour?\n"), path)
    place.turns(2)
    assert not notice(place, path)


def test_text_in_an_agents_message_is_not_sent(place: Workspace) -> None:
    path = GeneratedDocuments(place.db).add_message(RUN, MessageKind.RESULT, "I did it.\n", place.now)
    place.turns(2)
    said = place.text(path)
    place.save(f"{said}Do it again!\n", path)
    place.turns(2)
    assert "messages/a/" in notice(place, path)
    place.save(said, path)
    place.turns(2)
    assert not place.problems(path)


def test_a_message_from_an_unknown_author_is_an_agents(place: Workspace) -> None:
    path = "messages/a/mine.md"
    place.save("---\nfrom: anna\n---\nHello.\n", path)
    place.turns(2)
    assert "remove `from`" in notice(place, path)
    place.save("Hello.\n", path)
    place.turns(2)
    assert not place.problems(path)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (("- [ ] it", "- [x] it"), "ticking a box"),
        (("Verified.", "Verified. But why?"), "`approval: changes`"),
    ],
)
def test_words_in_the_body_of_a_review_wait_for_an_answer(place: Workspace, edit: tuple[str, str], says: str) -> None:
    path = "reviews/a.md"
    GeneratedDocuments(place.db).put(path, REVIEW.encode(), place.now, persistent=True)
    place.turns(2)
    place.save(REVIEW.replace(*edit), path)
    place.turns(2)
    assert says in notice(place, path)
    place.save(REVIEW.replace(*edit).replace("pending", "changes"), path)
    place.turns(2)
    assert not place.problems(path)


def test_an_answer_in_the_review_of_an_earlier_submission(place: Workspace) -> None:
    path = "reviews/a.d/1.md"
    GeneratedDocuments(place.db).put(path, REVIEW.encode(), place.now)
    place.turns(2)
    place.save(REVIEW.replace("pending", "approved"), path)
    place.turns(2)
    assert "reviews/a.md" in notice(place, path)
    place.save(REVIEW, path)
    place.turns(2)
    assert not place.problems(path)


def test_an_answered_review_that_a_lost_database_knows_nothing_of_has_no_notice(place: Workspace) -> None:
    path = "reviews/a.d/1.md"
    place.save(REVIEW.replace("pending", "approved"), path)
    place.turns(2)
    assert not place.problems(path)


def test_an_approval_in_a_task_holds_nothing(place: Workspace) -> None:
    place.save("---\nstatus: ready\napproval: approved\n---\nDo it.\n")
    place.turns(2)
    assert "reviews/a.md" in place.problems()["word0"]
    assert place.task().requested_status == "ready"
    assert not place.task().blocked_reason
    place.save("---\nstatus: ready\n---\nDo it.\n")
    place.turns(2)
    assert not place.problems()


def test_stray_files_are_shown_while_they_are_there(place: Workspace) -> None:
    place.save("Yes, do.\n", "messages/a/reply.txt")
    place.save("---\nstatus: ready\n---\nDo it.\n", "task/b.md")
    place.save("x", "task/c.md")
    assert "rename it to reply.md" in place.problems("messages/a/reply.txt")["stray"]
    assert "did you mean `tasks/`" in place.problems("task/")["stray"]
    place.restart()
    assert "stray" in place.problems("task/")
    place.delete("task/b.md")
    assert "stray" in place.problems("task/")
    place.delete("task/c.md")
    assert not place.problems("task/")
    (place.root / "messages/a/reply.txt").rename(place.root / "messages/a/reply.md")
    place.engine.scan(place.now, lambda: 0.0)
    place.turns(2)
    assert not place.problems("messages/a/reply.txt")
    assert place.db.one(MessageRow, "stage = ?", str(MessageStage.NEW))


LIVE = "messages/a/x.live.md"


def test_text_in_a_live_message_stays_and_is_said_not_to_be_sent(place: Workspace) -> None:
    outputs = ViewFiles(Folder(place.root, place.trash))
    now = place.now

    def shown(text: str) -> None:
        nonlocal now
        now += MIN_INTERVAL
        outputs.show(LIVE, text.encode(), now)
        notice_edits(place.db, outputs, now)

    shown("one\n")
    shown("two\n")
    assert not place.problems(LIVE)
    (place.root / LIVE).write_text("two\nplease stop\n")
    shown("three\n")
    assert place.text(LIVE) == "two\nplease stop\n"
    assert "messages/a/NAME.md" in place.problems(LIVE)["live"]
    (place.root / LIVE).write_text("two\n")
    shown("four\n")
    assert place.text(LIVE) == "four\n"
    assert not place.problems(LIVE)
    (place.root / LIVE).write_text("mine\n")
    shown("five\n")
    outputs.drop(LIVE)
    notice_edits(place.db, outputs, now)
    assert place.text(LIVE) == "mine\n", "the run is over, and the words are still there"
    assert place.problems(LIVE)
    notice_edits(place.db, ViewFiles(Folder(place.root, place.trash)), now)
    assert place.problems(LIVE), "after a restart, too"
    (place.root / LIVE).unlink()
    notice_edits(place.db, outputs, now)
    assert not place.problems(LIVE)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("reviews/aa.md", "did you mean `a`?"),
        ("reviews/a.md", "nothing is asked in this file yet"),
        ("approvals/a-7.md", "did not write this file"),
    ],
)
def test_an_answer_where_nothing_is_asked_gets_a_notice(place: Workspace, path: str, says: str) -> None:
    place.save("---\nstatus: draft\n---\nDo it.\n")
    place.turns(2)
    place.save("---\napproval: approved\n---\n", path)
    place.turns(2)
    assert says in notice(place, path)
    (place.root / path).unlink()
    place.engine.mark_dirty(path, place.now)
    place.turns(4)
    assert not place.problems(path)
