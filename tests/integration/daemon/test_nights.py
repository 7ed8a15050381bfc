"""Nights as a real daemon lives through them, at times that the test says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.core.model import Status
from coworkd.store import RunState
from tests.integration.daemonkit import Place

HOUR = 3600.0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    made = Place(tmp_path / "repo")
    try:
        yield made
    finally:
        made.close()


def test_up_until_ends_when_nothing_runs_any_more(place: Place) -> None:
    place.restart(until=place.clock.now() + HOUR)
    go_on = place.at.root.parent / "shared" / "go-on"
    go_on.parent.mkdir()
    lands = 'quiet: 0\napprove: []\nverify: ["true"]\nintegration: {land: auto}'
    place.save(f"[sh, -c, 'until test -e {go_on}; do sleep 0.05; done; echo x > made']", config=lands)
    place.at.write(".cowork/agents/main.md", (place.at.root / ".cowork/agents/main.md").read_text().replace(
        "\n---\n", f"\nsandbox: {{allow_paths: [{go_on.parent}]}}\n---\n"
    ))  # fmt: skip
    place.turn_until(lambda: any(run.state.kind is RunState.WORKING for run in place.runs()))
    place.clock.advance(HOUR)
    place.at.write(".cowork/tasks/late.md", "---\nstatus: ready\n---\nToo late.\n")
    for _ in range(5):
        place.turn()
    assert not place.daemon.stopping, "an agent is at work"
    go_on.write_text("")
    place.turn_until(lambda: place.daemon.stopping)
    assert place.known_task().status is Status.DONE, "what was at work has come to its end"
    assert place.at.git("ls-tree", "--name-only", "main", "made"), "and is where it was to land"
    late = place.at.root / ".cowork/tasks/late.md"
    assert "status: ready" in late.read_text()
    assert len(place.db.query("SELECT 1 FROM runs")) == 1


def test_without_until_the_daemon_goes_on(place: Place) -> None:
    place.save("['true']")
    place.turn_until(lambda: place.known_task().status is Status.REVIEW)
    place.clock.advance(24 * HOUR)
    place.turn()
    assert not place.daemon.stopping


def test_a_later_daemon_knows_nothing_of_the_time_that_an_earlier_one_was_given(place: Place) -> None:
    place.restart(until=place.clock.now() + HOUR)
    place.turn()
    place.clock.advance(2 * HOUR)
    place.restart()
    place.save("['true']")
    place.turn_until(place.runs)
