"""Caps of tasks and of the day, as dispatch keeps them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import AgentEvent, Assignment, Ended, EndReason, SessionStarted, UsageReported
from coworkd.agents.testing import Script, ScriptSteps
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status, Usage
from coworkd.core.run_states import RunState
from coworkd.core.runs import RunReason, StopRequest
from coworkd.store.usage import DAY
from tests.integration.dispatchkit import Bench, says


def used(usd: float | None, tokens: int = 100, *, estimated: bool = False) -> UsageReported:
    return UsageReported(usage=Usage(input_tokens=tokens, output_tokens=10, cost_usd=usd), estimated=estimated)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, says(used(0.5)))
    bench.config("")
    bench.agent()
    yield bench
    bench.close()


def begin(bench: Bench, name: str = "a", **fields: str) -> None:
    bench.task(name, "Do it.", **fields)
    bench.turn()
    bench.turn()


def spends(step: float) -> Script:
    """Calls a model itself as long as the next call is covered, and stops before the one that is not."""

    def script(order: Assignment) -> ScriptSteps:
        left = order.budget.usd
        yield SessionStarted(session=f"s-{order.run}")
        for _turn in range(100):
            if left is not None:
                left -= step
                if left < -1e-9:
                    yield Ended(reason=EndReason.BUDGET)
            yield used(step)
            yield None

    return script


def test_a_run_is_told_what_is_left(bench: Bench) -> None:
    begin(bench, budget="{usd: 2.0, tokens: 1000, minutes: 30}")
    budget = bench.given[0].budget
    assert (budget.usd, budget.tokens, budget.minutes) == (2.0, 1000, 30.0)
    assert bench.given[0].timeout == 1800
    bench.place.save("Once more.\n", "messages/a/m.md")
    bench.board.db.execute("UPDATE tasks SET status = 'failed'")
    bench.turn(60)
    budget = bench.given[1].budget
    assert (budget.usd, budget.tokens) == (1.5, 890)


def test_the_end_of_a_tasks_budget_makes_it_wait_and_more_lets_it_go_on(bench: Bench) -> None:
    def script(_: Assignment) -> ScriptSteps:
        yield SessionStarted(session="s")
        for _turn in range(9):
            yield used(0.5)
        while True:
            yield None

    bench.script = script
    begin(bench, budget="{usd: 2.0}")
    assert bench.status() is Status.READY
    assert bench.why() == "budget used up: $4.50 of $2.00; raise `budget: {usd}` in the task to go on"
    assert "$2.50 over because its agent tells only after each turn" in bench.ended()[0].state.message
    bench.turn(DAY * 2)
    assert len(bench.given) == 1
    bench.write("tasks/a.md", "usd: 2.0", "usd: 6.0")
    bench.turn()
    bench.turn()
    assert bench.given[1].resume == "s"
    assert bench.given[1].budget.usd == 1.5
    assert bench.given[1].attempt == 1


def test_the_day_rolls_on(bench: Bench) -> None:
    bench.config("budget: {usd_per_day: 0.5}\n")
    begin(bench)
    begin(bench, "b")
    assert "$0.50 of $0.50 in 24 hours" in bench.why("b")
    assert len(bench.given) == 1
    deadline = bench.dispatch.deadline(bench.now)
    assert deadline is not None
    bench.crash()
    bench.turn(deadline - bench.now - 1)
    assert len(bench.given) == 1
    bench.turn(1)
    assert [order.task for order in bench.given] == ["a", "b"]


def test_a_cap_on_money_refuses_an_agent_whose_cost_is_unknown(bench: Bench) -> None:
    bench.script = says(used(None))
    begin(bench)
    assert bench.status() is not Status.READY
    begin(bench, "b", budget="{usd: 1.0}")
    assert "what this agent costs is not known" in bench.why("b")
    begin(bench, "c", budget="{tokens: 5000}")
    assert [order.task for order in bench.given] == ["a", "c"]


def test_an_unknown_cost_stops_a_run_that_has_a_cap_on_money(bench: Bench) -> None:
    def script(_: Assignment) -> ScriptSteps:
        yield used(None)
        while True:
            yield None

    bench.script = script
    begin(bench, budget="{usd: 1.0}")
    assert bench.status() is Status.READY
    assert "what it costs is not known" in bench.ended()[0].state.message
    assert "not known" in bench.why()


def _goes_on_for_ever(_: Assignment) -> ScriptSteps:
    yield used(5.0)
    yield used(5.0)
    while True:
        yield None


def test_a_subscription_is_bounded_by_tokens_alone(bench: Bench) -> None:
    bench.config("budget: {usd_per_day: 0.1}\n")
    bench.agent(billing="subscription")
    bench.script = _goes_on_for_ever
    begin(bench, budget="{usd: 0.1, tokens: 150}")
    assert "220 of 150 tokens" in bench.why()
    assert bench.given[0].budget.usd is None
    assert bench.runs()[0].usage.cost_usd == 10.0


@pytest.mark.parametrize("wrong", [used(0.1, -7), used(math.nan), used(-1.0), UsageReported(usage=Usage())])
def test_usage_that_cannot_be_is_refused_and_shown(bench: Bench, wrong: UsageReported) -> None:
    bench.script = says(used(0.25), wrong, used(0.25))
    begin(bench)
    run = bench.runs()[0]
    assert (run.usage.cost_usd, run.usage.input_tokens) == (0.5, 200)
    assert "which cannot be; that turn is not counted" in bench.place.problems()["usage"]


def test_what_is_estimated_is_marked(bench: Bench) -> None:
    bench.script = says(used(0.25, estimated=True))
    begin(bench)
    bench.turn()
    assert "estimated: true" in bench.place.text(bench.ended()[0].state.message_path)


@pytest.mark.parametrize("cap", [0.0, 0.3, 2.0, 7.77])
def test_fifty_at_once_never_pass_the_day(bench: Bench, cap: float) -> None:
    bench.config(f"concurrency: 50\nbudget: {{usd_per_day: {cap}}}\n")
    bench.script = spends(0.03)
    for number in range(60):
        bench.task(f"t{number}", "Do it.", budget="{usd: 0.5}" if number % 2 else "{tokens: 100000}")
    spent = 0.0
    for _ in range(30):
        bench.turn(20)
        for run in bench.executor.alive():
            bench.executor.deliver(run, "go.md", "go on")
        spent = bench.db.scalar("SELECT coalesce(sum(cost_usd), 0) FROM usages")
        assert spent <= cap + 1e-9
        if spent >= cap * 0.8:
            break
    assert spent >= cap * 0.8, "what there is can be used"


def test_a_run_goes_on_with_what_no_other_run_has_reserved(bench: Bench) -> None:
    bench.config("concurrency: 4\nbudget: {usd_per_day: 0.10}\n")
    bench.script = says(used(0.04), used(0.04))
    begin(bench)
    (run,) = bench.ended()
    assert bench.given[0].budget.usd == pytest.approx(0.025)
    assert (run.state.reason, run.reserved_usd) == (RunReason.DONE, pytest.approx(0.10))
    assert not bench.events(EventKind.BUDGET_USED_UP)


def test_a_run_gets_nothing_that_another_run_has_reserved(bench: Bench) -> None:
    bench.config("concurrency: 2\nbudget: {usd_per_day: 0.10}\n")
    bench.script = waits_after(used(0.06))
    bench.task("a", "Do it.")
    bench.task("b", "Do it.")
    bench.turn()
    bench.turn()
    assert len(bench.events(EventKind.BUDGET_USED_UP)) == 2
    assert all(
        "of the $0.05 that were left for it" in event["reason"] for event in bench.events(EventKind.BUDGET_USED_UP)
    )


def test_an_agent_that_has_ended_before_it_was_stopped_is_done(bench: Bench) -> None:
    bench.script = says(used(1.5))
    bench.executor.ends_unread = True
    begin(bench, budget="{usd: 1.0}")
    (run,) = bench.runs()
    assert (run.stop, run.state.kind) == (StopRequest.BUDGET, RunState.WORKING)
    assert not bench.events(EventKind.RUN_STOPPED)
    bench.executor.ends_unread = False
    bench.turn()
    assert [ended.state.reason for ended in bench.ended()] == [RunReason.DONE]
    assert not bench.events(EventKind.LATE_END_REFUSED)


def waits_after(*events: AgentEvent) -> Script:
    """An agent that reports this, and works on until it is stopped."""

    def script(_: Assignment) -> ScriptSteps:
        yield from events
        yield None

    return script
