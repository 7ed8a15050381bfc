"""The write protocol on real files: whatever falls between two steps, nobody's bytes are lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from coworkd.core.model import Status
from coworkd.sync.disk.atomic_writer import LATE_WRITE_DELAY
from coworkd.sync.disk.folder import MAX_BYTES, Folder, digest
from coworkd.sync.disk.write_steps import (
    ConcurrentSave,
    FileWrite,
    TargetChanged,
    WriteRefused,
    WriteResult,
    Written,
)
from tests.integration.workspacekit import TASK, Workspace

OLD, NEW = b"---\nstatus: ready\n---\nold\n", b"---\nstatus: ready\n---\nnew\n"
TYPED = "---\nstatus: ready\n---\ntyped meanwhile\n"
STEPS = ["write_temporary", "move_into_place", "exchange", "sync", "move_to_trash", "discard"]


def displaced(place: Workspace, *, taken: bool = True) -> list[tuple[str, bytes]]:
    """What recovery offers; `taken` False: it is to be offered again."""
    found: list[tuple[str, bytes]] = []
    place.writer.recover(place.now, lambda path, data: found.append((path, data)) or taken)
    return found


def late_writes(place: Workspace, after: float, *, taken: bool = True) -> list[tuple[str, bytes]]:
    """What is offered of late writes that many seconds from now."""
    found: list[tuple[str, bytes]] = []
    place.writer.check_late_writes(place.now + after, lambda path, data: found.append((path, data)) or taken)
    return found


class KilledError(Exception):
    """The process ends here."""


class Between(Folder):
    """Something happens before or after one step; each happens once."""

    def __init__(self, root: Path, trash: Path) -> None:
        super().__init__(root, trash)
        self.before: dict[str, Callable[[], None]] = {}
        self.after: dict[str, Callable[[], None]] = {}

    def _happen(self, what: dict[str, Callable[[], None]], step: str) -> None:
        if step in what:
            what.pop(step)()

    def write_temporary(self, path: str, data: bytes, mode: int) -> str:
        self._happen(self.before, "write_temporary")
        made = super().write_temporary(path, data, mode)
        self._happen(self.after, "write_temporary")
        return made

    def move_into_place(self, temporary: str, path: str) -> bool:
        self._happen(self.before, "move_into_place")
        done = super().move_into_place(temporary, path)
        self._happen(self.after, "move_into_place")
        return done

    def exchange(self, temporary: str, path: str) -> bool:
        self._happen(self.before, "exchange")
        done = super().exchange(temporary, path)
        self._happen(self.after, "exchange")
        return done

    def sync(self, path: str) -> None:
        self._happen(self.before, "sync")
        super().sync(path)
        self._happen(self.after, "sync")

    def move_to_trash(self, temporary: str, name: str) -> None:
        self._happen(self.before, "move_to_trash")
        super().move_to_trash(temporary, name)
        self._happen(self.after, "move_to_trash")

    def discard(self, path: str) -> None:
        self._happen(self.before, "discard")
        super().discard(path)
        self._happen(self.after, "discard")


def kill() -> None:
    raise KilledError


def full() -> None:
    raise OSError(28, "No space left on device")


@pytest.fixture
def folder(tmp_path: Path) -> Between:
    return Between(tmp_path / ".cowork", tmp_path / "trash")


@pytest.fixture
def place(tmp_path: Path, folder: Between) -> Workspace:
    made = Workspace(tmp_path, folder)
    (made.root / "tasks").mkdir()
    (made.root / TASK).write_bytes(OLD)
    return made


def write(place: Workspace, expected: bytes = OLD) -> object:
    return place.writer.write(TASK, digest(expected) if expected else "", NEW, place.now)


def test_the_expected_bytes_are_replaced_and_kept(place: Workspace) -> None:
    (place.root / TASK).chmod(0o640)
    assert write(place) == Written()
    assert place.files() == {TASK: NEW}
    assert (place.root / TASK).stat().st_mode & 0o777 == 0o640
    assert [file.read_bytes() for file in place.trash.iterdir()] == [OLD]
    assert not place.writer.has_unfinished()


def write_several(place: Workspace) -> dict[str, WriteResult]:
    """Three files at once: one that is there, a new one, and one that is not what was expected."""
    (place.root / "tasks/c.md").write_bytes(TYPED.encode())
    expected = {TASK: digest(OLD), "tasks/b.md": "", "tasks/c.md": digest(OLD)}
    writes = [FileWrite(path=path, expected=sha, data=NEW) for path, sha in expected.items()]
    return dict(place.writer.write_all(writes, place.now))


def test_several_files_are_written_together_and_each_ends_for_itself(place: Workspace) -> None:
    assert write_several(place) == {TASK: Written(), "tasks/b.md": Written(), "tasks/c.md": TargetChanged()}
    assert place.files() == {TASK: NEW, "tasks/b.md": NEW, "tasks/c.md": TYPED.encode()}
    assert [file.read_bytes() for file in place.trash.iterdir()] == [OLD]
    assert not place.writer.has_unfinished()


def test_the_intents_of_several_files_are_one_durable_commit(place: Workspace) -> None:
    asked: list[str] = []
    place.db.connection.set_trace_callback(asked.append)
    write_several(place)
    place.db.connection.set_trace_callback(None)
    assert [sql for sql in asked if "synchronous" in sql] == ["PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"]
    assert asked.count("COMMIT") == 3, "the intents; what was displaced; the end"


def test_what_refuses_one_of_several_writes_refuses_no_other(place: Workspace, folder: Between) -> None:
    folder.before["exchange"] = full
    results = write_several(place)
    assert isinstance(results[TASK], WriteRefused)
    assert results["tasks/b.md"] == Written()
    assert place.files()["tasks/b.md"] == NEW
    assert displaced(place) == []
    assert place.files() == {TASK: OLD, "tasks/b.md": NEW, "tasks/c.md": TYPED.encode()}


def test_a_folder_that_cannot_be_synced_leaves_every_intent_of_it(place: Workspace, folder: Between) -> None:
    folder.before["sync"] = full
    results = write_several(place)
    assert [type(result) for result in results.values()] == [WriteRefused, WriteRefused, TargetChanged]
    assert displaced(place) == []
    assert place.files() == {TASK: NEW, "tasks/b.md": NEW, "tasks/c.md": TYPED.encode()}
    assert not place.writer.has_unfinished()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_between_two_steps_of_several_writes_loses_nothing(
    place: Workspace, folder: Between, step: str, when: str
) -> None:
    getattr(folder, when)[step] = kill
    with pytest.raises(KilledError):
        write_several(place)
    place.restart()
    assert not place.writer.has_unfinished()
    files = place.files()
    assert files["tasks/c.md"] == TYPED.encode()
    assert files[TASK] in (OLD, NEW)
    assert OLD in place.everywhere()
    assert files.get("tasks/b.md", NEW) == NEW


@pytest.mark.parametrize("expected", [b"something else", b""])
def test_bytes_that_no_one_expected_stay(place: Workspace, expected: bytes) -> None:
    assert write(place, expected) == TargetChanged()
    assert place.files() == {TASK: OLD}
    assert not place.writer.has_unfinished()


def test_a_file_that_is_gone_is_not_made_again(place: Workspace) -> None:
    (place.root / TASK).unlink()
    assert write(place) == TargetChanged()
    assert place.files() == {}


def test_a_new_file(place: Workspace) -> None:
    (place.root / TASK).unlink()
    assert write(place, b"") == Written()
    assert place.files() == {TASK: NEW}


def test_a_save_before_the_last_look_wins(place: Workspace, folder: Between) -> None:
    folder.after["write_temporary"] = lambda: place.save(TYPED)
    assert write(place) == TargetChanged()
    assert place.files() == {TASK: TYPED.encode()}


def test_a_save_after_the_last_look_is_handed_over(place: Workspace, folder: Between) -> None:
    folder.before["exchange"] = lambda: place.save(TYPED)
    assert write(place) == ConcurrentSave()
    assert displaced(place) == [(TASK, TYPED.encode())]
    assert place.files() == {TASK: NEW}
    assert not place.writer.has_unfinished()


@pytest.mark.parametrize("odd", ["link", "large", "folder"])
def test_something_that_is_no_document_goes_back_to_its_place(place: Workspace, folder: Between, odd: str) -> None:
    def save() -> None:
        (place.root / TASK).unlink()
        match odd:
            case "link":
                (place.root / TASK).symlink_to("elsewhere")
            case "large":
                (place.root / TASK).write_bytes(b"x" * (MAX_BYTES + 1))
            case _:
                (place.root / TASK).mkdir()

    folder.before["exchange"] = save
    assert write(place) == ConcurrentSave()
    assert displaced(place) == []
    file = place.root / TASK
    assert {"link": file.is_symlink(), "large": file.is_file(), "folder": file.is_dir()}[odd]
    assert [path.name for path in file.parent.iterdir()] == ["a.md"]


def test_a_late_write_into_the_displaced_file_is_found(place: Workspace) -> None:
    with (place.root / TASK).open("r+b") as editor:
        assert write(place) == Written()
        assert late_writes(place, LATE_WRITE_DELAY - 1) == []
        editor.write(TYPED.encode())
    assert late_writes(place, LATE_WRITE_DELAY) == [(TASK, TYPED.encode())]
    assert late_writes(place, 2 * LATE_WRITE_DELAY) == []
    assert place.writer.next_check() is None


def test_what_is_not_taken_in_is_offered_again(place: Workspace, folder: Between) -> None:
    folder.before["exchange"] = lambda: place.save(TYPED)
    assert write(place) == ConcurrentSave()
    assert displaced(place, taken=False) == displaced(place, taken=False) == [(TASK, TYPED.encode())]
    assert write(place) == WriteRefused("waits until an earlier write of it can be finished")
    assert displaced(place) == [(TASK, TYPED.encode())]
    assert displaced(place) == []


def test_a_late_write_that_is_not_taken_in_is_offered_again_at_once(place: Workspace) -> None:
    with (place.root / TASK).open("r+b") as editor:
        write(place)
        editor.write(TYPED.encode())
    assert late_writes(place, LATE_WRITE_DELAY, taken=False) == [(TASK, TYPED.encode())]
    assert place.writer.next_check() == place.now + 2 * LATE_WRITE_DELAY, "nothing turns in circles meanwhile"
    assert late_writes(place, LATE_WRITE_DELAY) == [(TASK, TYPED.encode())]
    assert late_writes(place, LATE_WRITE_DELAY) == []


def test_a_late_write_that_was_being_merged_at_a_crash_is_found_again(place: Workspace) -> None:
    with (place.root / TASK).open("r+b") as editor:
        write(place)
        editor.write(TYPED.encode())
    assert late_writes(place, LATE_WRITE_DELAY, taken=False) == [(TASK, TYPED.encode())]
    place.restart()
    assert late_writes(place, 2 * LATE_WRITE_DELAY) == [(TASK, TYPED.encode())]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("new_file", [False, True])
def test_a_crash_between_any_two_steps(
    place: Workspace, folder: Between, step: str, moment: str, new_file: bool
) -> None:
    if new_file:
        (place.root / TASK).unlink()
    what = folder.before if moment == "before" else folder.after
    what[step] = kill
    try:
        write(place, b"" if new_file else OLD)
    except KilledError:
        place.restart()
    what.clear()
    assert displaced(place) == []
    assert place.files().get(TASK) in ((None, NEW) if new_file else (OLD, NEW))
    assert not place.writer.has_unfinished()
    leftovers = set(place.files()) - {TASK}
    assert not leftovers or (step, moment) == ("write_temporary", "after"), "only an unnoted copy of ours may be left"
    assert write(place, place.files().get(TASK, b"")) in (Written(), TargetChanged())
    assert place.files()[TASK] == NEW


@pytest.mark.parametrize("step", ["exchange", "sync", "move_to_trash"])
def test_a_crash_after_a_save_in_between_loses_nothing(place: Workspace, folder: Between, step: str) -> None:
    folder.before["exchange"] = lambda: place.save(TYPED)
    folder.after[step] = kill
    result: object = None
    try:
        result = write(place)
        displaced(place)
    except KilledError:
        place.restart()
    assert result in (None, ConcurrentSave())
    displaced(place)
    assert TYPED.encode() in place.everywhere()
    assert place.files() == {TASK: NEW}


@pytest.mark.parametrize("step", ["write_temporary", "exchange", "sync", "move_to_trash"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_full_disk_is_told_and_repaired_later(place: Workspace, folder: Between, step: str, moment: str) -> None:
    what = folder.before if moment == "before" else folder.after
    what[step] = full
    result = write(place)
    assert result == WriteRefused("cannot be written: No space left on device")
    assert displaced(place) == []
    assert not place.writer.has_unfinished()
    assert place.files()[TASK] in (OLD, NEW)
    assert OLD in place.everywhere()


def test_a_save_in_between_survives_a_refusal(place: Workspace, folder: Between) -> None:
    folder.before["exchange"] = lambda: place.save(TYPED)
    folder.before["sync"] = full
    assert isinstance(write(place), WriteRefused)
    assert isinstance(write(place), WriteRefused), "one write of a file at a time"
    assert displaced(place) == [(TASK, TYPED.encode())]
    assert write(place, NEW) == Written()


# ---- the same, through the engine: the save in between is merged


def running(place: Workspace) -> None:
    place.save("---\nstatus: ready\n---\none\ntwo\nthree\n")
    place.turns()
    place.move(status=Status.RUNNING, attempt=1, requested_status="")


EDITED = "---\nstatus: ready\n---\none\ntwo\nthree, typed meanwhile\n"


def check_merged(place: Workspace) -> None:
    place.turns(4)
    assert "status: running" in place.text()
    assert place.text().endswith("three, typed meanwhile\n")
    assert place.task().requested_status == ""
    assert set(place.files()) == {TASK}


def test_a_save_in_the_last_instant_is_merged(place: Workspace, folder: Between) -> None:
    running(place)
    folder.before["exchange"] = lambda: place.save(EDITED)
    place.turn()
    check_merged(place)


@pytest.mark.parametrize(
    ("moment", "step"), [("after", "exchange"), ("before", "move_to_trash"), ("after", "move_to_trash")]
)
def test_a_save_in_the_last_instant_is_merged_after_a_crash(
    place: Workspace, folder: Between, moment: str, step: str
) -> None:
    running(place)
    folder.before["exchange"] = lambda: place.save(EDITED)
    (folder.before if moment == "before" else folder.after)[step] = kill
    with pytest.raises(KilledError):
        place.turn()
    place.restart()
    check_merged(place)


def test_a_late_write_is_merged(place: Workspace) -> None:
    running(place)
    with (place.root / TASK).open("r+b") as editor:
        place.turn()
        editor.write(EDITED.encode())
    place.turn(LATE_WRITE_DELAY)
    check_merged(place)


def test_a_broken_save_in_the_last_instant_stays_in_the_file(place: Workspace, folder: Between) -> None:
    running(place)
    broken = "---\nstatus: [ready\n---\nhalf a thought\n"
    folder.before["exchange"] = lambda: place.save(broken)
    place.turns(5)
    assert place.text() == broken
    assert "read" in place.problems()
    place.save(EDITED)
    check_merged(place)


def test_what_a_write_left_before_it_was_promised_goes_to_the_trash(place: Workspace) -> None:

    for name in (".a.md.0123abcd~", ".b.md.0123abcd~-"):
        (place.root / "tasks" / name).write_bytes(b"half of it")
    (place.root / "tasks" / ".a.md~").write_bytes(b"somebody's own")
    place.restart()
    assert place.text() == OLD.decode()
    assert [path for path in place.files() if "~" in path] == ["tasks/.a.md~"]
    assert place.everywhere().count(b"half of it") == 2


def test_the_displaced_file_of_an_exchange_by_links_is_found(place: Workspace) -> None:
    """The crash came between its last two renames: ours is in place, and theirs has the name of the second link."""

    with place.db.write():
        place.db.execute(
            "INSERT INTO writes (path, expected, sha, bytes, temp) VALUES (?, ?, ?, ?, ?)",
            TASK, digest(OLD), digest(NEW), NEW, "tasks/.a.md.0123abcd~",
        )  # fmt: skip
    (place.root / TASK).write_bytes(NEW)
    (place.root / "tasks" / ".a.md.0123abcd~-").write_text(TYPED)
    assert displaced(place) == [(TASK, TYPED.encode())]
    assert not [path for path in place.files() if "~" in path]
    assert TYPED.encode() in place.everywhere()
