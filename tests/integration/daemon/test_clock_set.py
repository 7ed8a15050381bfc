"""The wall clock is set while something waits: nothing waits longer or less for that, and no agent is ended or started."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.core.clock import ManualClock
from coworkd.core.model import Status, Usage
from coworkd.store import CooldownRow, RunState
from coworkd.store.cooldowns import find_cooldown, put_cooldown
from coworkd.store.usage import BILLED, DAY, UsageRow, add_usage, oldest_spending_expires_at, spent_in_24_hours
from tests.integration.daemonkit import Place

HOUR = 3600.0
STEPS = pytest.mark.parametrize("step", [HOUR, -HOUR])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    made = Place(tmp_path / "repo")
    try:
        yield made
    finally:
        made.close()


@STEPS
@pytest.mark.parametrize("restart", [False, True])
def test_a_retry_waits_for_as_long_as_it_was_meant_to(place: Place, step: float, restart: bool) -> None:
    place.save("['false']", config="quiet: 0\nbackoff: 200")
    place.turn_until(lambda: place.runs() and place.known_task().status is Status.READY)
    left = place.known_task().not_before - place.clock.now()
    place.set_clock(step, restart=restart)
    assert place.known_task().not_before - place.clock.now() == pytest.approx(left)
    place.clock.advance(left - 1.0)
    place.turn()
    assert len(place.runs()) == 1
    place.clock.advance(2.0)
    place.turn_until(lambda: len(place.runs()) == 2)
    assert [run.attempt for run in place.runs()] == [1, 2], "in the order in which they were"


@STEPS
@pytest.mark.parametrize("restart", [False, True])
def test_a_cooldown_and_the_budget_of_the_day_end_when_they_would_have(
    place: Place, step: float, restart: bool
) -> None:
    place.turn()
    now = place.clock.now()
    with place.db.write():
        put_cooldown(place.db, CooldownRow(account="a", until=now + 90, times=1, kind="rate", reason="", since=now))
        add_usage(place.db, UsageRow(
            at=now - DAY + HOUR / 2, run="r", task="a", agent="main", billing=BILLED, usage=Usage(cost_usd=2.0),
            estimated=False,
        ))  # fmt: skip
    place.set_clock(step, restart=restart)
    now = place.clock.now()
    found = find_cooldown(place.db, "a")
    assert found is not None
    assert found.until - now == pytest.approx(90)
    assert spent_in_24_hours(place.db, now) == 2.0
    assert oldest_spending_expires_at(place.db, now) == pytest.approx(now + HOUR / 2)


@STEPS
def test_a_task_without_a_status_starts_after_its_quiet_time(place: Place, step: float) -> None:
    place.clock = ManualClock(time.time())
    place.daemon.close()
    place.daemon = place.begin()
    place.save("['true']", header="title: a", config="quiet: 100")
    place.turn_until(lambda: (row := place.task()) and row.requested_status)
    left = place.known_task().request_due_at - place.clock.now()
    place.set_clock(step)
    assert place.known_task().request_due_at - place.clock.now() == pytest.approx(left)
    place.clock.advance(left - 1.0)
    place.turn()
    assert place.known_task().status is Status.DRAFT
    place.clock.advance(2.0)
    place.turn_until(place.runs)


@STEPS
def test_an_agent_at_work_goes_on(place: Place, step: float) -> None:
    place.save("[sleep, '600']")
    place.turn_until(lambda: any(run.state.kind is RunState.WORKING for run in place.runs()))
    (before,) = place.runs()
    began = place.clock.now()
    place.set_clock(step)
    for _ in range(3):
        place.turn()
    (after,) = place.runs()
    assert after.state.kind is RunState.WORKING
    assert after.start.epoch == before.start.epoch
    assert after.started - before.started == step
    assert place.clock.now() - after.started == pytest.approx(began - before.started)
    assert place.alive() == {after.id}


def test_the_inbox_is_written_no_later_for_a_clock_that_was_set_back(place: Place) -> None:
    inbox = place.at.root / ".cowork/inbox.md"
    place.turn_until(inbox.exists)
    place.save("['true']", header="status: [")
    place.set_clock(-HOUR)
    place.turn_until(lambda: "tasks/a.md" in inbox.read_text())
