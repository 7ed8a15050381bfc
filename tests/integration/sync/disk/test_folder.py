from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from coworkd.sync.disk.folder import MAX_BYTES, ChangedWhileReading, Content, Folder, Missing, NotReadable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / ".cowork"
    (made / "tasks").mkdir(parents=True)
    return made


@pytest.fixture
def folder(root: Path) -> Folder:
    return Folder(root, root.parent / "trash")


def test_a_stable_read(root: Path, folder: Folder) -> None:
    (root / "tasks/a.md").write_bytes(b"text")
    read = folder.read("tasks/a.md")
    assert isinstance(read, Content)
    assert read.data == b"text"
    assert read.stat == folder.stat("tasks/a.md")


@pytest.mark.parametrize("path", ["tasks/none.md", "none/a.md", "tasks/file/a.md"])
def test_what_is_not_there(root: Path, folder: Folder, path: str) -> None:
    (root / "tasks/file").write_bytes(b"")
    assert folder.read(path) == Missing()
    assert folder.stat(path) is None


def test_a_file_that_changes_while_it_is_read_is_torn(root: Path) -> None:
    class Racing(Folder):
        """The file grows between the read and the look that confirms it."""

        def stat(self, path: str):
            (self.root / path).write_bytes(b"more text")
            return super().stat(path)

    (root / "tasks/a.md").write_bytes(b"text")
    assert Racing(root, root.parent / "trash").read("tasks/a.md") == ChangedWhileReading()


def make(root: Path, what: str) -> None:
    file = root / "tasks/a.md"
    match what:
        case "link":
            file.symlink_to(root / "other")
        case "dangling":
            file.symlink_to("nowhere")
        case "fifo":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case _:
            file.write_bytes(b"x" * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("link", "symbolic link"),
        ("dangling", "symbolic link"),
        ("fifo", "not a regular file"),
        ("folder", "not a regular file"),
        ("large", "larger than 1024 KiB"),
    ],
)
def test_what_is_not_read(root: Path, folder: Folder, what: str, reason: str) -> None:
    (root / "other").write_bytes(b"outside")
    make(root, what)
    read = folder.read("tasks/a.md")
    assert isinstance(read, NotReadable)
    assert reason in read.reason


def test_nothing_is_read_through_a_linked_folder(root: Path, folder: Folder) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "a.md").write_text("not of this workspace")
    (root / "tasks" / "sub").symlink_to(outside)
    assert isinstance(folder.read("tasks/sub/a.md"), NotReadable)
    assert all(not path.startswith("tasks/sub/") for path, _ in folder.walk())


def test_the_largest_document_is_read(root: Path, folder: Folder) -> None:
    (root / "tasks/a.md").write_bytes(b"x" * MAX_BYTES)
    assert isinstance(folder.read("tasks/a.md"), Content)


def test_a_walk_finds_files_and_links_but_no_hidden_folders(root: Path, folder: Folder) -> None:
    (root / "tasks/deep/er").mkdir(parents=True)
    (root / ".git").mkdir()
    for path in ("tasks/a.md", "tasks/deep/er/b.md", ".git/c.md", "config.yaml"):
        (root / path).write_text("x")
    (root / "tasks/link.md").symlink_to("a.md")
    assert {path for path, _ in folder.walk()} == {
        "tasks/a.md", "tasks/deep/er/b.md", "config.yaml", "tasks/link.md",
    }  # fmt: skip


def test_a_new_file_never_goes_over_another(root: Path, folder: Folder) -> None:
    temporary = folder.write_temporary("tasks/new/a.md", b"ours", 0o600)
    assert folder.move_into_place(temporary, "tasks/new/a.md")
    again = folder.write_temporary("tasks/new/a.md", b"other", 0o600)
    assert not folder.move_into_place(again, "tasks/new/a.md")
    assert (root / "tasks/new/a.md").read_bytes() == b"ours"
    assert (root / "tasks/new/a.md").stat().st_mode & 0o777 == 0o600


def test_an_exchange_swaps_both_files(root: Path, folder: Folder) -> None:
    (root / "tasks/a.md").write_bytes(b"old")
    temporary = folder.write_temporary("tasks/a.md", b"new", 0o644)
    assert folder.exchange(temporary, "tasks/a.md")
    assert (root / "tasks/a.md").read_bytes() == b"new"
    assert (root / temporary).read_bytes() == b"old"
    assert not folder.exchange(temporary, "tasks/none.md")


def test_temporary_files_are_no_documents(folder: Folder) -> None:
    from coworkd.documents.decoding import kind_of

    assert kind_of(folder.write_temporary("tasks/a.md", b"x", 0o644)) is None


def test_the_trash_keeps_the_inode(root: Path, folder: Folder) -> None:
    file = root / "tasks/a.md"
    file.write_bytes(b"old")
    inode = file.stat().st_ino
    folder.move_to_trash("tasks/a.md", "1-a")
    assert not file.exists()
    assert (root.parent / "trash/1-a").stat().st_ino == inode
    assert folder.read_trashed("1-a") == b"old"
    assert folder.read_trashed("none") is None


SHARED = Path("/dev/shm")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs a second file system")
def test_the_trash_may_lie_on_another_file_system(root: Path) -> None:
    if SHARED.stat().st_dev == root.stat().st_dev:
        pytest.skip("one file system only")
    trash = SHARED / f"coworkd-test-{os.getpid()}"
    (root / "tasks/a.md").write_bytes(b"old")
    with pytest.raises(OSError, match=os.strerror(errno.EXDEV)):
        os.rename(root / "tasks/a.md", SHARED / f"coworkd-probe-{os.getpid()}")
    try:
        folder = Folder(root, trash)
        folder.move_to_trash("tasks/a.md", "1-a")
        assert folder.read_trashed("1-a") == b"old"
        assert not (root / "tasks/a.md").exists()
    finally:
        for file in trash.iterdir():
            file.unlink()
        trash.rmdir()


def test_an_output_replaces_the_one_before(root: Path, folder: Folder) -> None:
    folder.publish("messages/a/x.live.md", b"one")
    folder.publish("messages/a/x.live.md", b"two")
    assert [file.read_bytes() for file in (root / "messages/a").iterdir()] == [b"two"]


def test_an_output_does_not_follow_a_link_out_of_the_folder(root: Path, folder: Folder) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (root / "reviews").mkdir()
    (root / "reviews" / "a.d").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic links"):
        folder.publish("reviews/a.d/check-1.log", b"text")
    assert not list(outside.iterdir())


def test_an_output_that_cannot_be_put_there_leaves_nothing_behind(root: Path, folder: Folder) -> None:
    (root / "inbox.md").mkdir()
    (root / "inbox.md" / "x").write_text("in the way")
    with pytest.raises(OSError, match="directory"):
        folder.publish("inbox.md", b"text")
    assert {path.name for path in root.iterdir()} == {"tasks", "inbox.md"}


def test_only_the_thread_that_made_it_writes(tmp_path: Path) -> None:
    folder, refused = Folder(tmp_path, tmp_path / "trash"), list[str]()

    def write() -> None:
        for step in (lambda: folder.publish("a.md", b"x"), lambda: folder.discard("a.md")):
            try:
                step()
            except RuntimeError as error:
                refused.append(str(error))

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert ["a job writes a file of the workspace" in why for why in refused] == [True, True]
    assert list(tmp_path.iterdir()) == []
