"""`pattern: debate`: two answers apart; where they differ, each sees the other's, and a judge picks in both orders."""

from __future__ import annotations

from tests.acceptance.workbench import Workbench

SAME = r"""
cat > /dev/null
printf 'I think so.\n\n```answer\nanswer: "Forty two"\nbecause: "it is"\n```\n'
"""


def test_the_same_answer_ends_it_in_a_message(w: Workbench) -> None:
    w.agent("bot", SAME)
    w.config("agent: bot\n")
    w.task("question", mode="answer", pattern="debate")
    w.up()
    w.until("question", "done")
    (answer,) = w.cow("messages/question").glob("*-answer.md")
    text = answer.read_text()
    assert "Forty two" in text
    assert "How it was decided" in text
    assert len(w.json("show", "question")["runs"]) == 2
    assert not w.cow("reviews/question.md").exists()
