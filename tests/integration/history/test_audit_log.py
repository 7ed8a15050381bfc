"""The audit's files: everything that happened, once, whatever crashes and whatever becomes of the database."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from coworkd.core.event_kinds import EventKind
from coworkd.history import audit_log as module
from coworkd.history.audit_log import GATHERING_TIME, AuditLog, append, end_of, entries, files
from coworkd.history.hash_chain import AuditEntry, ChainEnd, flaw_reason
from coworkd.store import Database
from coworkd.system.background_jobs import Jobs

ONE, TWO, THREE = EventKind.FILE_SAVED, EventKind.RUN_BEGUN, EventKind.RUN_ENDED


class Place:
    """A database, its audit, and the jobs that write it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "audit"
        self.database = root / "state.db"
        self.now = 1000.0
        self.open()

    def open(self) -> None:
        self.db = Database(self.database)
        self.jobs = Jobs(lambda: None)
        self.audit = AuditLog(self.db, self.jobs, self.folder)

    def close(self) -> None:
        self.jobs.close()
        self.audit.close()
        self.db.close()

    def crash(self) -> None:
        """The process is gone: nothing is written down at the end."""
        self.jobs.close()
        self.db.close()

    def happens(self, *kinds: EventKind) -> None:
        with self.db.write():
            for kind in kinds:
                self.db.event(self.now, kind, task="a", reason="because")

    def step(self) -> None:
        self.jobs.settle(self.now)
        self.audit.step(self.now)
        self.now += GATHERING_TIME
        self.audit.step(self.now)
        while self.jobs.busy():
            self.jobs.settle(self.now)

    def kinds(self) -> list[str]:
        """What the files say happened, as an unbroken chain."""
        found, before = list[str](), None
        for path, number, entry in entries(self.folder):
            assert isinstance(entry, AuditEntry), (path, number, entry)
            assert flaw_reason(entry, before) == ""
            before = ChainEnd(id=entry.event.id, hash=entry.hash)
            found.append(entry.event.kind)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_happened_is_written_down_in_batches(place: Place) -> None:
    place.happens(ONE, TWO)
    place.step()
    assert place.kinds() == [ONE, TWO]
    place.happens(THREE)
    place.step()
    place.step()
    assert place.kinds() == [ONE, TWO, THREE]
    assert [path.stat().st_mode & 0o777 for path in files(place.folder)] == [0o600]
    place.close()


def test_nothing_happened_nothing_is_written(place: Place) -> None:
    place.step()
    assert not place.jobs.busy()
    assert not place.folder.exists()
    place.close()


def test_the_rest_is_written_at_the_end_and_by_the_next_life(place: Place) -> None:
    place.happens(ONE)
    place.close()
    place.open()
    place.happens(TWO)
    place.crash()
    place.open()
    place.step()
    assert place.kinds() == [ONE, TWO]
    place.close()


def test_events_wait_a_moment_for_others(place: Place) -> None:
    place.happens(ONE)
    place.audit.step(place.now)
    place.happens(TWO)
    place.audit.step(place.now + GATHERING_TIME / 2)
    assert not place.jobs.busy()
    due = place.now + GATHERING_TIME
    assert place.audit.deadline() == due
    place.audit.step(due)
    assert place.jobs.busy()
    assert place.audit.deadline() is None
    place.crash()  # the job has ended
    assert place.kinds() == [ONE, TWO]


def test_a_crash_between_the_files_and_the_database_writes_nothing_twice(place: Place) -> None:
    place.happens(ONE, TWO)
    place.audit.step(place.now)
    place.audit.step(place.now + GATHERING_TIME)
    place.crash()  # the job has written, and nobody has noted it
    assert place.kinds() == [ONE, TWO]
    place.open()
    place.step()
    assert place.kinds() == [ONE, TWO]
    place.close()


def test_a_line_that_a_crash_cut_off_is_written_again(place: Place) -> None:
    place.happens(ONE, TWO)
    place.step()
    place.crash()
    (path,) = files(place.folder)
    os.truncate(path, path.stat().st_size - 7)
    place.open()
    place.step()
    assert place.kinds() == [ONE, TWO]
    place.close()


def test_a_lost_database_goes_on_behind_what_is_written(place: Place) -> None:
    place.happens(ONE, TWO)
    place.close()
    for file in place.root.glob("state.db*"):
        file.unlink()
    place.open()
    place.happens(THREE)
    place.step()
    assert place.kinds() == [ONE, TWO, THREE]
    assert place.db.scalar("SELECT id FROM events") == 3
    place.close()


def test_an_older_database_goes_on_behind_what_is_written(place: Place) -> None:
    place.happens(ONE)
    place.close()
    copy = place.database.read_bytes()
    place.open()
    place.happens(TWO)
    place.close()
    for file in place.root.glob("state.db*"):
        file.unlink()
    place.database.write_bytes(copy)
    place.open()
    place.happens(THREE)
    place.step()
    assert place.kinds() == [ONE, TWO, THREE]
    place.close()


def test_lost_files_are_missed(place: Place) -> None:
    place.happens(ONE)
    place.step()
    files(place.folder)[0].unlink()
    place.db.execute("DELETE FROM events")
    place.crash()
    place.open()
    place.happens(TWO)
    place.step()
    (entry,) = [entry for _, _, entry in entries(place.folder) if isinstance(entry, AuditEntry)]
    assert (entry.event.kind, bool(entry.prev)) == (TWO, True)
    place.close()


def test_lost_files_are_written_again_from_the_database(place: Place) -> None:
    place.happens(ONE, TWO)
    place.step()
    files(place.folder)[0].unlink()
    place.crash()
    place.open()
    place.step()
    assert place.kinds() == [ONE, TWO]
    place.close()


def test_full_files_get_no_further_entries(place: Place) -> None:
    place.happens(ONE)
    place.step()
    with files(place.folder)[0].open("ab") as file:
        file.truncate(module.MAX_FILE_BYTES)
        file.seek(0, os.SEEK_END)
    first = files(place.folder)[0]
    data = first.read_bytes().rstrip(b"\0")
    first.write_bytes(data + b" " * (module.MAX_FILE_BYTES - len(data)) + b"\n")
    place.happens(TWO)
    place.step()
    assert [path.name for path in files(place.folder)] == ["000001.jsonl", "000002.jsonl"]
    assert json.loads(files(place.folder)[1].read_bytes())["kind"] == TWO
    place.close()


def test_what_cannot_be_written_is_tried_again(place: Place) -> None:
    place.folder.write_text("no folder")
    place.happens(ONE)
    place.step()
    assert place.jobs.deadline(place.now) == place.now + 5
    place.folder.unlink()
    place.step()
    assert not place.folder.exists(), "not before its time"
    place.now += 5
    place.step()
    assert place.kinds() == [ONE]
    assert place.jobs.deadline(place.now) is None
    place.close()


def test_an_empty_folder_ends_nowhere(tmp_path: Path) -> None:
    assert end_of(tmp_path / "none") == ChainEnd()
    assert append(tmp_path / "new", ChainEnd(), []).link == ChainEnd()
