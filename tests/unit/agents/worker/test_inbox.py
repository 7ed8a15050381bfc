from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.agents.port import AnswerDecision, InboxAnswer, InboxFile
from coworkd.agents.worker.inbox import Inbox, read_answer, render_answer
from coworkd.core.errors import AgentError


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (InboxAnswer(decision=AnswerDecision.APPROVED), "---\nanswer: approved\n---\n"),
        (InboxAnswer(decision=AnswerDecision.REPLY, body="Blue.\n"), "---\nanswer: reply\n---\nBlue.\n"),
        (InboxAnswer(decision=AnswerDecision.REJECTED, comment="No."), "---\nanswer: rejected\ncomment: No.\n---\n"),
    ],
)
def test_an_answer_as_the_agent_reads_it(answer: InboxAnswer, text: str) -> None:
    assert render_answer(answer) == text


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")))


@given(answer=st.builds(InboxAnswer, decision=st.sampled_from(AnswerDecision), comment=WORDS))
def test_an_answer_comes_back_as_it_was(answer: InboxAnswer) -> None:
    assert read_answer(render_answer(answer)) == answer


@pytest.mark.parametrize("text", ["", "Just a message.", "---\nanswer: maybe\n---\n", "---\nanswer: [\n---\n"])
def test_what_is_not_an_answer(text: str) -> None:
    assert read_answer(text) is None


def test_files_are_whole_and_replaced(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox", (InboxFile(name="given.md", text="before"),))
    inbox.put("a.md", "one")
    inbox.put("a.md", "two")
    assert inbox.has("given.md")
    assert {path.name: path.read_text() for path in (tmp_path / "inbox").iterdir()} == {
        "given.md": "before",
        "a.md": "two",
    }
    inbox.close()
    inbox.put("late.md", "too late")
    assert not (tmp_path / "inbox" / "late.md").exists()


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../a", "a\0b"])
def test_only_plain_names(tmp_path: Path, name: str) -> None:
    inbox = Inbox(tmp_path / "inbox")
    with pytest.raises(AgentError, match="cannot be a file"):
        inbox.put(name, "x")


def test_a_link_that_the_agent_put_there_is_replaced_not_followed(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "inbox" / "a.md").symlink_to(tmp_path / "victim")
    inbox.put("a.md", "answer")
    assert (tmp_path / "victim").read_text() == "mine"
    assert (tmp_path / "inbox" / "a.md").read_text() == "answer"


def test_an_inbox_that_the_agent_moved_away_is_still_the_one_written_to(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    (tmp_path / "inbox").rename(tmp_path / "moved")
    (tmp_path / "victim").mkdir()
    (tmp_path / "inbox").symlink_to(tmp_path / "victim")
    inbox.put("a.md", "answer")
    assert not list((tmp_path / "victim").iterdir())
