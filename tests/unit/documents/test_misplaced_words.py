"""Answers and orders in headers where they have no effect."""

from __future__ import annotations

import pytest

from coworkd.core.errors import DocumentError
from coworkd.documents.decoding import decode
from coworkd.documents.markdown import parse


@pytest.mark.parametrize(
    ("path", "header", "says"),
    [
        ("tasks/a.md", "approval: approved", "reviews/a.md"),
        ("tasks/a.md", "Approved: yes", "reviews/a.md"),
        ("messages/a/b.md", "approval: approved", "reviews/a.md"),
        ("messages/a/b.md", "status: ready", "tasks/"),
        ("reviews/a.md", "approve: yes", "`approval: approved`"),
        ("reviews/a.md", "approval: pending\nrejected: true", "`approval: rejected`"),
        ("approvals/a-1.md", "approve: yes", "`approval: approved`"),
        ("approvals/a-1.md", "status: approved", "tasks/"),
        ("plans/a.md", "approve: yes", "`approval: approved`"),
        ("plans/a.md", "status: ready", "tasks/"),
    ],
)
def test_a_word_without_effect_gets_a_notice_and_holds_nothing(path: str, header: str, says: str) -> None:
    made = decode(path, parse(f"---\n{header}\n---\nText\n".encode()))
    assert [says in notice.message for notice in made.notices] == [True]
    assert made.notices[0].line == header.count("\n") + 2
    assert not made.blocked


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("tasks/a.md", "title: x\nstatus: ready\napprove: [merge]\ncomment: mine\nanswer: 42"),
        ("messages/a/b.md", "reply_to: x\ndraft: true"),
        ("reviews/a.md", "approval: approved\nstatus: open\ncomment: fine"),
        ("agents/ed.md", "driver: command\nmodel: x"),
    ],
)
def test_words_that_count_and_words_of_ones_own_have_none(path: str, header: str) -> None:
    assert decode(path, parse(f"---\n{header}\n---\nText\n".encode())).notices == ()


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("tasks/a.md", "approved", "reviews/TASK.md"),
        ("tasks/a.md", "Rejected", "reviews/TASK.md"),
        ("tasks/a.md", "revert", "reviews/TASK.md"),
        ("reviews/a.md", "ready", "tasks/"),
        ("reviews/a.md", "approved", "`approval: approved`"),
    ],
)
def test_a_status_that_is_none_says_where_the_word_belongs(path: str, status: str, says: str) -> None:
    with pytest.raises(DocumentError, match="is not one of") as refused:
        decode(path, parse(f"---\nstatus: {status}\n---\nText\n".encode()))
    assert says in refused.value.message
    assert refused.value.line == 2
