"""What every agent driver promises, whatever stands behind it.

A case that a driver cannot do is skipped by name, with the reason that its entry in `tests.sessions` gives.
"""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from coworkd.agents.port import (
    AnswerDecision,
    Asked,
    AskKind,
    EndReason,
    ErrorKind,
    ErrorReported,
    InboxAnswer,
    InboxFile,
    SessionStarted,
    TextWritten,
    UsageReported,
)
from coworkd.agents.worker.inbox import render_answer
from coworkd.agents.worker.refusals import MAX_EXPLAINING_PROMPTS, MAX_IN_A_ROW
from coworkd.core.errors import AgentError
from coworkd.dispatch.executors.local import LocalExecutor
from coworkd.system import process_tree
from tests.runs import Bell, until
from tests.sessions import DRIVERS, Bench, Case, Driver, Following, Session
from tests.survivors import alive


class Follow(Protocol):
    """Starts a session and follows it."""

    driver: Driver
    bench: Bench

    def __call__(self, session: Session, **changes: object) -> Following: ...


class _Follow:
    def __init__(self, driver: Driver, bench: Bench) -> None:
        self.driver = driver
        self.bench = bench
        self.followed: list[Following] = []

    def __call__(self, session: Session, **changes: object) -> Following:
        order = self.driver.assign(self.bench, session, **changes)
        self.followed.append(Following(self.driver.create(), order))
        return self.followed[-1]


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def follow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Follow]:
    driver: Driver = request.param
    marks = [Case(mark.args[0]) for mark in request.node.iter_markers("case")]
    if reason := next((driver.cannot[case] for case in marks if case in driver.cannot), ""):
        pytest.skip(f"{driver.name}: {reason}")
    driver.ready()
    with ExitStack() as closing:
        starting = _Follow(driver, Bench(tmp_path, closing))
        yield starting
        for each in starting.followed:
            each.agent.kill()


def reply(body: str) -> InboxAnswer:
    return InboxAnswer(decision=AnswerDecision.REPLY, body=body)


APPROVED = InboxAnswer(decision=AnswerDecision.APPROVED)


@pytest.mark.case(Case.STREAMING)
def test_a_run_tells_its_reply_and_one_end(follow: Follow) -> None:
    run = follow(Session.SAYS)
    assert run.end().reason is EndReason.DONE
    assert run.text().strip() == "hello"


def test_a_failure_says_why(follow: Follow) -> None:
    ended = follow(Session.FAILS).end()
    assert ended.reason is EndReason.FAILED
    assert "trouble" in ended.message


@pytest.mark.case(Case.QUESTION)
def test_a_question_is_answered_while_the_agent_lives(follow: Follow) -> None:
    run = follow(Session.ASKS)
    asked = run.until(Asked)
    assert (asked.kind, asked.text) == (AskKind.QUESTION, "Which colour?")
    run.agent.answer(asked.request, reply("deep blue"))
    assert run.end().reason is EndReason.DONE
    assert "deep blue" in run.text()


@pytest.mark.case(Case.QUESTION)
def test_the_same_answer_twice_is_once(follow: Follow) -> None:
    run = follow(Session.ASKS)
    asked = run.until(Asked)
    for _ in range(2):
        run.agent.answer(asked.request, reply("green"))
    assert run.end().reason is EndReason.DONE
    assert run.text().count("green") == 1


@pytest.mark.case(Case.QUESTION)
def test_an_answer_to_what_was_not_asked_does_no_harm(follow: Follow) -> None:
    run = follow(Session.ASKS)
    asked = run.until(Asked)
    run.agent.answer("other.md", reply("red"))
    run.agent.answer(asked.request, reply("blue"))
    assert run.end().reason is EndReason.DONE
    assert "red" not in run.text()


@pytest.mark.case(Case.PERMISSION)
@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (AnswerDecision.APPROVED, "installed"),
        (AnswerDecision.REJECTED, "left alone"),
        (AnswerDecision.CHANGES, "left alone"),
    ],
)
def test_a_permission_is_asked_for(follow: Follow, decision: AnswerDecision, said: str) -> None:
    run = follow(Session.WANTS)
    asked = run.until(Asked)
    assert (asked.kind, asked.tool, asked.arguments) == (AskKind.PERMISSION, "run", "npm install")
    run.agent.answer(asked.request, InboxAnswer(decision=decision, comment="as you like"))
    assert run.end().reason is EndReason.DONE
    assert run.text().strip() == said


@pytest.mark.case(Case.HELD)
def test_the_clocks_stand_still_while_a_permission_is_held(follow: Follow) -> None:
    run = follow(Session.WANTS, timeout=1.5, stall=1.5)
    asked = run.until(Asked)
    subprocess.run(["sleep", "2"], check=True)
    run.agent.answer(asked.request, APPROVED)
    assert run.end().reason is EndReason.DONE
    assert run.text().strip() == "installed"


@pytest.mark.case(Case.RESTARTED)
def test_a_permission_that_is_answered_after_a_restart_allows_exactly_that_call_once(follow: Follow) -> None:
    first = follow(Session.CHANGES)
    asked = first.until(Asked)
    first.agent.kill()
    assert first.end().reason is EndReason.CANCELLED
    made = follow.bench.path / "worktree" / "made.txt"
    assert not made.exists()
    given = InboxFile(name=asked.request, text=render_answer(APPROVED))
    second = follow(Session.CHANGES, epoch=2, inbox=(given,))
    assert second.end().reason is EndReason.DONE
    assert second.text().strip() == "made"
    assert made.read_text() == "made\n"
    assert not [event for event in second.seen if isinstance(event, Asked) and follow.driver.name != "command"]


@pytest.mark.case(Case.CANCEL)
@pytest.mark.parametrize("session", [Session.STAYS, Session.ASKS, Session.WANTS])
@pytest.mark.parametrize("how", ["cancel", "kill"])
def test_a_run_that_is_stopped_ends_as_cancelled(follow: Follow, session: Session, how: str) -> None:
    run = follow(session)
    run.until(TextWritten if session is Session.STAYS else Asked)
    stop = run.agent.cancel if how == "cancel" else run.agent.kill
    stop()
    stop()
    assert run.end().reason is EndReason.CANCELLED


@pytest.mark.case(Case.KILL)
def test_nothing_survives_a_kill(follow: Follow) -> None:
    run = follow(Session.SPAWNS)
    run.until(TextWritten)
    name = f"survivor-{run.order.run}"
    while not alive(name):
        assert run.alive
    run.agent.kill()
    assert run.end().reason is EndReason.CANCELLED
    assert not alive(name)


def test_messages_can_be_delivered_at_any_time(follow: Follow) -> None:
    run = follow(Session.ASKS)
    asked = run.until(Asked)
    run.agent.deliver("note.md", "By the way.")
    run.agent.answer(asked.request, reply("blue"))
    assert run.end().reason is EndReason.DONE


def test_controls_after_the_end_do_nothing(follow: Follow) -> None:
    run = follow(Session.SAYS)
    run.end()
    run.agent.deliver("note.md", "Too late.")
    run.agent.answer("colour.md", reply("blue"))
    run.agent.cancel()
    run.agent.kill()


@pytest.mark.case(Case.SESSION)
def test_the_session_is_told_before_anything_is_said(follow: Follow) -> None:
    run = follow(Session.STAYS)
    run.until(TextWritten)
    assert isinstance(run.seen[0], SessionStarted)
    assert run.seen[0].session


@pytest.mark.case(Case.USAGE)
def test_usage_is_told_as_what_came_since_the_last_report(follow: Follow) -> None:
    run = follow(Session.SPENDS)
    assert run.end().reason is EndReason.DONE
    usages = [event.usage for event in run.seen if isinstance(event, UsageReported)]
    assert [(usage.input_tokens, usage.output_tokens) for usage in usages] == [(100, 20), (50, 5)]


@pytest.mark.case(Case.ERRORS)
def test_a_rate_limit_is_told_by_its_kind_and_ends_the_run_as_unavailable(follow: Follow) -> None:
    run = follow(Session.LIMITED)
    assert run.end().reason is EndReason.UNAVAILABLE
    (error,) = (event for event in run.seen if isinstance(event, ErrorReported))
    assert (error.kind, error.retry_after) == (ErrorKind.RATE_LIMIT, 7.0)


@pytest.mark.case(Case.HUGE)
def test_a_line_of_two_megabytes_is_cut(follow: Follow) -> None:
    run = follow(Session.FLOODS, output_limit=100_000)
    assert run.end().reason is EndReason.DONE
    text = run.text()
    assert 50_000 < text.count("x") <= 100_000
    assert "cut" in text


@pytest.mark.case(Case.MALFORMED)
def test_what_cannot_be_read_is_an_outcome(follow: Follow) -> None:
    try:
        ended = follow(Session.BABBLES).end()
    except AgentError:
        return  # refused before it began: the worker makes an end of that
    assert ended.reason in (EndReason.DONE, EndReason.FAILED)


@pytest.mark.case(Case.SILENT)
def test_silence_ends_the_run(follow: Follow) -> None:
    assert follow(Session.SILENT, stall=0.4).end().reason is EndReason.STALLED


@pytest.mark.case(Case.RESUMED)
def test_a_session_goes_on_after_its_worker_was_killed(follow: Follow, worker_path: None) -> None:
    bell = Bell()
    executor = LocalExecutor(bell)
    try:
        order = follow.driver.assign(follow.bench, Session.CHANGES)
        executor.submit(order)
        found = until(executor, bell, lambda found: any(isinstance(item.event, Asked) for item in found))
        session = next(item.event.session for item in found if isinstance(item.event, SessionStarted))
        request = next(item.event.request for item in found if isinstance(item.event, Asked))
        for worker in process_tree.find_marked(process_tree.RUN_MARK, order.run):
            with suppress(ProcessLookupError):  # One that the agent had started may end by itself in between.
                os.kill(worker, signal.SIGKILL)
        bell.wait(lambda: not executor.alive())
    finally:
        executor.close(0.0)
    given = InboxFile(name=request, text=render_answer(APPROVED))
    again = Following(follow.driver.create(), replace(order, run=f"{order.run}-2", inbox=(given,)), session)
    assert again.end().reason is EndReason.DONE
    assert again.text().strip() == "made"
    assert not [event for event in again.seen if isinstance(event, Asked)]


@pytest.mark.case(Case.REFUSED)
def test_an_agent_that_is_refused_each_turn_is_not_prompted_without_end(follow: Follow) -> None:
    run = follow(Session.INSISTS)
    assert run.end().reason is EndReason.DONE
    assert 1 <= run.text().count("turn") <= 1 + MAX_EXPLAINING_PROMPTS


@pytest.mark.case(Case.REFUSED)
def test_an_agent_that_asks_for_what_is_denied_without_end_is_ended(follow: Follow) -> None:
    ended = follow(Session.PESTERS).end()
    assert ended.reason is EndReason.FAILED
    assert f"{MAX_IN_A_ROW} calls in a row were refused" in ended.message
    assert "denied" in ended.message


def test_every_case_is_tried_by_a_test() -> None:
    module = sys.modules[__name__]
    tests = [test for name, test in inspect.getmembers(module, inspect.isfunction) if name.startswith("test_")]
    marks = [mark for test in tests for mark in getattr(test, "pytestmark", [])]
    assert {Case(mark.args[0]) for mark in marks if mark.name == "case"} == set(Case)
