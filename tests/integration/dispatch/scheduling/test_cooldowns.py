"""Rate limits, overload, quota: typed errors, exact waits, stand-ins, and the way back to the primary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import Assignment, EndReason, ErrorKind, ErrorReported, TextWritten
from coworkd.agents.testing import Script, ScriptSteps
from coworkd.core.model import Status
from tests.integration.dispatchkit import Bench, fails


class Provider:
    """Agents whose providers refuse them, each with the errors that are left for it."""

    def __init__(self) -> None:
        self.refusals: dict[str, list[ErrorReported]] = {}
        self.asked: list[str] = []

    def refuse(self, agent: str, *kinds: ErrorKind, retry_after: float | None = None) -> None:
        errors = [ErrorReported(kind=kind, message=f"{kind}!", retry_after=retry_after) for kind in kinds]
        self.refusals.setdefault(agent, []).extend(errors)

    def __call__(self, order: Assignment) -> ScriptSteps:
        self.asked.append(order.agent.name)
        left = self.refusals.get(order.agent.name)
        if left:
            yield left.pop(0)
            yield fails(EndReason.FAILED, "exit 1")
        yield TextWritten(text="done")


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def bench(tmp_path: Path, provider: Provider) -> Iterator[Bench]:
    script: Script = provider
    bench = Bench(tmp_path, script)
    bench.config("backoff: 2\n")
    bench.agent("main", driver="replay", model="anthropic/sonnet", fallback="[spare]")
    bench.agent("spare", driver="replay", model="openai/o9")
    yield bench
    bench.close()


def begin(bench: Bench, name: str = "a", **fields: str) -> None:
    bench.task(name, "Do it.", **fields)
    bench.turn()
    bench.turn()


def alone(bench: Bench) -> None:
    bench.agent("main", driver="replay", model="anthropic/sonnet")


def until_asked(bench: Bench, provider: Provider, times: int) -> float:
    """Seconds until the provider is asked for the n-th time, going from deadline to deadline."""
    start = bench.now
    while len(provider.asked) < times:
        deadline = bench.dispatch.deadline(bench.now)
        assert deadline is not None, "nothing is waited for"
        bench.turn(max(deadline - bench.now, 0.0))
    return bench.now - start


def test_primary_429_fallback_primary_again_across_a_restart(bench: Bench, provider: Provider) -> None:
    provider.refuse("main", ErrorKind.RATE_LIMIT, retry_after=60.0)
    begin(bench)
    assert provider.asked == ["main", "spare"]
    first, second = bench.runs()
    assert (second.fallback, second.model, second.provider) == ("main", "openai/o9", "openai")
    assert first.attempt == second.attempt == 1, "a refusal is no attempt of the task's"
    bench.crash()
    begin(bench, "b")
    assert provider.asked == ["main", "spare", "spare"], "it is left alone after the restart too"
    bench.turn(57)
    begin(bench, "c")
    assert provider.asked[3:] == ["main"]
    assert bench.db.scalar("SELECT count(*) FROM cooldowns") == 0
    cooled, switched, back = bench.events("cools down"), bench.events("fallback"), bench.events("primary tried again")
    assert (cooled[0]["account"], cooled[0]["error"]) == ("anthropic/default/sonnet", "rate_limit")
    assert (switched[0]["instead_of"], switched[0]["reason"]) == ("main", "rate_limit!")
    assert len(back) == 1
    assert len(bench.events("available again")) == 1


def test_the_switch_stands_in_the_message(bench: Bench, provider: Provider) -> None:
    provider.refuse("main", ErrorKind.OVERLOADED)
    begin(bench)
    bench.turn()
    text = bench.place.text(bench.ended()[-1].state.message_path)
    assert "fallback: main" in text
    assert "model: openai/o9" in text
    assert "provider: openai" in text


@pytest.mark.parametrize("restart", [False, True])
def test_what_the_provider_says_is_kept_to_exactly(bench: Bench, provider: Provider, restart: bool) -> None:
    alone(bench)
    provider.refuse("main", ErrorKind.RATE_LIMIT, retry_after=4321.0)
    begin(bench)
    assert "unavailable (rate limit)" in bench.reason()
    if restart:
        bench.crash()
    assert until_asked(bench, provider, 2) == pytest.approx(4320.0)
    assert bench.runs()[-1].attempt == 1


def test_without_a_word_of_the_provider_waits_grow_threefold(bench: Bench, provider: Provider) -> None:
    alone(bench)
    provider.refuse("main", *[ErrorKind.OVERLOADED] * 4)
    begin(bench)
    waits = [until_asked(bench, provider, times) for times in (2, 3, 4, 5)]
    assert waits == pytest.approx([1.0, 6.0, 18.0, 54.0])
    assert bench.db.scalar("SELECT count(*) FROM cooldowns") == 0


def test_the_chain_is_gone_through_and_then_waits_for_the_first_that_is_free(bench: Bench, provider: Provider) -> None:
    bench.agent("main", driver="replay", model="anthropic/sonnet", fallback="[spare, last]")
    bench.agent("last", driver="replay", model="google/g")
    provider.refuse("main", ErrorKind.QUOTA, retry_after=100.0)
    provider.refuse("spare", ErrorKind.RATE_LIMIT, retry_after=30.0)
    provider.refuse("last", ErrorKind.UNAVAILABLE, retry_after=50.0)
    begin(bench)
    assert provider.asked == ["main", "spare", "last"]
    assert bench.status() is Status.READY
    assert until_asked(bench, provider, 4) == pytest.approx(29.0)
    assert provider.asked[-1] == "spare"


def test_agents_of_one_account_and_model_cool_down_together(bench: Bench, provider: Provider) -> None:
    bench.agent("twin", driver="replay", model="anthropic/sonnet", fallback="[spare]")
    bench.agent("cousin", driver="replay", model="anthropic/opus")
    provider.refuse("main", ErrorKind.RATE_LIMIT, retry_after=60.0)
    begin(bench)
    bench.task("b", "Do it.", agent="cousin")
    bench.turn(2)
    assert provider.asked == ["main", "spare", "cousin"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (ErrorKind.CONTEXT, "too long for the model's context: context!; make the task smaller"),
    ],
)
def test_what_no_other_attempt_mends_fails_and_says_what_to_do(
    bench: Bench, provider: Provider, kind: ErrorKind, words: str
) -> None:
    provider.refuse("main", kind)
    begin(bench)
    assert bench.status() is Status.FAILED
    assert words in bench.reason()
    assert provider.asked == ["main"]


@pytest.mark.parametrize("kind", [ErrorKind.NETWORK, ErrorKind.OTHER])
def test_other_errors_are_attempts_like_any_other(bench: Bench, provider: Provider, kind: ErrorKind) -> None:
    provider.refuse("main", kind)
    begin(bench)
    bench.turn(3)
    assert provider.asked == ["main", "main"]
    assert bench.runs()[-1].attempt == 2


def test_an_error_that_the_agent_got_over_does_not_count(bench: Bench) -> None:
    def recovers(_: Assignment) -> ScriptSteps:
        yield ErrorReported(kind=ErrorKind.RATE_LIMIT, message="429")
        yield TextWritten(text="but then")
        yield fails()

    bench.script = recovers
    begin(bench)
    assert bench.db.scalar("SELECT count(*) FROM cooldowns") == 0
    assert "attempt 2 of 3" in bench.reason()
