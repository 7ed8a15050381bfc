from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.agents import run_event_file
from coworkd.agents.port import Ended, EndReason, TextWritten

DONE = Ended(reason=EndReason.DONE)
LOST = Ended(reason=EndReason.CRASHED, message="lost")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / run_event_file.EVENTS_FILE


def write(path: Path, *texts: str) -> run_event_file.EventWriter:
    writer = run_event_file.EventWriter(path)
    for text in texts:
        writer.append(TextWritten(text=text))
    return writer


def texts(path: Path, offset: int = 0) -> list[str]:
    found, _ = run_event_file.read(path, offset)
    return [item.event.text for item in found if isinstance(item.event, TextWritten)]


def test_events_are_read_from_an_offset(path: Path) -> None:
    write(path, "one", "two", "three")
    found, end = run_event_file.read(path, 0)
    assert texts(path, found[0].offset) == ["two", "three"]
    assert found[-1].offset == end == path.stat().st_size
    assert run_event_file.read(path, end) == ([], end)


def test_a_log_that_is_not_there_is_empty(path: Path) -> None:
    assert run_event_file.read(path, 0) == ([], 0)
    assert run_event_file.size(path) == 0


def test_a_line_counts_once_its_end_is_there(path: Path) -> None:
    write(path, "one")
    with path.open("ab") as file:
        file.write(b'{"type": "TextWritten", "te')
    found, end = run_event_file.read(path, 0)
    assert len(found) == 1
    assert end == found[0].offset
    with path.open("ab") as file:
        file.write(b'xt": "two"}\n')
    assert texts(path, end) == ["two"]


def test_a_torn_line_does_not_spoil_the_next(path: Path) -> None:
    write(path, "one")
    with path.open("ab") as file:
        file.write(b'{"type": "Tex')
    write(path, "two")
    assert texts(path) == ["one", "two"]


def test_unknown_events_are_passed_over(path: Path) -> None:
    path.write_bytes(b'{"type": "Teleported"}\n\n')
    write(path, "one")
    assert texts(path) == ["one"]


def test_a_line_longer_than_one_read(path: Path) -> None:
    long = "x" * 3_000_000
    write(path, long, long, "short")
    first, offset = run_event_file.read(path, 0)
    assert len(first) == 1
    assert texts(path, offset) == [long, "short"]


def test_a_lost_run_gets_its_end(path: Path) -> None:
    write(path, "one")
    assert run_event_file.ensure_ended(path, 0, LOST)
    assert [item.event for item in run_event_file.read(path, 0)[0]] == [TextWritten(text="one"), LOST]


def test_a_run_that_ended_keeps_its_end(path: Path) -> None:
    write(path, "one").finish(DONE)
    assert not run_event_file.ensure_ended(path, 0, LOST)
    assert run_event_file.read(path, 0)[0][-1].event == DONE


def test_the_end_of_an_earlier_start_is_not_the_end_of_this_one(path: Path) -> None:
    write(path, "one").finish(DONE)
    start = run_event_file.size(path)
    assert run_event_file.ensure_ended(path, start, LOST)
    assert [item.event for item in run_event_file.read(path, start)[0]] == [LOST]
