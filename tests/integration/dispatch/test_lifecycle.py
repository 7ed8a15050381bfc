"""Tasks and their runs through any history: starts, ends, failures, questions, pauses, cancels, and kills of the daemon.

The daemon is killed between turns, before and after an agent is submitted (intent and effect), and within the
transaction that ends a run. None is run twice, none is lost, none is stuck, order is kept, no cap is passed.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from coworkd.agents.port import Asked, AskKind, Assignment
from coworkd.agents.testing import ScriptSteps
from coworkd.core.model import Status
from coworkd.core.run_states import WORKING_STATES, RunState
from coworkd.dispatch.scheduling.scheduler import patterns_overlap
from coworkd.store import RunRow, SubmissionRow, TaskRow
from tests.integration.dispatchkit import Bench, fails

TASKS = tuple("abcdef")
TOUCHES = {"a": ("src/**",), "b": ("src/x.py",)}
"""Two tasks that must not be at work together."""
CONCURRENCY, SLOW_LIMIT = 3, 1
AT_REST = frozenset({Status.FAILED, Status.PAUSED, Status.CANCELLED, Status.DONE})
HOUR = 3700.0


class Killed(BaseException):
    """The daemon is gone."""


class Lifecycle(RuleBasedStateMachine):
    recovers = True

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self.folder.name), self._act)
        self.bench.reach = self._reach
        self.bench.config(f"backoff: 2\nmax_attempts: 3\nconcurrency: {CONCURRENCY}\n")
        self.bench.agent("main", driver="replay")
        self.bench.agent("slow", driver="replay", limits=f"{{concurrency: {SLOW_LIMIT}}}")
        self.fates: dict[str, str] = {}
        self.saved: set[str] = set()
        self.dies_at = ""
        self.answers = 0
        self.finished: set[str] = set()

    def _act(self, order: Assignment) -> ScriptSteps:
        assert order.run not in self.finished, "what an agent has finished is not done again"
        asked = bool(order.resume)
        while True:
            match self.fates.get(order.task, "stay"):
                case "done":
                    self.finished.add(order.run)
                    return
                case "fail":
                    yield fails()
                case "ask" if not asked:
                    asked = True
                    yield Asked(request=f"q-{order.run}-{order.epoch}", kind=AskKind.QUESTION, text="Which colour?")
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

    def _crash(self) -> None:
        self.dies_at = ""
        self.bench.crash(recover=self.recovers)

    def _write(self, task: str, status: str) -> None:
        path = f"tasks/{task}.md"
        self.bench.place.save(
            re.sub(r"^status: .*$", f"status: {status}", self.bench.place.text(path), flags=re.MULTILINE), path
        )

    def _wake(self, task: str) -> None:
        for run in self.bench.runs(task):
            self.bench.executor.deliver(run.id, "word.md", "go on")

    # ---- what happens

    @initialize(fates=st.tuples(*(st.sampled_from(["done", "done", "stay", "fail", "ask"]) for _ in TASKS)))
    def decide(self, fates: tuple[str, ...]) -> None:
        self.fates = dict(zip(TASKS, fates, strict=True))

    @rule(
        tasks=st.sets(st.sampled_from(TASKS), min_size=1, max_size=3),
        priority=st.integers(0, 3),
        agent=st.sampled_from(["main", "main", "slow"]),
    )
    def save(self, tasks: set[str], priority: int, agent: str) -> None:
        for task in sorted(tasks - self.saved):
            self.saved.add(task)
            touches = "[" + ", ".join(f'"{pattern}"' for pattern in TOUCHES.get(task, ())) + "]"
            self.bench.task(task, agent=agent, priority=priority, touches=touches)

    @rule(
        seconds=st.sampled_from([0.1, 1.0, 12.0]),
        dies_at=st.sampled_from(["", "submit", "submitted", "submitted", "end"]),
    )
    def turn(self, seconds: float, dies_at: str) -> None:
        before = {run.id for run in self.bench.db.all(RunRow)}
        killed, self.dies_at = bool(dies_at), dies_at
        self._turn(seconds)
        if not killed:
            self._check_order({run.id for run in self.bench.db.all(RunRow)} - before)

    def _check_order(self, new: set[str]) -> None:
        """Nothing more urgent was left waiting for a place by what started in this turn."""
        rows = {row.id: row for row in self.bench.db.all(TaskRow)}
        started = [rows[run.task].priority for run in self.bench.db.all(RunRow) if run.id in new]
        left = [
            row.priority
            for row in rows.values()
            if row.status is Status.READY
            and row.since < self.bench.now
            and self.bench.why(row.id).startswith("waits for a free place")
        ]
        assert not started or not left or max(started) <= min(left), "order kept"

    @rule(task=st.sampled_from(TASKS), fate=st.sampled_from(["done", "done", "fail", "ask"]))
    def end(self, task: str, fate: str) -> None:
        self.fates[task] = fate
        self._wake(task)
        self._turn()

    @rule(task=st.sampled_from(TASKS), status=st.sampled_from(["paused", "cancelled", "ready"]))
    def decide_user_move(self, task: str, status: str) -> None:
        if task in self.saved:
            self._write(task, status)
            self._turn()

    @rule(task=st.sampled_from(TASKS))
    def answer(self, task: str) -> None:
        if task in self._known() and self.bench.place.task(task).status is Status.WAITING:
            self._answer(task)
            self._turn()

    def _answer(self, task: str) -> None:
        self.answers += 1
        self.bench.place.save("Green.\n", f"messages/{task}/answer-{self.answers}.md")

    def _known(self) -> set[str]:
        return {row.id for row in self.bench.db.all(TaskRow)}

    @rule()
    def kill(self) -> None:
        self._crash()

    # ---- what always holds

    def _live(self) -> list[RunRow]:
        return self.bench.db.all(RunRow, "state != ?", RunState.ENDED)

    @invariant()
    def none_twice(self) -> None:
        assert all(count == 1 for count in Counter(run.task for run in self._live()).values())
        submissions = self.bench.db.all(SubmissionRow)
        assert all(count == 1 for count in Counter(row.run for row in submissions).values())
        assert self.bench.executor.alive() <= {run.id for run in self._live()}, "no process without its run"

    @invariant()
    def no_cap_passed(self) -> None:
        at_work = [run for run in self._live() if run.state in WORKING_STATES]
        assert len(at_work) <= CONCURRENCY
        assert sum(run.agent == "slow" for run in at_work) <= SLOW_LIMIT
        files = [TOUCHES[run.task] for run in self._live() if run.task in TOUCHES]
        assert not any(patterns_overlap(a, b) for a in files for b in files if a is not b)

    @invariant()
    def none_lost(self) -> None:
        """What is said to be at work is, or has submitted what it made."""
        live = {run.task for run in self._live()}
        made = {row.task for row in self.bench.db.all(SubmissionRow)}
        for row in self.bench.db.all(TaskRow):
            if row.status in (Status.RUNNING, Status.WAITING):
                assert row.id in live | made, f"{row.id} is {row.status} without a run"

    @invariant()
    def each_ready_task_has_its_reason(self) -> None:
        for row in self.bench.db.all(TaskRow):
            if row.status is Status.READY and not row.requested_status and row.since < self.bench.now:
                assert self.bench.why(row.id) or row.not_before > self.bench.now, f"nothing is said of {row.id}"

    def teardown(self) -> None:
        try:
            self._drain()
        finally:
            self.bench.close()
            self.folder.cleanup()

    def _drain(self) -> None:
        """None stuck: once every agent does its work and every question is answered, all come to an end."""
        self.dies_at = ""
        for _ in range(20):
            for task in self._known():
                self.fates[task] = "done"
                self._wake(task)
                if self.bench.place.task(task).status is Status.WAITING:
                    self._answer(task)
            self.bench.turn(HOUR)
            if not self._unfinished():
                return
        raise AssertionError(f"stuck: {self._unfinished()}")

    def _unfinished(self) -> list[str]:
        live, made = {run.task for run in self._live()}, {row.task for row in self.bench.db.all(SubmissionRow)}
        return [
            f"{row.id} {row.status}: {self.bench.why(row.id) or row.reason}"
            for row in self.bench.db.all(TaskRow)
            if row.status not in AT_REST and (row.id in live or row.id not in made or row.status is not Status.RUNNING)
        ]


class ForgetsToRecover(Lifecycle):
    """A control: after a kill nothing is done about the runs of the former daemon."""

    recovers = False


class LosesLogs(Lifecycle):
    """A control: what agents have said and the daemon has not recorded is gone with the daemon."""

    def _crash(self) -> None:
        self.bench.logs.clear()
        super()._crash()


FEW = settings(
    max_examples=12,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
)


def test_no_history_runs_a_task_twice_or_loses_it_or_leaves_it_stuck() -> None:
    run_state_machine_as_test(Lifecycle, settings=FEW)


@pytest.mark.parametrize("broken", [ForgetsToRecover, LosesLogs])
def test_a_daemon_that_does_not_recover_is_found(broken: type[Lifecycle]) -> None:
    """One history of those that the machine goes through: agents that stay, one that ends while the daemon is killed."""
    _one_history(Lifecycle())
    with pytest.raises(AssertionError):
        _one_history(broken())


def _one_history(machine: Lifecycle) -> None:
    try:
        machine.decide(("done", "done", "stay", "stay", "stay", "stay"))
        for tasks in ({"b"}, {"a"}, {"c", "d"}):
            machine.save(tasks, 1, "main")
            machine.turn(1.0, "submitted")
        machine.kill()
        machine.turn(1.0, "")
    finally:
        machine.teardown()
