"""The real folder and the simulated one keep the same promises: what is proven on the one holds on the other."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from coworkd.core.clock import ManualClock
from coworkd.diagnostics.simulation.disk import Disk
from coworkd.diagnostics.simulation.faults import Faults
from coworkd.diagnostics.simulation.folder import SimFolder
from coworkd.sync.disk.folder import MAX_BYTES, Content, Folder, Missing, NotReadable
from coworkd.sync.disk.ports import Files

PATH = "tasks/a.md"


@dataclass
class Side:
    """A folder, and somebody else's hand on the same files."""

    files: Files
    save: Callable[[str, bytes], None]
    """In place, or a new file."""
    rename: Callable[[str, str], None]
    open: Callable[[str], Callable[[bytes], None]]
    """A descriptor: what is called later writes through it."""
    remove: Callable[[str], None]


def real(root: Path) -> Side:
    folder = root / "ws"
    (folder / "tasks").mkdir(parents=True)

    def save(path: str, data: bytes) -> None:
        (folder / path).write_bytes(data)

    def rename(old: str, new: str) -> None:
        (folder / old).rename(folder / new)

    def opened(path: str) -> Callable[[bytes], None]:
        descriptor = os.open(folder / path, os.O_WRONLY)

        def write(data: bytes) -> None:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, data)
            os.close(descriptor)

        return write

    return Side(
        Folder(folder, root / "trash"), save, rename, opened, lambda path: (folder / path).unlink(),
    )  # fmt: skip


def simulated(_root: Path) -> Side:
    clock = ManualClock()

    def changed(_path: str) -> None:
        clock.advance(0.02)

    disk = Disk(now=clock.now, changed=changed)

    def save(path: str, data: bytes) -> None:
        found = disk.find(path)
        disk.write(found, data) if found else disk.create(path, data)

    def opened(path: str) -> Callable[[bytes], None]:
        descriptor = disk.open(path)

        def write(data: bytes) -> None:
            disk.write(descriptor.inode, data)
            disk.close(descriptor)

        return write

    folder = SimFolder(disk, Faults(), lambda _data: None, lambda _what: None)
    return Side(folder, save, disk.rename, opened, disk.unlink)


@pytest.fixture(params=[real, simulated], ids=["real", "simulated"])
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Side:
    return request.param(tmp_path)


def data(side: Side, path: str = PATH) -> bytes | None:
    read = side.files.read(path)
    return read.data if isinstance(read, Content) else None


def test_a_missing_file_is_absent(side: Side) -> None:
    assert side.files.exists()
    assert isinstance(side.files.read(PATH), Missing)
    assert side.files.stat(PATH) is None
    assert list(side.files.walk()) == []


def test_what_was_saved_is_read_with_its_stat(side: Side) -> None:
    side.save(PATH, b"one")
    read = side.files.read(PATH)
    assert isinstance(read, Content)
    assert (read.data, read.stat) == (b"one", side.files.stat(PATH))
    assert read.stat.size == 3
    assert stat.S_ISREG(read.stat.mode)


def test_a_walk_tells_every_file_with_its_stat(side: Side) -> None:
    for path in (PATH, "tasks/b.md", "config.yaml"):
        side.save(path, b"x")
    assert dict(side.files.walk()) == {path: side.files.stat(path) for path in (PATH, "tasks/b.md", "config.yaml")}


def test_too_much_is_refused_unread(side: Side) -> None:
    side.save(PATH, b"x" * (MAX_BYTES + 1))
    assert isinstance(side.files.read(PATH), NotReadable)


def test_a_save_in_place_keeps_the_inode_and_a_rename_brings_another(side: Side) -> None:
    side.save(PATH, b"one")
    before = side.files.stat(PATH)
    side.save(PATH, b"longer")
    saved = side.files.stat(PATH)
    side.save("tasks/new", b"renamed")
    side.rename("tasks/new", PATH)
    after = side.files.stat(PATH)
    assert before
    assert saved
    assert after
    assert before.inode == saved.inode != after.inode
    assert len({before, saved, after}) == 3


def test_a_temporary_file_is_no_document_and_has_what_it_was_given(side: Side) -> None:
    side.save(PATH, b"old")
    first = side.files.write_temporary(PATH, b"new", 0o640)
    second = side.files.write_temporary(PATH, b"new", 0o640)
    found = side.files.stat(first)
    assert first != second
    assert first.startswith("tasks/.")
    assert found
    assert stat.S_IMODE(found.mode) == 0o640
    assert (data(side, first), data(side)) == (b"new", b"old")


def test_a_folder_is_made_for_the_first_file_in_it(side: Side) -> None:
    temporary = side.files.write_temporary("messages/a/one.md", b"x", 0o644)
    assert side.files.move_into_place(temporary, "messages/a/one.md")
    assert data(side, "messages/a/one.md") == b"x"


def test_moving_into_place_gives_a_new_file_its_name(side: Side) -> None:
    temporary = side.files.write_temporary(PATH, b"new", 0o644)
    assert side.files.move_into_place(temporary, PATH)
    assert data(side) == b"new"
    assert side.files.stat(temporary) is None


def test_moving_into_place_never_replaces(side: Side) -> None:
    temporary = side.files.write_temporary(PATH, b"new", 0o644)
    side.save(PATH, b"faster")
    assert not side.files.move_into_place(temporary, PATH)
    assert (data(side), data(side, temporary)) == (b"faster", b"new")


def test_an_exchange_hands_over_what_was_there(side: Side) -> None:
    side.save(PATH, b"old")
    inode = side.files.stat(PATH)
    temporary = side.files.write_temporary(PATH, b"new", 0o644)
    assert side.files.exchange(temporary, PATH)
    side.files.sync(PATH)
    held = side.files.stat(temporary)
    assert (data(side), data(side, temporary)) == (b"new", b"old")
    assert inode
    assert held
    assert inode.inode == held.inode
    assert inode.ctime_ns <= held.ctime_ns


def test_an_exchange_with_nothing_changes_nothing(side: Side) -> None:
    temporary = side.files.write_temporary(PATH, b"new", 0o644)
    assert not side.files.exchange(temporary, PATH)
    assert side.files.stat(PATH) is None
    assert data(side, temporary) == b"new"


def test_a_file_in_the_trash_is_the_same_file(side: Side) -> None:
    side.save(PATH, b"old")
    write_late = side.open(PATH)
    temporary = side.files.write_temporary(PATH, b"new", 0o644)
    side.files.exchange(temporary, PATH)
    side.files.move_to_trash(temporary, "kept")
    assert side.files.read_trashed("kept") == b"old"
    write_late(b"late")
    assert (side.files.read_trashed("kept"), data(side)) == (b"late", b"new")
    assert [path for path, _ in side.files.walk()] == [PATH]
    assert side.files.read_trashed("never") is None


def test_a_descriptor_outlives_a_removal(side: Side) -> None:
    side.save(PATH, b"old")
    write_late = side.open(PATH)
    side.remove(PATH)
    side.save(PATH, b"new")
    write_late(b"late")
    assert data(side) == b"new"


def test_discarding_is_done_once_and_may_be_asked_twice(side: Side) -> None:
    temporary = side.files.write_temporary(PATH, b"x", 0o644)
    side.files.discard(temporary)
    side.files.discard(temporary)
    assert side.files.stat(temporary) is None


def test_an_output_replaces_whatever_is_there(side: Side) -> None:
    side.files.publish("inbox.md", b"one")
    side.files.publish("inbox.md", b"two")
    assert data(side, "inbox.md") == b"two"
    assert [path for path, _ in side.files.walk()] == ["inbox.md"]
