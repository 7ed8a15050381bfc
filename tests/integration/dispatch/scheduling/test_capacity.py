"""One rule for every run: a new one, one that goes on after an answer, and one that resolves a conflict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import Asked, AskKind, Assignment, Ended, EndReason, ErrorKind, ErrorReported, SessionStarted
from coworkd.agents.testing import ScriptSteps
from coworkd.core.model import Status
from coworkd.dispatch.scheduling.scheduler import MEMORY_PAUSE
from coworkd.store import SubmissionState
from tests.integration.dispatchkit import Bench, fails

QUESTION = Asked(request="q", kind=AskKind.QUESTION, text="Which colour?")


def script(order: Assignment) -> ScriptSteps:
    """Task `a` asks and leaves, `done` is done at once, `refused` and `failing` fail, every other one stays."""
    if order.task == "asks" and not order.resume:
        yield SessionStarted(session="s-1")
        yield QUESTION
        yield Ended(reason=EndReason.UNAVAILABLE, undelivered_requests=("q",))
    if order.task == "done" and not order.conflict:
        return
    if order.task == "refused":
        yield ErrorReported(kind=ErrorKind.RATE_LIMIT, message="slow down", retry_after=60.0)
        yield fails(EndReason.FAILED, "exit 1")
    if order.task == "failing":
        yield fails(EndReason.FAILED, "exit 1")
    while True:
        yield None


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, script)
    bench.config("")
    bench.agent("main", driver="replay", model="anthropic/sonnet")
    bench.agent("other", driver="replay", model="openai/o9")
    yield bench
    bench.close()


# ---- three runs that want to be at work


def _prepare_answer(bench: Bench) -> None:
    bench.task("asks")
    bench.turn()
    bench.turn()
    assert bench.status("asks") is Status.WAITING


def _answer(bench: Bench) -> None:
    bench.place.save("Green.\n", "messages/asks/mine.md")


def _prepare_conflict(bench: Bench) -> None:
    bench.task("done")
    bench.turn()
    bench.turn()


def _conflict(bench: Bench) -> None:
    bench.queue(SubmissionState.CONFLICTED, "src/a.py", task="done")


def _nothing(_: Bench) -> None:
    """A new task needs no preparation."""


def _new(bench: Bench) -> None:
    bench.task("new")


REQUESTS = {"asks": (_prepare_answer, _answer), "done": (_prepare_conflict, _conflict), "new": (_nothing, _new)}

# ---- four reasons why it may not


def _fill_workspace(bench: Bench) -> None:
    bench.config("concurrency: 1\n")
    bench.task("stays", agent="other")


def _fill_agent(bench: Bench) -> None:
    bench.agent("main", driver="replay", model="anthropic/sonnet", limits="{concurrency: 1}")
    bench.task("stays")


def _stop(bench: Bench) -> None:
    bench.write("tasks/stays.md", "status: running", "status: paused")
    bench.turn()


def _refuse(bench: Bench) -> None:
    bench.task("refused")


def _wait_for_provider(bench: Bench) -> None:
    deadline = bench.dispatch.deadline(bench.now)
    assert deadline is not None
    assert deadline <= bench.now + 60.0, "the end of the cooldown wakes the daemon"
    bench.write("tasks/refused.md", "status: ready", "status: paused")
    bench.turn(61.0)


def _fail(bench: Bench) -> None:
    bench.task("failing", agent="other", on_error="abort", max_attempts="1")


def _give_up(bench: Bench) -> None:
    bench.write("tasks/failing.md", "status: failed", "status: cancelled")
    bench.turn()


def _fill_provider(bench: Bench) -> None:
    bench.config("limits: {providers: {Anthropic: 1}}\n")
    bench.task("stays", agent="main")


def _fill_memory(bench: Bench) -> None:
    bench.memory = 100_000_000
    bench.task("stays", agent="other")


def _free_memory(bench: Bench) -> None:
    bench.memory = None
    bench.turn(MEMORY_PAUSE)


OBSTACLES: dict[str, tuple[Callable[[Bench], None], Callable[[Bench], None]]] = {
    "waits for a free place: 1 of 1 are taken": (_fill_workspace, _stop),
    "waits for agent main: 1 of 1 at work": (_fill_agent, _stop),
    "waits for provider anthropic: 1 of 1 runs at work": (_fill_provider, _stop),
    "waits for memory: 0.1 GB are free, and 1 at work have just begun": (_fill_memory, _free_memory),
    "waits for agent main, which is unavailable (rate limit) until": (_refuse, _wait_for_provider),
    "nothing starts since `failing` failed with `on_error: abort`": (_fail, _give_up),
}


@pytest.mark.parametrize("reason", OBSTACLES)
@pytest.mark.parametrize("task", REQUESTS)
def test_a_run_waits_for_capacity_and_begins_when_there_is_some(bench: Bench, task: str, reason: str) -> None:
    prepare, ask = REQUESTS[task]
    obstruct, clear = OBSTACLES[reason]
    prepare(bench)
    obstruct(bench)
    bench.turn()
    bench.turn()
    starts = len([given for given in bench.given if given.task == task])
    ask(bench)
    bench.turn()
    bench.turn()
    assert len([given for given in bench.given if given.task == task]) == starts
    assert reason in (bench.why(task) if task == "new" else bench.reason(task))
    clear(bench)
    bench.turn()
    assert len([given for given in bench.given if given.task == task]) == starts + 1
    assert bench.status(task) is Status.RUNNING
    assert not bench.why(task)


def test_reasons_of_an_earlier_daemon_do_not_outlive_what_they_say(bench: Bench) -> None:
    bench.config("concurrency: 1\n")
    bench.task("first", priority="0")
    bench.task("second")
    bench.turn()
    bench.turn()
    assert bench.why("second") == "waits for a free place: 1 of 1 are taken"
    bench.write("tasks/second.md", "status: ready", "status: draft")
    bench.crash()
    bench.turn()
    assert bench.status("second") is Status.DRAFT
    assert not bench.why("second")
