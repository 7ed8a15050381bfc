"""What every agent driver promises, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coworkd.agents.base import Asked, AskKind, Decision, EndReason, InboxAnswer, TextWritten
from tests.sessions import DRIVERS, Driver, Following, Session

Follow = Callable[[Session], Following]


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def follow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Follow]:
    driver: Driver = request.param
    followed: list[Following] = []

    def start(session: Session) -> Following:
        followed.append(Following(driver.create(), driver.assign(tmp_path, session)))
        return followed[-1]

    yield start
    for each in followed:
        each.agent.kill()


def reply(body: str) -> InboxAnswer:
    return InboxAnswer(decision=Decision.REPLY, body=body)


def test_a_run_tells_its_reply_and_one_end(follow: Follow) -> None:
    run = follow(Session.SAYS)
    assert run.end().reason is EndReason.DONE
    assert run.text().strip() == "hello"


def test_a_failure_says_why(follow: Follow) -> None:
    ended = follow(Session.FAILS).end()
    assert ended.reason is EndReason.FAILED
    assert "trouble" in ended.message


def test_a_question_is_answered_while_the_agent_lives(follow: Follow) -> None:
    run = follow(Session.ASKS)
    asked = run.until(Asked)
    assert (asked.request, asked.kind, asked.text) == ("colour.md", AskKind.QUESTION, "Which colour?")
    run.agent.answer("colour.md", reply("deep blue"))
    assert run.end().reason is EndReason.DONE
    assert "deep blue" in run.text()


def test_the_same_answer_twice_is_once(follow: Follow) -> None:
    run = follow(Session.ASKS)
    run.until(Asked)
    for _ in range(2):
        run.agent.answer("colour.md", reply("green"))
    assert run.end().reason is EndReason.DONE
    assert run.text().count("green") == 1


def test_an_answer_to_what_was_not_asked_does_no_harm(follow: Follow) -> None:
    run = follow(Session.ASKS)
    run.until(Asked)
    run.agent.answer("other.md", reply("red"))
    run.agent.answer("colour.md", reply("blue"))
    assert run.end().reason is EndReason.DONE
    assert "red" not in run.text()


@pytest.mark.parametrize(
    ("decision", "said"),
    [(Decision.APPROVED, "installed"), (Decision.REJECTED, "left alone"), (Decision.CHANGES, "left alone")],
)
def test_a_permission_is_asked_for(follow: Follow, decision: Decision, said: str) -> None:
    run = follow(Session.WANTS)
    asked = run.until(Asked)
    assert (asked.kind, asked.tool, asked.arguments) == (AskKind.PERMISSION, "run", "npm install")
    run.agent.answer("net.md", InboxAnswer(decision=decision, comment="as you like"))
    assert run.end().reason is EndReason.DONE
    assert run.text().strip() == said


@pytest.mark.parametrize("session", [Session.STAYS, Session.ASKS, Session.WANTS])
@pytest.mark.parametrize("how", ["cancel", "kill"])
def test_a_run_that_is_stopped_ends_as_cancelled(follow: Follow, session: Session, how: str) -> None:
    run = follow(session)
    run.until(TextWritten if session is Session.STAYS else Asked)
    stop = run.agent.cancel if how == "cancel" else run.agent.kill
    stop()
    stop()
    assert run.end().reason is EndReason.CANCELLED


def test_messages_can_be_delivered_at_any_time(follow: Follow) -> None:
    run = follow(Session.ASKS)
    run.until(Asked)
    run.agent.deliver("note.md", "By the way.")
    run.agent.answer("colour.md", reply("blue"))
    assert run.end().reason is EndReason.DONE


def test_controls_after_the_end_do_nothing(follow: Follow) -> None:
    run = follow(Session.SAYS)
    run.end()
    run.agent.deliver("note.md", "Too late.")
    run.agent.answer("colour.md", reply("blue"))
    run.agent.cancel()
    run.agent.kill()
