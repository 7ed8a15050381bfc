"""Tasks land while a person does to the branches whatever git allows, and the daemon is killed at any step.

A Hypothesis state machine over the daemon's own parts and real git. After each quiet moment `oracle.check` looks. A
failure prints its steps and the seed: `COWORK_LANDING_SEED=N` plays it again, with `COWORK_LANDING_SHRINK=1` as few steps
as possible. `COWORK_LANDING_HISTORIES=500`, or `make simulate-landing`, plays more.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from coworkd.core.model import Status
from coworkd.merge.git.target_sync import LandedInTarget, TargetRefused
from tests.integration.landing.oracle import check
from tests.integration.landing.person import ACTS, Person
from tests.integration.landing.workplace import INTEGRATION, Killed, Workplace, new_repository

HISTORIES = int(os.environ.get("COWORK_LANDING_HISTORIES", "24"))
PARTS = max(4, HISTORIES // 25)
"""So many tests, which run beside each other."""
SEED = int(os.environ.get("COWORK_LANDING_SEED", random.randrange(1 << 32)))
STEPS = 16
MAX_TASKS = 6

acts = st.sampled_from(ACTS)
moments = st.integers(0, 30)
"""Processes that are started before something happens in the midst of it all."""


class Landings(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.workplace = Workplace(new_repository(Path(self.folder.name) / "project"))
        self.person = Person(self.workplace.user)
        self.count = 0

    # ---- the person

    @rule(act=acts)
    def act(self, act: str) -> None:
        self.person.do(act)

    @rule(act=acts)
    def act_and_rest(self, act: str) -> None:
        self.person.do(act)
        self.rest()

    # ---- tasks

    @precondition(lambda self: self.count < MAX_TASKS)
    @rule(needs=st.booleans(), collides=st.booleans())
    def task(self, needs: bool, collides: bool = False) -> None:
        """A task is ready, perhaps after the latest one, or with a change to what others change as well."""
        self.count += 1
        if collides:
            self.workplace.colliding.add(f"t{self.count}")
        earlier = [f"t{self.count - 1}"] if needs and self.count > 1 else []
        self.workplace.task(f"t{self.count}", needs=earlier)

    @precondition(lambda self: self.count < MAX_TASKS)
    @rule()
    def task_lands(self) -> None:
        self.task(needs=False)
        self.rest()

    @precondition(lambda self: self.count)
    @rule(which=st.integers(1, MAX_TASKS), status=st.sampled_from(["revert", "apply"]))
    def take_back(self, which: int, status: str) -> None:
        self.workplace.set_status(f"reviews/t{which}.md", status)

    @precondition(lambda self: self.count)
    @rule(which=st.integers(1, MAX_TASKS))
    def do_again(self, which: int) -> None:
        if any(row.id == f"t{which}" and row.status is Status.DONE for row in self.workplace.tasks()):
            self.workplace.set_status(f"tasks/t{which}.md", "ready")

    # ---- the daemon

    @rule(jobs=st.integers(0, 2))
    def turn(self, jobs: int) -> None:
        """A turn, in which jobs begin that have not ended when the next step comes."""
        self.workplace.run(lambda: self.workplace.part_of_turn(jobs))

    @rule()
    def rest(self) -> None:
        self.workplace.run(self.workplace.settle)
        self.workplace.settle()
        check(self.workplace, self.person)

    @rule(after=moments, act=acts)
    def act_in_the_midst(self, after: int, act: str) -> None:
        self.workplace.interruption.plan(after, lambda: self.person.do(act))
        self.rest()

    @rule(after=moments)
    def kill_in_the_midst(self, after: int) -> None:
        self.workplace.interruption.plan(after, _kill)
        self.rest()

    @rule()
    def kill(self) -> None:
        self.workplace.kill()

    @rule(turns=st.integers(1, 4))
    def kill_before_it_is_recorded(self, turns: int) -> None:
        """What a job has done stands in git, and nowhere else."""
        self.workplace.run(lambda: self.workplace.do_unrecorded(turns))
        self.workplace.kill()

    @rule()
    def land(self) -> None:
        self.person.check_untouched()
        outcome = self.workplace.land()
        self.person.landed(moved=isinstance(outcome, LandedInTarget) and outcome.moved)

    @rule(after=st.integers(0, 15))
    def kill_while_landing(self, after: int) -> None:
        self.person.check_untouched()
        before = self.person.commit_of("main")
        self.workplace.interruption.plan(after, _kill)
        self.workplace.run(lambda: self.workplace.land() and None)
        self.person.landed(moved=self.person.commit_of("main") != before)

    def teardown(self) -> None:
        try:
            self.rest()
        finally:
            self.workplace.close()
            self.folder.cleanup()


def _kill() -> None:
    raise Killed


MANY = settings(
    max_examples=max(1, HISTORIES // PARTS),
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    # What failed is not made shorter, which takes minutes, unless a person looks for the cause.
    phases=[Phase.generate, Phase.shrink] if "COWORK_LANDING_SHRINK" in os.environ else [Phase.generate],
    print_blob=True,
    database=None,
)


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_and_nothing_comes_back_whatever_a_person_does(
    part: int, capsys: pytest.CaptureFixture[str]
) -> None:
    number = SEED + part
    try:
        run_state_machine_as_test(seed(number)(type("Seeded", (Landings,), {})), settings=MANY)
    except BaseException:
        with capsys.disabled():
            sys.stderr.write(
                f"\nplay it again: COWORK_LANDING_SEED={SEED} COWORK_LANDING_HISTORIES={HISTORIES}, part {part}\n"
            )
        raise


# ---- the oracle itself


def _loses_a_landing(machine: Landings) -> None:
    machine.person.git("update-ref", f"refs/heads/{INTEGRATION}", "main")


def _keeps_what_was_dropped(machine: Landings) -> None:
    machine.person.do("reset")


def _lands_what_was_dropped(machine: Landings) -> None:
    machine.person.do("reset")
    machine.person.git("merge", "-q", "--ff-only", INTEGRATION)
    machine.person.landed(moved=True)


def _shows_nothing_of_what_is_held(machine: Landings) -> None:
    machine.person.do("add_worktree")
    machine.person.do("reset")


def _overwrites(machine: Landings) -> None:
    machine.person.user.write("app.py", "not the person's\n")


def _loses_what_was_made_by_hand(machine: Landings) -> None:
    tip = machine.person.commit_of(INTEGRATION)
    machine.person.do("commit_on_integration")
    machine.person.git("update-ref", f"refs/heads/{INTEGRATION}", tip)


def _check_after(wrong: Callable[[Landings], None], machine: Landings) -> None:
    wrong(machine)
    check(machine.workplace, machine.person)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (_loses_a_landing, "t1 has landed, and is gone in silence"),
        (_keeps_what_was_dropped, "came back: "),
        (_lands_what_was_dropped, "came back by a landing: "),
        (_shows_nothing_of_what_is_held, "cannot go, and nothing is shown: "),
        (_overwrites, "the person's own was touched"),
        (_loses_what_was_made_by_hand, "made by hand and gone"),
    ],
)
def test_the_oracle_sees_it(wrong: Callable[[Landings], None], said: str) -> None:
    machine = Landings()
    try:
        machine.act("commit")
        machine.task_lands()
        with pytest.raises(AssertionError, match=said):
            _check_after(wrong, machine)
    finally:
        machine.workplace.close()
        machine.folder.cleanup()


BEFORE_THE_WORKTREE = "commit stage commit commit reset move_integration_back"
WHILE_IT_HOLDS = (
    "add_worktree collect_garbage move_integration_back commit stage collect_garbage edit_what_lands reset_far"
)


def test_what_is_dropped_while_a_worktree_holds_integration_goes_when_it_lets_go() -> None:
    landings = Landings()
    for act in BEFORE_THE_WORKTREE.split():
        landings.act_and_rest(act=act)
    person, held = landings.person, landings.person.commit_of(INTEGRATION)
    for act in WHILE_IT_HOLDS.split():
        landings.act_and_rest(act=act)
        assert (person.stands_on_integration(), person.commit_of(INTEGRATION)) == (True, held)
    assert {"p3", "p5"} <= person.dropped
    assert "p3" in person.files(INTEGRATION)
    assert isinstance(landings.workplace.land(), TargetRefused)
    landings.act_and_rest(act="add_worktree")
    assert person.commit_of(INTEGRATION) == person.commit_of("main")
    landings.teardown()


HELD_ON_INTEGRATION = (
    "commit move_integration_to_main commit_on_integration switch force_main move_integration_back edit"
)


def test_what_a_person_has_put_on_integration_is_not_dropped_by_what_they_do_next() -> None:
    landings = Landings()
    for act in HELD_ON_INTEGRATION.split():
        landings.act(act=act)
    assert "p1" in landings.person.files(INTEGRATION) - landings.person.files("main")
    landings.teardown()
