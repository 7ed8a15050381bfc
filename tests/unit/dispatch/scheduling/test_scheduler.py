"""The rule by which a run may be at work, for new runs and for those that go on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coworkd.dispatch.scheduling.scheduler import (
    ActiveRun,
    Capacity,
    Postponed,
    RunRequest,
    patterns_overlap,
    postponement,
)

NOW = 1000.0


def test_a_run_that_has_its_slot_needs_no_new_one() -> None:
    halted = Capacity(total=2, per_agent={}, slots_halt_reason="no slot can be made ready", halt_until=NOW + 5)
    new = RunRequest(task="t", agent="a")
    assert postponement(new, [], halted, NOW) == Postponed(reason="no slot can be made ready", until=NOW + 5)
    assert postponement(replace(new, needs_slot=False), [], halted, NOW) is None


def test_a_run_that_has_its_slot_is_not_held_by_one_that_tries_whether_slots_work() -> None:
    probing = Capacity(total=3, per_agent={}, one_slot_at_a_time=True)
    preparing = [ActiveRun(task="a", agent="a", preparing=True)]
    assert postponement(RunRequest(task="t", agent="a", needs_slot=False), preparing, probing, NOW) is None
    waits = postponement(RunRequest(task="t", agent="a"), preparing, probing, NOW)
    assert waits == Postponed(reason="waits for a, which tries whether slots can be made ready again")


@pytest.mark.parametrize("needs_slot", [True, False])
@pytest.mark.parametrize(
    ("request_", "capacity_", "reason", "until"),
    [
        (RunRequest(task="t", agent="a"), Capacity(total=1, per_agent={}, halt_reason="aborted"), "aborted", None),
        (RunRequest(task="t", agent="a", not_before=NOW + 1), Capacity(total=1, per_agent={}),
         "waits before its next attempt", NOW + 1),
        (RunRequest(task="t", agent="a", blocked_reason="cools down", blocked_until=NOW + 9),
         Capacity(total=1, per_agent={}), "cools down", NOW + 9),
        (RunRequest(task="t", agent="a"), Capacity(total=0, per_agent={}), "waits for a free place: 0 of 0 are taken", None),
        (RunRequest(task="t", agent="a"), Capacity(total=1, per_agent={"a": 0}), "waits for agent a: 0 of 0 at work", None),
        (RunRequest(task="t", agent="b", touches=("x",)), Capacity(total=1, per_agent={}),
         "waits for w, which touches the same files", None),
    ],
)  # fmt: skip
def test_every_obstacle_holds_for_every_run(
    request_: RunRequest, capacity_: Capacity, reason: str, until: float | None, *, needs_slot: bool
) -> None:
    others = [ActiveRun(task="w", agent="a", touches=("x",), waiting=True)]
    found = postponement(replace(request_, needs_slot=needs_slot), others, capacity_, NOW)
    assert found == Postponed(reason=reason, until=until)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("src/ui/**", "src/ui/a.ts", True),
        ("src/ui/**", "src/*", True),
        ("src/ui/**", "docs/**", False),
        ("a.py", "a.py", True),
        ("a.py", "b.py", False),
        ("src/a.py", "src/a.py.txt", False),
        ("**", "anything", True),
        ("*.py", "src/a.py", True),
        ("src/a?.py", "src/ab.py", True),
        ("src/[ab].py", "src/a.py", True),
    ],
)
def test_patterns_that_may_mean_the_same_file(one: str, other: str, meet: bool) -> None:
    assert patterns_overlap([one], [other]) is meet
    assert patterns_overlap([other], [one]) is meet
    assert patterns_overlap([one, "else"], ["nothing", other]) is meet
    assert not patterns_overlap([one], [])
