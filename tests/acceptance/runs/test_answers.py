"""`mode: answer`: a question for an agent ends in a message; nothing is submitted, reviewed or landed."""

from __future__ import annotations

import pytest

from tests.acceptance.workbench import Workbench

ANSWER = """
cat > prompt.txt
printf '%s\\n' '# Where' '' 'In `src/theme.py`.'
"""


def _answered(w: Workbench) -> str:
    w.agent("reader", ANSWER)
    w.config("agent: reader\n")
    w.task("where", body="Where are the colours?", mode="answer")
    w.up()
    w.until("where", "done")
    (answer,) = _answers(w)
    return answer


def _answers(w: Workbench) -> list[str]:
    """Paths of the answers, relative to `.cowork/`."""
    return sorted(f"messages/where/{path.name}" for path in w.cow("messages/where").glob("*-answer.md"))


def test_a_question_ends_in_a_message_and_releases_what_waits_for_it(w: Workbench) -> None:
    w.agent("builder", "echo night > theme.txt")
    w.task("change", agent="builder", depends_on="[where]")
    answer = _answered(w)
    text = w.text(answer)
    assert "In `src/theme.py`." in text
    assert (w.field(answer, "from"), w.field(answer, "kind"), w.field(answer, "state")) == ("reader", "reply", "done")
    w.until("change", "review")
    assert w.git("for-each-ref", "refs/cowork/sub/where") == ""
    assert not w.cow("reviews/where.md").exists()
    (kept,) = w.git("for-each-ref", "--format=%(refname)", "refs/cowork/snap/where").splitlines()
    assert f"`{kept}`" in text
    assert "Where are the colours?" in w.git("show", f"{kept}:prompt.txt")
    assert answer in w.cmd("show", "where").stdout
    assert answer in w.text("tasks/where.md")


def test_a_message_to_an_answered_task_is_kept_and_shown_as_not_sent(w: Workbench) -> None:
    answer = _answered(w)
    w.write(".cowork/messages/where/more.md", "And the fonts?\n")
    w.wait("that it is not sent", lambda: "coworkd ready where" in w.cmd("status").stdout)
    assert w.status("where") == "done"
    w.cmd("ready", "where")
    w.wait("another answer", lambda: len(_answers(w)) == 2)
    w.until("where", "done")
    latest = w.git("for-each-ref", "--format=%(refname)", "refs/cowork/snap/where").splitlines()[-1]
    assert "And the fonts?" in w.git("show", f"{latest}:prompt.txt")
    assert w.cow(answer).exists()


def test_an_answer_outlives_the_database(w: Workbench) -> None:
    _answered(w)
    w.down()
    for name in (w.repo / ".git" / "cowork").glob("state.db*"):
        name.unlink()
    w.task("next", depends_on="[where]")
    w.up()
    w.until("next", "review")
    assert w.status("where") == "done"
    assert "closed by hand" not in w.cmd("show", "where").stdout


def test_an_agent_that_says_nothing_has_not_answered(w: Workbench) -> None:
    w.agent("mute", "exit 0")
    w.config("agent: mute\nmax_attempts: 1\n")
    w.task("where", mode="answer")
    w.up()
    w.until("where", "failed")
    assert "ended without an answer" in w.cmd("show", "where").stdout


@pytest.mark.parametrize("key", ["loop: {promise: DONE}", "pattern: team"])
def test_what_contradicts_it_holds_the_task_with_its_line(w: Workbench, key: str) -> None:
    w.agent("reader", ANSWER)
    w.config("agent: reader\n")
    w.write(".cowork/tasks/where.md", f"---\nstatus: ready\nmode: answer\n{key}\n---\nWhere?\n")
    w.up()
    w.wait("the problem", lambda: "mode: answer" in w.problems())
    (problem,) = [one for one in w.json("status")["problems"] if one["path"] == "tasks/where.md"]
    assert (problem["line"], _answers(w)) == (4, [])
