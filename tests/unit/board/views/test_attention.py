from __future__ import annotations

import pytest

from coworkd.board.views.attention import failure_text, reply_excerpt
from coworkd.store.failed_tasks import FailedTask


@pytest.mark.parametrize(
    ("said", "last"),
    [
        ("", ""),
        ("\n \n", ""),
        ("one\n\n  two  \n", "one / two"),
        ("1\n2\n3\n4\n", "2 / 3 / 4"),
        ("red \x1b[31m`x`\u202e\n", "red 'x' "),
        ("\x1b]0;title\x07one\n 10%\r 90%\n", "one / 90%"),
        ("a" * 400, "…" + "a" * 299),
    ],
)
def test_the_end_of_what_an_agent_said_on_one_line(said: str, last: str) -> None:
    assert reply_excerpt(said).strip() == last.strip()


def failed(said: str = "", message: str = "", reason: str = "failed (attempt 3 of 3): exit 1") -> FailedTask:
    return FailedTask(id="a", path="tasks/a.md", since=1.0, reason=reason, agent="ann", said=said, message=message)


def test_a_failed_task_says_why_what_to_type_and_its_last_words() -> None:
    assert failure_text(failed("boom\n", "messages/a/1.md")) == (
        "failed (attempt 3 of 3): exit 1. `coworkd ready a` tries again. ann said last: `boom`"
        " (.cowork/messages/a/1.md has all of it)"
    )
    assert failure_text(failed(reason="")) == "failed: no reason was given. `coworkd ready a` tries again"
