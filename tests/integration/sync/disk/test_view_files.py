from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.sync.disk.folder import Folder
from coworkd.sync.disk.view_files import MIN_INTERVAL, ViewFiles


@pytest.fixture
def outputs(tmp_path: Path) -> ViewFiles:
    (tmp_path / ".cowork").mkdir()
    return ViewFiles(Folder(tmp_path / ".cowork", tmp_path / "trash"))


def test_an_output_is_written_when_it_differs_and_not_too_often(tmp_path: Path, outputs: ViewFiles) -> None:
    file = tmp_path / ".cowork" / "inbox.md"
    assert outputs.show("inbox.md", b"one", 100.0) is None
    written = file.stat().st_mtime_ns, file.stat().st_ino
    assert outputs.show("inbox.md", b"one", 101.0) is None
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == written
    assert outputs.show("inbox.md", b"two", 101.0) == 100.0 + MIN_INTERVAL
    assert file.read_bytes() == b"one"
    assert outputs.show("inbox.md", b"two", 100.0 + MIN_INTERVAL) is None
    assert file.read_bytes() == b"two"


def test_an_output_waits_no_longer_for_a_clock_that_was_set_back(outputs: ViewFiles) -> None:
    outputs.show("inbox.md", b"one", 4000.0)
    outputs.move_times(-3600.0)
    assert outputs.show("inbox.md", b"two", 400.5) == 400.0 + MIN_INTERVAL


def test_what_is_dropped_is_gone_and_may_be_shown_again(tmp_path: Path, outputs: ViewFiles) -> None:
    outputs.show("messages/a/x.live.md", b"text", 1.0)
    assert outputs.shown() == ["messages/a/x.live.md"]
    outputs.drop("messages/a/x.live.md")
    outputs.drop("messages/a/x.live.md")
    assert outputs.shown() == []
    assert list((tmp_path / ".cowork/messages/a").iterdir()) == []
    assert outputs.show("messages/a/x.live.md", b"text", 1.0) is None


def test_a_place_that_cannot_be_written_is_tried_again_later(tmp_path: Path, outputs: ViewFiles) -> None:
    folder = tmp_path / ".cowork"
    (folder / "inbox.md").mkdir(parents=True)
    (folder / "inbox.md" / "x").touch()
    assert outputs.show("inbox.md", b"text", 1.0) == 1.0 + MIN_INTERVAL
    outputs.drop("inbox.md")
    (folder / "inbox.md" / "x").unlink()
    (folder / "inbox.md").rmdir()
    assert outputs.show("inbox.md", b"text", 4.0) is None
    assert (folder / "inbox.md").read_bytes() == b"text"


def test_what_someone_took_away_is_shown_again_but_never_the_folder(tmp_path: Path, outputs: ViewFiles) -> None:
    folder = tmp_path / ".cowork"
    outputs.show("inbox.md", b"text", 1.0)
    (folder / "inbox.md").unlink()
    assert outputs.show("inbox.md", b"text", 1.0 + MIN_INTERVAL) is None
    assert (folder / "inbox.md").read_bytes() == b"text"
    folder.rename(tmp_path / "aside")
    assert outputs.show("inbox.md", b"other", 9.0) == 9.0 + MIN_INTERVAL
    assert not folder.exists()
    (tmp_path / "aside").rename(folder)
    assert outputs.show("inbox.md", b"other", 12.0) is None
    assert (folder / "inbox.md").read_bytes() == b"other"


def test_no_more_than_twenty_versions_are_written_in_a_second(outputs: ViewFiles) -> None:
    later = [outputs.show(f"messages/a/{n}.live.md", b"text", 100.0 + n / 100) for n in range(25)]
    assert later == [None] * 20 + [101.0] * 5
    assert outputs.show("inbox.md", b"urgent", 100.3, 0.2) is None
    assert outputs.show("messages/a/24.live.md", b"text", 101.5) is None
