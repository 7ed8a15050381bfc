"""File tools stay in the worktree, whatever lies there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.drivers.llm.worktree_files import ToolError, WorktreeFiles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    root = tmp_path / "root"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.py").write_text("one\n")
    (root / "away").symlink_to(tmp_path / "outside")
    (root / "link").symlink_to(tmp_path / "outside" / "secret")
    os.mkfifo(root / "fifo")
    return root


@pytest.fixture
def tree(root: Path) -> Iterator[WorktreeFiles]:
    tree = WorktreeFiles(root)
    yield tree
    tree.close()


OUTSIDE = [
    "../outside/secret",
    "away/secret",
    "link",
    "/etc/passwd",
    "src/../../outside/secret",
    "src/\0",
    "fifo",
    "src",
    "",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_is_not_a_file_of_the_worktree_is_neither_read_nor_written(
    tree: WorktreeFiles, root: Path, path: str
) -> None:
    with pytest.raises(ToolError):
        tree.read(path)
    with pytest.raises(ToolError):
        tree.write(path, "mine")
    assert (root.parent / "outside" / "secret").read_text() == "secret"


@pytest.mark.parametrize("path", ["away", "link", "..", "/", "nowhere"])
def test_what_is_not_a_folder_of_the_worktree_is_not_listed(tree: WorktreeFiles, path: str) -> None:
    with pytest.raises(ToolError):
        tree.entries(path)


@pytest.mark.parametrize("path", [".git/config", ".GIT/hooks/x", ".cowork/tasks/x.md", ".git"])
def test_the_workspace_and_git_are_not_the_agents_to_change(tree: WorktreeFiles, path: str) -> None:
    with pytest.raises(ToolError, match="not yours to change"):
        tree.write(path, "x")


def test_reading_and_writing(tree: WorktreeFiles, root: Path) -> None:
    assert tree.read("./src//a.py") == tree.read(f"{root}/src/a.py") == "one\n"
    tree.write("new/deep/b.txt", "two")
    assert (root / "new" / "deep" / "b.txt").read_text() == "two"
    assert tree.entries(".") == ["away", "fifo", "link", "new/", "src/"]
    assert tree.path(f"{root}") == "."
    assert sorted(os.listdir(root / "new" / "deep")) == ["b.txt"]


def test_a_file_keeps_its_mode(tree: WorktreeFiles, root: Path) -> None:
    (root / "src" / "a.py").chmod(0o755)
    tree.write("src/a.py", "two\n")
    assert (root / "src" / "a.py").stat().st_mode & 0o777 == 0o755


def test_what_is_not_text_is_said_to_be_so(tree: WorktreeFiles, root: Path) -> None:
    (root / "bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ToolError, match="not text"):
        tree.read("bin")
