"""The lease of a run: who holds a task, how a holder that is lost is found, and what it may still say after that.

Claims, starts, losses, kills and shutdowns of the daemon, stop requests, and reports of agents that live on though they
were given up, in any order, over the real store. A start holds its run from its epoch on until it is over or given up.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from coworkd.agents.port import AgentEvent, Assignment, Ended, EndReason, SessionStarted, TextWritten
from coworkd.agents.testing import ScriptSteps
from coworkd.core.model import Status
from coworkd.core.run_states import RunState
from coworkd.store import RunRow, SubmissionRow, TaskRow
from tests.integration.dispatchkit import Bench, fails

TASKS = ("a", "b", "c")
WITH_SESSIONS = frozenset("b")
"""Tasks whose runs go on where they were lost; those of the others begin again."""
AT_REST = frozenset({Status.FAILED, Status.PAUSED, Status.CANCELLED, Status.DONE})
HOUR = 3700.0
FORGED = "said by an agent that was given up"

REPORTS: tuple[AgentEvent, ...] = (
    TextWritten(text=FORGED),
    Ended(reason=EndReason.DONE, message=FORGED),
    Ended(reason=EndReason.FAILED, message=FORGED),
    Ended(reason=EndReason.UNAVAILABLE, message=FORGED),
)


class Killed(BaseException):
    """The daemon is gone."""


class Leases(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self.folder.name), self._act)
        self.bench.reach = self._reach
        self.bench.config("backoff: 2\nmax_attempts: 9\nconcurrency: 3\n")
        self.bench.agent("main", driver="replay")
        self.begin()
        self.saved: set[str] = set()
        self.fates: dict[str, str] = {}
        self.dies_at = ""
        self.epochs: dict[str, int] = {}
        """The latest start of every run that an agent was set to work for."""
        self.finished: set[str] = set()
        self.lost: set[str] = set()
        """Runs whose agents were lost since the last turn."""
        self.given_up: list[tuple[str, int]] = []
        """Starts that were lost, and whose agents live on."""
        self.failures: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        """How often a person has asked for another attempt."""

    def begin(self) -> None:
        """The daemon has begun."""

    def _act(self, order: Assignment) -> ScriptSteps:
        assert order.epoch > self.epochs.get(order.run, 0), "no start is carried out twice"
        assert order.run not in self.finished, "what an agent has finished is not done again"
        self.epochs[order.run] = order.epoch
        if order.task in WITH_SESSIONS:
            yield SessionStarted(session=order.run)
        while True:
            match self.fates.pop(order.task, ""):
                case "done":
                    self.finished.add(order.run)
                    return
                case "fail":
                    self.failures[order.task] += 1
                    yield fails()
                case _:
                    yield None

    def _reach(self, point: str) -> None:
        if point == self.dies_at:
            self.dies_at = ""
            raise Killed

    def _turn(self, seconds: float = 1.0) -> None:
        try:
            self.bench.turn(seconds)
        except Killed:
            self._crash()
        self.dies_at = ""
        self.lost.clear()

    def _crash(self) -> None:
        self.dies_at = ""
        self.given_up += [(run, self.epochs[run]) for run in sorted(self.bench.executor.alive())]
        self.bench.crash()
        self.begin()
        self.lost.clear()

    def _known(self) -> list[TaskRow]:
        return self.bench.db.all(TaskRow)

    def _live(self) -> list[RunRow]:
        return self.bench.db.all(RunRow, "state != ?", RunState.ENDED)

    # ---- what happens

    @rule(task=st.sampled_from(TASKS), dies_at=st.sampled_from(["", "", "submit", "submitted"]))
    def claim(self, task: str, dies_at: str) -> None:
        if task not in self.saved:
            self.saved.add(task)
            self.bench.task(task)
        self.dies_at = dies_at
        self._turn()

    @rule(seconds=st.sampled_from([0.0, 1.0, 15.0, HOUR]))
    def turn(self, seconds: float) -> None:
        self._turn(seconds)

    @rule(
        task=st.sampled_from(TASKS),
        fate=st.sampled_from(["done", "fail"]),
        dies_at=st.sampled_from(["", "", "end"]),
        lost=st.booleans(),
    )
    def end(self, task: str, fate: str, dies_at: str, lost: bool) -> None:
        """An agent ends, perhaps just before it is lost or its daemon is killed."""
        for run in self._live():
            if run.task == task and run.id in self.bench.executor.alive():
                self.fates[task] = fate
                self.bench.executor.deliver(run.id, "word.md", "go on")
                if lost:
                    self.bench.executor.lose(run.id)
        self.fates.pop(task, None)
        self.dies_at = dies_at
        self._turn()

    @rule(task=st.sampled_from(TASKS), at_once=st.booleans())
    def lose(self, task: str, at_once: bool) -> None:
        """The executor knows nothing of an agent any more, which lives on."""
        for run in self._live():
            if run.task == task and run.id in self.bench.executor.alive():
                self.given_up.append((run.id, self.epochs[run.id]))
                self.bench.executor.lose(run.id)
                self.lost.add(run.id)
        if at_once:
            self._turn()

    @precondition(lambda self: self.given_up and not self.lost)
    @rule(which=st.integers(0, 20), event=st.sampled_from(REPORTS), at_once=st.booleans())
    def report_late(self, which: int, event: AgentEvent, at_once: bool) -> None:
        run, epoch = self.given_up[which % len(self.given_up)]
        self.bench.executor.report_late(run, self.claimed_epoch(run, epoch), event)
        if at_once:
            self._turn()

    def claimed_epoch(self, run: str, epoch: int) -> int:  # noqa: ARG002 - a control looks at it
        """The start that a late report is of."""
        return epoch

    @rule(task=st.sampled_from(TASKS), status=st.sampled_from(["paused", "cancelled", "ready"]))
    def person_writes(self, task: str, status: str) -> None:
        if task not in {row.id for row in self._known()}:
            return
        path = f"tasks/{task}.md"
        text = re.sub(r"^status: .*$", f"status: {status}", self.bench.place.text(path), flags=re.MULTILINE)
        self.bench.place.save(text, path)
        self.requests[task] += status == "ready"
        self._turn()

    @rule()
    def kill(self) -> None:
        self._crash()

    @rule()
    def shut_down(self) -> None:
        """The daemon is told to end, and begins again."""
        self.bench.dispatch.shut_down(self.bench.now)
        for _ in range(3):
            self.bench.dispatch.step(self.bench.now)
            self.bench.finish_jobs()
        self._crash()

    # ---- what always holds

    @invariant()
    def at_most_one_start_holds_a_task(self) -> None:
        live = self._live()
        assert all(count == 1 for count in Counter(run.task for run in live).values())
        epochs = {run.id: run.start.epoch for run in live}
        for run in self.bench.executor.alive():
            assert self.epochs[run] == epochs.get(run), "what is at work is the latest start of a live run"

    @invariant()
    def nothing_counts_that_was_given_up(self) -> None:
        submitted = Counter(row.run for row in self.bench.db.all(SubmissionRow))
        assert submitted.keys() <= self.finished
        assert all(count == 1 for count in submitted.values())
        for run in self.bench.db.all(RunRow):
            assert FORGED not in run.reply
            assert FORGED not in getattr(run.state, "message", "")

    @invariant()
    def nothing_is_held_by_nothing(self) -> None:
        live, made = self._live(), {row.task for row in self.bench.db.all(SubmissionRow)}
        for run in live:
            if run.state.kind is RunState.WORKING and run.id not in self.lost:
                assert run.id in self.bench.executor.alive(), f"no agent is at work for {run.task}"
            assert run.state.kind is not RunState.PREPARING, f"no slot is being made ready for {run.task}"
        for row in self._known():
            assert row.status is not Status.RUNNING or row.id in made | {run.task for run in live}

    @invariant()
    def the_machine_uses_up_no_attempt(self) -> None:
        for row in self._known():
            assert row.failures <= self.failures[row.id]
            assert row.attempt <= 1 + self.failures[row.id] + self.requests[row.id]

    def teardown(self) -> None:
        try:
            self._drain()
        finally:
            self.bench.close()
            self.folder.cleanup()

    def _drain(self) -> None:
        """No task is held for ever: once every agent does its work, all come to an end."""
        self.dies_at = ""
        for _ in range(12):
            for run in self._live():
                self.fates[run.task] = "done"
                self.bench.executor.deliver(run.id, "word.md", "go on")
            self.fates.clear()
            self.bench.turn(HOUR)
            if not self._unfinished():
                return
        raise AssertionError(f"held for ever: {self._unfinished()}")

    def _unfinished(self) -> list[str]:
        live, made = {run.task for run in self._live()}, {row.task for row in self.bench.db.all(SubmissionRow)}
        return [
            f"{row.id} {row.status}: {row.reason}"
            for row in self._known()
            if row.id in live or (row.status not in AT_REST and row.id not in made)
        ]


class WithoutFence(Leases):
    """A control: late reports pass for those of the start at work."""

    def claimed_epoch(self, run: str, epoch: int) -> int:
        return self.epochs.get(run, epoch)


class WithoutReaper(Leases):
    """A control: the executor says that it holds what it has lost."""

    def begin(self) -> None:
        def holds(run: str) -> bool:
            return bool(run)

        self.bench.executor.holds = holds


FEW = settings(
    max_examples=12,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
)


def test_every_lease_is_held_by_one_start_at_most_and_by_none_for_no_longer_than_a_turn() -> None:
    run_state_machine_as_test(Leases, settings=FEW)


@pytest.mark.parametrize("broken", [WithoutFence, WithoutReaper])
def test_a_daemon_without_its_fence_or_its_reaper_is_found(broken: type[Leases]) -> None:
    """One history of those that the machine goes through: an agent is lost, and reports that it is done after all."""
    _one_history(Leases())
    with pytest.raises(AssertionError):
        _one_history(broken())


def _one_history(machine: Leases) -> None:
    try:
        for step in (
            lambda: machine.claim("a", ""),
            lambda: machine.lose("a", at_once=True),
            lambda: machine.report_late(0, REPORTS[1], at_once=True),
        ):
            step()
            machine.at_most_one_start_holds_a_task()
            machine.nothing_counts_that_was_given_up()
            machine.nothing_is_held_by_nothing()
    finally:
        machine.bench.close()
        machine.folder.cleanup()
