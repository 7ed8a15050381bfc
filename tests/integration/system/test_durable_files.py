"""Files that are written in one step, on a real file system."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from coworkd.system.durable_files import create_file, replace_file, write_json, write_new


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_and_a_reader_that_has_it_open_keeps_the_old_content(tmp_path: Path) -> None:
    file = tmp_path / "a"
    replace_file(file, b"old")
    with file.open("rb") as reader:
        replace_file(file, b"new", durable=True)
        assert reader.read() == b"old"
    assert file.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


def test_permissions_are_exactly_those_that_were_asked_for(tmp_path: Path) -> None:
    previous = os.umask(0o077)
    try:
        replace_file(tmp_path / "shared", b"", mode=0o644)
        replace_file(tmp_path / "usual", b"")
    finally:
        os.umask(previous)
    assert (mode(tmp_path / "shared"), mode(tmp_path / "usual")) == (0o644, 0o600)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"target")
    (tmp_path / "link").symlink_to("target")
    replace_file(tmp_path / "link", b"new")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"target"


def test_a_name_can_be_relative_to_a_folder(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        replace_file("a", b"content", folder=folder, durable=True)
    finally:
        os.close(folder)
    assert (tmp_path / "a").read_bytes() == b"content"


def test_nothing_is_left_beside_a_file_that_cannot_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "a" / "full").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        replace_file(tmp_path / "a", b"content")
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_is_created_once(tmp_path: Path) -> None:
    file = tmp_path / "a"
    assert create_file(file, b"first", mode=0o600)
    assert not create_file(file, b"second")
    assert (file.read_bytes(), mode(file), os.listdir(tmp_path)) == (b"first", 0o600, ["a"])


def test_a_name_of_every_allowed_length_can_be_replaced(tmp_path: Path) -> None:
    file = tmp_path / ("a" * 255)
    replace_file(file, b"content")
    assert file.read_bytes() == b"content"


def test_json_is_written(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"task": "ü"})
    assert (tmp_path / "a.json").read_text() == '{"task": "\\u00fc"}'


def test_a_new_file_does_not_replace_one(tmp_path: Path) -> None:
    write_new(tmp_path / "a", b"first", durable=True)
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
