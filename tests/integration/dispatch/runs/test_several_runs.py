"""Two live runs of one task: each has its own slot, messages, answers, budget, stop and submission."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import Asked, AskKind, Assignment, TextWritten
from coworkd.agents.testing import ScriptSteps
from coworkd.core.model import Status
from coworkd.core.run_states import RunState
from coworkd.core.runs import RunReason, StopRequest, SubmittingState
from coworkd.dispatch.executors.slot_results import FinishRequest, FinishResult, Imported, SavedWork
from coworkd.store import SubmissionRow
from coworkd.store.runs import request_stop
from coworkd.store.submissions import submissions_of
from tests.integration.dispatchkit import Bench


def until_told(_: Assignment) -> ScriptSteps:
    yield TextWritten(text="begun")
    yield None


class Imports:
    """Imports what runs made, and remembers what was asked for."""

    def __init__(self) -> None:
        self.requests: list[FinishRequest] = []

    def __call__(self, request: FinishRequest) -> FinishResult:
        self.requests.append(request)
        if request.submit:
            return Imported(commit=f"work-{request.run}", tree=f"tree-{request.run}")
        return SavedWork(refs=(f"refs/cowork/snap/{request.task}/{request.run}",), commit=f"kept-{request.run}")


@pytest.fixture
def imports() -> Imports:
    return Imports()


@pytest.fixture
def bench(tmp_path: Path, imports: Imports) -> Iterator[Bench]:
    bench = Bench(tmp_path, until_told, made=imports)
    bench.config("")
    bench.agent()
    yield bench
    bench.close()


def begin_two(bench: Bench) -> tuple[str, str]:
    bench.task()
    bench.turn()
    assert bench.starter.start("a", "main", bench.now) is None
    bench.turn()
    first, second = bench.runs()
    assert {first.state.kind, second.state.kind} == {RunState.WORKING}
    return first.id, second.id


def tell(bench: Bench, text: str = "Go on.") -> None:
    bench.place.save(f"{text}\n", "messages/a/1.md")
    bench.turn()


def submissions(bench: Bench) -> list[SubmissionRow]:
    return submissions_of(bench.db, "a")


def test_each_has_a_slot_of_its_own(bench: Bench) -> None:
    begin_two(bench)
    assert [order.number for order in bench.slots] == [1, 2]


def test_a_message_reaches_both_and_two_that_end_together_never_share_a_number(bench: Bench, imports: Imports) -> None:
    first, second = begin_two(bench)
    tell(bench)
    assert sorted(request.run for request in imports.requests) == sorted([first, second])
    numbers = {request.run: request.number for request in imports.requests}
    assert sorted(numbers.values()) == [1, 2]
    assert {row.run: row.number for row in submissions(bench)} == numbers
    assert {row.run: row.commit_id for row in submissions(bench)} == {run: f"work-{run}" for run in numbers}
    assert bench.status() is Status.RUNNING


def test_a_number_that_was_reserved_is_kept_over_a_crash(bench: Bench, imports: Imports) -> None:
    first, second = begin_two(bench)
    bench.made = lambda _: pytest.fail("killed before the work was imported")
    ended = bench.runs()
    with bench.db.write():
        for run, number in zip(ended, (1, 2), strict=True):
            bench.db.set(type(run), run.id, state=SubmittingState(reason=RunReason.DONE, submission=number))
    bench.made = imports
    bench.crash()
    bench.turn()
    assert {request.run: request.number for request in imports.requests} == {first: 1, second: 2}
    assert [(row.run, row.number) for row in submissions(bench)] == [(first, 1), (second, 2)]


def test_one_is_stopped_and_the_other_works_on(bench: Bench) -> None:
    first, second = begin_two(bench)
    with bench.db.write():
        request_stop(bench.db, [run for run in bench.runs() if run.id == first], StopRequest.BUDGET)
    bench.turn()
    (ended,), other = bench.ended(), bench.runs()[-1]
    assert (ended.id, ended.state.reason) == (first, RunReason.BUDGET)
    assert (other.id, other.state.kind) == (second, RunState.WORKING)
    assert bench.status() is Status.RUNNING, "where the task stands follows from the run that is live"
    tell(bench)
    assert [(row.run, row.number) for row in submissions(bench)] == [(second, 1)]


def test_a_person_who_pauses_the_task_stops_both(bench: Bench) -> None:
    begin_two(bench)
    bench.write("tasks/a.md", "status: running", "status: paused")
    bench.turn()
    bench.turn()
    assert [run.state.kind for run in bench.runs()] == [RunState.ENDED, RunState.ENDED]
    assert bench.status() is Status.PAUSED
    assert submissions(bench) == []


def test_the_task_waits_until_every_question_is_answered(bench: Bench) -> None:
    def asks(order: Assignment) -> ScriptSteps:
        yield Asked(request=f"q-{order.run}", kind=AskKind.QUESTION, text="Which colour?")
        yield None

    bench.script = asks
    bench.task()
    bench.turn()
    assert bench.starter.start("a", "main", bench.now) is None
    bench.turn()
    assert [run.state.kind for run in bench.runs()] == [RunState.WAITING, RunState.WAITING]
    tell(bench, "Red.")
    assert sorted(run.state.kind for run in bench.runs()) == [RunState.WAITING, RunState.WORKING]
    assert bench.status() is Status.WAITING
    bench.place.save("Blue.\n", "messages/a/2.md")
    bench.turn()
    assert [run.state.kind for run in bench.runs()] == [RunState.WORKING, RunState.WORKING]
    assert bench.status() is Status.RUNNING


def test_what_both_may_cost_together_is_within_the_budget(bench: Bench) -> None:
    bench.task(budget="{usd: 2}")
    bench.turn()
    assert bench.starter.start("a", "main", bench.now) is not None, "all of it is reserved by the first"
    assert len(bench.runs()) == 1
