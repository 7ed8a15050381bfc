from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.agents import run_event_file
from coworkd.agents.port import AgentEvent, Ended, EndReason, TextWritten
from coworkd.dispatch.executors.event_journal import EventJournal

DONE = Ended(reason=EndReason.DONE)


class Lab:
    def __init__(self, folder: Path) -> None:
        self.log = folder / run_event_file.EVENTS_FILE
        self.wakes = 0
        self.journal = EventJournal(self._wake)

    def _wake(self) -> None:
        self.wakes += 1

    def append(self, *events: AgentEvent) -> None:
        writer = run_event_file.EventWriter(self.log)
        for event in events:
            writer.append(event)
        self.journal.signal("run")

    def told(self) -> list[AgentEvent]:
        return [item.event for item in self.journal.events()]

    def commit(self) -> None:
        self.journal.commit("run", self.journal.events()[-1].offset)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    lab.journal.follow("run", lab.log, 0, epoch=1, live=True)
    return lab


def test_only_signalled_logs_are_read(lab: Lab) -> None:
    lab.append(TextWritten(text="one"))
    assert lab.told() == [TextWritten(text="one")]
    run_event_file.EventWriter(lab.log).append(TextWritten(text="two"))
    assert lab.told() == [TextWritten(text="one")]
    lab.journal.signal("run")
    assert lab.told() == [TextWritten(text="one"), TextWritten(text="two")]


def test_a_run_is_over_when_its_end_is_committed_and_no_one_writes(lab: Lab) -> None:
    lab.append(DONE)
    assert lab.told() == [DONE]
    assert lab.journal.ended("run")
    lab.commit()
    lab.journal.close_log("run")
    assert lab.told() == []
    lab.append(TextWritten(text="from nobody"))
    assert lab.told() == []


def test_the_end_of_an_earlier_start_does_not_count(lab: Lab) -> None:
    lab.append(DONE)
    lab.journal.follow("run", lab.log, run_event_file.size(lab.log), epoch=1, live=True)
    assert lab.told() == [DONE]
    assert not lab.journal.ended("run")
    lab.commit()
    lab.append(TextWritten(text="again"), DONE)
    assert lab.told() == [TextWritten(text="again"), DONE]
    assert lab.journal.ended("run")


def test_a_start_with_a_log_of_its_own_is_read_from_there(lab: Lab, tmp_path: Path) -> None:
    lab.append(DONE)
    assert lab.told() == [DONE]
    lab.commit()
    lab.journal.close_log("run")
    lab.log = tmp_path / "second.jsonl"
    lab.journal.follow("run", lab.log, 0, epoch=1, live=True)
    lab.append(TextWritten(text="again"), DONE)
    assert lab.told() == [TextWritten(text="again"), DONE]


def test_a_long_log_is_read_in_pieces_and_wakes_for_the_rest(lab: Lab) -> None:
    piece = TextWritten(text="x" * 400_000)
    lab.append(*[piece] * 5, DONE)
    first = lab.told()
    assert 0 < len(first) < 5
    assert lab.wakes == 1
    while lab.wakes:
        lab.wakes = 0
        lab.told()
    assert lab.told() == [piece] * 5 + [DONE]


def test_unknown_runs_are_ignored(lab: Lab) -> None:
    lab.journal.signal("nobody")
    lab.journal.close_log("nobody")
    lab.journal.commit("nobody", 1)
    assert lab.told() == []
    assert lab.journal.ended("nobody")
