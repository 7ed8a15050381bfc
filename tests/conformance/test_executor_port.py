"""What every executor promises, wherever it carries runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from coworkd.agents.port import (
    AgentEvent,
    AnswerDecision,
    Asked,
    Assignment,
    Ended,
    EndReason,
    InboxAnswer,
    TextWritten,
)
from coworkd.dispatch.executors.local import LocalExecutor
from coworkd.dispatch.executors.port import Executor, RunEvent
from coworkd.dispatch.executors.testing import FakeExecutor
from tests.runs import Bell, until
from tests.sessions import SCRIPTS, Session, assignment, bash, script

BLUE = InboxAnswer(decision=AnswerDecision.REPLY, body="deep blue")


@dataclass
class Lab:
    """An executor, and assignments that it understands."""

    build: Callable[[Bell], Executor]
    assign: Callable[[Session, int], Assignment]
    bell: Bell = field(default_factory=Bell)
    opened: list[Executor] = field(default_factory=list[Executor])

    def executor(self) -> Executor:
        self.opened.append(self.build(self.bell))
        return self.opened[-1]

    def until(self, executor: Executor, kind: type[AgentEvent]) -> list[RunEvent]:
        """Everything uncommitted, once an event of this kind is among it."""
        return until(executor, self.bell, lambda found: any(isinstance(item.event, kind) for item in found))


@pytest.fixture(params=["local", "fake"])
def lab(request: pytest.FixtureRequest, tmp_path: Path, worker_path: None) -> Iterator[Lab]:
    if request.param == "local":
        lab = Lab(LocalExecutor, lambda session, epoch: bash(tmp_path, SCRIPTS[session], session.value, epoch=epoch))
    else:
        lab = Lab(
            lambda bell: FakeExecutor(bell, script),
            lambda session, epoch: assignment(tmp_path, session.value, epoch=epoch),
        )
    yield lab
    for executor in lab.opened:
        executor.close(0.0)


def ends(found: list[RunEvent]) -> list[EndReason]:
    return [item.event.reason for item in found if isinstance(item.event, Ended)]


def text(found: list[RunEvent]) -> str:
    return "".join(item.event.text for item in found if isinstance(item.event, TextWritten))


def test_events_come_in_order_with_one_end(lab: Lab) -> None:
    executor, order = lab.executor(), lab.assign(Session.SAYS, 1)
    executor.submit(order)
    found = lab.until(executor, Ended)
    assert text(found).strip() == "hello"
    assert ends(found) == [EndReason.DONE]
    assert isinstance(found[-1].event, Ended)
    assert [item.offset for item in found] == sorted({item.offset for item in found})
    assert {item.run for item in found} == {order.run}


def test_a_run_is_submitted_once_per_epoch(lab: Lab) -> None:
    executor, order = lab.executor(), lab.assign(Session.SAYS, 2)
    executor.submit(order)
    executor.submit(order)
    executor.submit(replace(order, epoch=1))
    lab.until(executor, Ended)
    executor.submit(order)
    assert ends(lab.until(executor, Ended)) == [EndReason.DONE]


def test_a_later_epoch_runs_again(lab: Lab) -> None:
    executor = lab.executor()
    executor.submit(lab.assign(Session.SAYS, 1))
    first = lab.until(executor, Ended)
    executor.submit(lab.assign(Session.FAILS, 2))
    executor.commit(first[-1].run, first[-1].offset)
    assert ends(lab.until(executor, Ended)) == [EndReason.FAILED]


def test_what_is_not_committed_comes_again(lab: Lab) -> None:
    executor = lab.executor()
    executor.submit(lab.assign(Session.SAYS, 1))
    found = lab.until(executor, Ended)
    assert executor.events() == found
    executor.commit(found[0].run, found[0].offset)
    assert executor.events() == found[1:]
    executor.commit(found[0].run, found[-1].offset)
    assert executor.events() == []


def test_a_question_is_answered(lab: Lab) -> None:
    executor, order = lab.executor(), lab.assign(Session.ASKS, 1)
    executor.submit(order)
    lab.until(executor, Asked)
    assert executor.alive() == {order.run}
    assert executor.deliver(order.run, "note.md", "By the way.")
    assert executor.answer(order.run, "colour.md", BLUE)
    found = lab.until(executor, Ended)
    assert ends(found) == [EndReason.DONE]
    assert "deep blue" in text(found)


@pytest.mark.parametrize("how", ["cancel", "kill"])
def test_a_run_is_stopped(lab: Lab, how: str) -> None:
    executor, order = lab.executor(), lab.assign(Session.STAYS, 1)
    executor.submit(order)
    lab.until(executor, TextWritten)
    (executor.cancel if how == "cancel" else executor.kill)(order.run)
    assert ends(lab.until(executor, Ended)) == [EndReason.CANCELLED]
    lab.bell.wait(lambda: not executor.alive())


def test_unknown_runs_are_ignored(lab: Lab) -> None:
    executor = lab.executor()
    assert not executor.answer("nobody", "colour.md", BLUE)
    assert not executor.deliver("nobody", "note.md", "")
    executor.cancel("nobody")
    executor.kill("nobody")
    executor.commit("nobody", 1)
    assert executor.events() == []
    assert executor.alive() == frozenset()


def test_close_ends_everything_and_its_events_stay(lab: Lab) -> None:
    executor, order = lab.executor(), lab.assign(Session.STAYS, 1)
    executor.submit(order)
    lab.until(executor, TextWritten)
    executor.close(10.0)
    assert executor.alive() == frozenset()
    assert ends(executor.events()) == [EndReason.CANCELLED]


def test_a_run_no_one_heard_of_is_recovered_as_crashed(lab: Lab, tmp_path: Path) -> None:
    executor = lab.executor()
    executor.recover("lost", 1, tmp_path / "lost", 0)
    found = lab.until(executor, Ended)
    assert ends(found) == [EndReason.CRASHED]
    assert found[0].offset > 0
    executor.commit("lost", found[0].offset)
    assert executor.events() == []
