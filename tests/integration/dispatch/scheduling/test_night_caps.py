"""`night:` in the settings, and `up --until`: what starts in that time, and what waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import ErrorKind, ErrorReported, UsageReported
from coworkd.core.model import Status, Usage
from coworkd.core.nights import clock_text
from tests.integration.dispatchkit import Bench, fails, says

HOUR = 3600.0
SPENDS = says(UsageReported(usage=Usage(input_tokens=600, output_tokens=0, cost_usd=0.5)), fails())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, says())
    bench.agent()
    yield bench
    bench.close()


def shown(at: float) -> str:
    return clock_text(at)


def night(bench: Bench, caps: str = "", config: str = "") -> None:
    """From an hour ago to five hours from now."""
    window = f"from: {shown(bench.now - HOUR)}, to: {shown(bench.now + 5 * HOUR)}"
    bench.config(f"night: {{{window}{caps}}}\nmax_attempts: 1\nbackoff: 0\nconcurrency: 1\n{config}")


def tasks(bench: Bench, *names: str) -> None:
    for name in names:
        bench.task(name)
    for _ in range(2 * len(names)):
        bench.turn()


def begun(bench: Bench, *names: str) -> list[str]:
    return [name for name in names if bench.runs(name)]


def test_max_tasks_bounds_how_many_tasks_begin_in_the_window_and_no_longer(bench: Bench) -> None:
    night(bench, ", max_tasks: 2")
    tasks(bench, "a", "b", "c")
    assert begun(bench, "a", "b", "c") == ["a", "b"]
    assert bench.why("c") == "the night's tasks have begun: 2 (`night: {max_tasks}` in config.yaml)"
    bench.turn(5 * HOUR)
    assert begun(bench, "c") == ["c"], "the day has no caps of the night"


def test_tasks_that_begin_together_count_like_others(bench: Bench) -> None:
    night(bench, ", max_tasks: 2")
    bench.place.save(bench.place.text("config.yaml").replace("concurrency: 1", "concurrency: 3"), "config.yaml")
    tasks(bench, "a", "b", "c")
    assert len(begun(bench, "a", "b", "c")) == 2


def test_a_task_that_has_begun_in_the_night_is_tried_again(bench: Bench) -> None:
    bench.script = SPENDS
    night(bench, ", max_tasks: 1")
    bench.task(max_attempts=2)
    for _ in range(4):
        bench.turn()
    assert [run.attempt for run in bench.runs()] == [1, 2]


def test_tokens_of_the_night_bound_starts(bench: Bench) -> None:
    bench.script = SPENDS
    night(bench, ", tokens: 1000")
    tasks(bench, "a", "b", "c")
    assert begun(bench, "a", "b", "c") == ["a", "b"]
    assert bench.why("c") == "the night's tokens are used up: 1,200 of 1,000 (`night: {tokens}` in config.yaml)"
    bench.turn(5 * HOUR)
    bench.turn()
    assert begun(bench, "c") == ["c"]


def test_dollars_of_the_night_bound_starts_and_what_a_run_may_use(bench: Bench) -> None:
    bench.script = SPENDS
    night(bench, ", usd: 0.8", "budget: {usd_per_day: 100}\n")
    tasks(bench, "a", "b", "c")
    assert begun(bench, "a", "b", "c") == ["a", "b"]
    assert bench.runs("b")[0].reserved_usd == pytest.approx(0.3)
    assert bench.why("c").startswith(
        "budget used up: $1.00 of $0.80 in this night; raise `night: {usd}` in config.yaml"
    )
    bench.turn(5 * HOUR)
    bench.turn()
    assert begun(bench, "c") == ["c"]


def test_what_was_spent_before_the_window_does_not_count(bench: Bench) -> None:
    bench.script = SPENDS
    bench.config("max_attempts: 1\n")
    bench.task("a")
    bench.turn()
    bench.turn(3 * HOUR)
    night(bench, ", usd: 0.4, tokens: 500, max_tasks: 1")
    tasks(bench, "b", "c")
    assert begun(bench, "b", "c") == ["b"]


def test_after_until_nothing_starts_no_retry_and_no_round_of_a_loop(bench: Bench) -> None:
    bench.config("backoff: 60\n")
    with bench.db.write():
        bench.db.state.until = bench.now + 30.0
    bench.task("a", loop="{promise: DONE, delay: 60}")
    bench.turn()
    bench.task("b")
    bench.turn(30.0)
    bench.turn(120.0)
    assert [run.iteration for run in bench.runs("a")] == [1]
    assert begun(bench, "b") == []
    words = f"nothing starts after {shown(bench.db.state.until)} (`coworkd up --until`)"
    assert [bench.why("a"), bench.why("b")] == [words, words]
    assert bench.status("b") is Status.READY


def test_a_rate_limit_is_waited_out_and_the_attempt_is_not_used(bench: Bench) -> None:
    night(bench, ", max_tasks: 1")
    limited = ErrorReported(kind=ErrorKind.RATE_LIMIT, message="429", retry_after=2 * HOUR)
    bench.script = says(limited, fails())
    bench.task("a")
    bench.turn()
    bench.script = says()
    bench.turn(HOUR)
    assert len(bench.runs("a")) == 1
    assert bench.status("a") is Status.READY
    bench.turn(HOUR + 1)
    assert [run.attempt for run in bench.runs("a")] == [1, 1]


def test_a_limit_that_ends_after_until_is_not_waited_for(bench: Bench) -> None:
    with bench.db.write():
        bench.db.state.until = bench.now + HOUR
    bench.script = says(ErrorReported(kind=ErrorKind.RATE_LIMIT, message="429", retry_after=2 * HOUR), fails())
    bench.task("a")
    bench.turn()
    bench.script = says()
    bench.turn(2 * HOUR)
    bench.turn(HOUR)
    assert len(bench.runs("a")) == 1
