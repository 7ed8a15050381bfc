"""No sequence of starts, calls, reports, ends, kills and passing time takes a cap beyond what it says.

The model keeps to one rule: a call that coworkd makes is made only if its worst case is covered by what the run has left.
A machine whose `reserve` forgets the runs at work is found, so the machine can fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from coworkd.core.model import Budget
from coworkd.dispatch.scheduling.budget_rules import BudgetExhausted, BudgetState, Reservation, reserve

DAY = 24.0
"""Hours."""
TASK_CAP, DAILY_CAP = 3.0, 5.0
TASKS = ("a", "b", "c")
CENT = 1e-9


@dataclass
class Live:
    task: str
    reserved: float
    used: float = 0.0

    @property
    def left(self) -> float:
        return self.reserved - self.used


@dataclass
class Spent:
    at: float
    task: str
    usd: float


@dataclass
class Books:
    """What the rows of the database say."""

    now: float = 0.0
    spent: list[Spent] = field(default_factory=list[Spent])
    live: list[Live] = field(default_factory=list[Live])

    def today(self) -> float:
        return sum(one.usd for one in self.spent if one.at > self.now - DAY)

    def by_task(self, task: str) -> float:
        return sum(one.usd for one in self.spent if one.task == task)

    def reserved(self, task: str = "") -> float:
        return sum(max(run.left, 0.0) for run in self.live if task in ("", run.task))

    def state(self, task: str, starting: int) -> BudgetState:
        return BudgetState(
            limit=Budget(usd=TASK_CAP), used=Budget(usd=self.by_task(task), tokens=0, minutes=0.0),
            task_reserved=self.reserved(task), shared_limit=DAILY_CAP, shared_used=self.today(),
            reserved=self.reserved(), starting_runs=starting,
        )  # fmt: skip


class Money(RuleBasedStateMachine):
    """Runs of several tasks that share a day; what is decided is asked of `reserve`."""

    @staticmethod
    def reserve(budget: BudgetState) -> Reservation | BudgetExhausted:
        return reserve(budget)

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()

    @rule(task=st.sampled_from(TASKS), starting=st.integers(1, 4))
    def start(self, task: str, starting: int) -> None:
        found = self.reserve(self.books.state(task, starting))
        if isinstance(found, Reservation):
            assert found.left.usd is not None, "a cap in money bounds every run"
            self.books.live.append(Live(task=task, reserved=found.left.usd))

    @precondition(lambda self: self.books.live)
    @rule(data=st.data(), worst=st.floats(0.01, 4.0), share=st.floats(0.0, 1.0))
    def call(self, data: st.DataObject, worst: float, share: float) -> None:
        """A call that coworkd makes: refused unless its worst case is covered, and settled by what it did cost."""
        run = data.draw(st.sampled_from(self.books.live))
        if worst <= run.left:
            run.used += worst * share
            self.books.spent.append(Spent(at=self.books.now, task=run.task, usd=worst * share))

    @precondition(lambda self: self.books.live)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """By itself or by `kill -9`: what was not used is there for others."""
        self.books.live.remove(data.draw(st.sampled_from(self.books.live)))

    @rule(hours=st.floats(0.1, 30.0))
    def pass_time(self, hours: float) -> None:
        self.books.now += hours

    @invariant()
    def no_cap_is_passed(self) -> None:
        books = self.books
        assert books.today() + books.reserved() <= DAILY_CAP + CENT
        assert all(books.by_task(task) + books.reserved(task) <= TASK_CAP + CENT for task in TASKS)


BUDGETED = settings(max_examples=60, stateful_step_count=25, deadline=None)


UNSHRUNK = settings(BUDGETED, max_examples=600, database=None, phases=[Phase.generate])
"""Where it is enough that a failure is found, which ends the search: 60 examples missed one now and then."""


def test_no_sequence_passes_a_cap() -> None:
    run_state_machine_as_test(Money, settings=BUDGETED)


class ForgetsTheDay(Money):
    @staticmethod
    def reserve(budget: BudgetState) -> Reservation | BudgetExhausted:
        return reserve(replace(budget, reserved=0.0))


class ForgetsTheTask(Money):
    @staticmethod
    def reserve(budget: BudgetState) -> Reservation | BudgetExhausted:
        return reserve(replace(budget, task_reserved=0.0))


class ForgetsWhatWasUsed(Money):
    @staticmethod
    def reserve(budget: BudgetState) -> Reservation | BudgetExhausted:
        return reserve(replace(budget, shared_used=0.0))


@pytest.mark.parametrize("broken", [ForgetsTheDay, ForgetsTheTask, ForgetsWhatWasUsed])
def test_a_broken_reservation_is_found(broken: type[Money]) -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(broken, settings=UNSHRUNK)
