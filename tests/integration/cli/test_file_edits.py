"""A command changes a file that somebody saves at the same moment: both changes are in it, or the command refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.cli.file_edits import edit_header, write_new
from coworkd.cli.workspace import Workspace
from coworkd.core.errors import UserError
from coworkd.sync.disk.folder import Folder
from coworkd.system.paths_and_settings import Paths

TASK = "tasks/a.md"
BEFORE = "---\ntitle: a\nstatus: draft # mine\n---\nDo it.\n"
SAVED = BEFORE.replace("Do it.", "Do it well.")
REVIEW = "reviews/a.md"
ASKED = "---\napproval: pending\ncowork: {request: one}\n---\n"


class SavedMeanwhile(Folder):
    """A folder in which a person saves: `early` before the command compares, else right before the exchange."""

    def __init__(self, root: Path, saves: list[str], *, early: bool) -> None:
        super().__init__(root / ".cowork", root / "trash")
        self._saves = saves
        self._early = early

    def _save(self, path: str) -> None:
        if self._saves:
            self.absolute(path).write_text(self._saves.pop(0))

    def write_temporary(self, path: str, data: bytes, mode: int) -> str:
        made = super().write_temporary(path, data, mode)
        if self._early:
            self._save(path)
        return made

    def exchange(self, temporary: str, path: str) -> bool:
        if not self._early:
            self._save(path)
        return super().exchange(temporary, path)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    paths = Paths(root=tmp_path, private=tmp_path / "private", state=tmp_path / "state")
    for name, text in ((TASK, BEFORE), (REVIEW, ASKED)):
        file = paths.folder / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
    return Workspace(paths=paths)


def text(workspace: Workspace, name: str = TASK) -> str:
    return (workspace.paths.folder / name).read_text()


def left_over(workspace: Workspace) -> list[str]:
    return [path.name for path in (workspace.paths.folder / "tasks").iterdir() if path.name != "a.md"]


def test_only_the_value_changes(workspace: Workspace) -> None:
    (workspace.paths.folder / TASK).chmod(0o640)
    edit_header(workspace, TASK, {("status",): "ready"})
    assert text(workspace) == BEFORE.replace("draft", "ready")
    assert (workspace.paths.folder / TASK).stat().st_mode & 0o777 == 0o640
    assert left_over(workspace) == []


@pytest.mark.parametrize("early", [True, False], ids=["before it compares", "before it exchanges"])
def test_the_edit_is_made_again_on_what_a_person_saved(workspace: Workspace, *, early: bool) -> None:
    folder = SavedMeanwhile(workspace.paths.root, [SAVED], early=early)
    edit_header(workspace, TASK, {("status",): "ready"}, folder)
    assert text(workspace) == SAVED.replace("draft", "ready")
    assert left_over(workspace) == []


@pytest.mark.parametrize("early", [True, False], ids=["before it compares", "before it exchanges"])
def test_a_file_that_is_saved_again_and_again_is_left_to_its_writer(workspace: Workspace, *, early: bool) -> None:
    saves = [SAVED.replace("well", f"{number} times") for number in range(100)]
    with pytest.raises(UserError, match="being saved by another program: nothing was changed; try again"):
        edit_header(workspace, TASK, {("status",): "ready"}, SavedMeanwhile(workspace.paths.root, saves, early=early))
    assert "draft # mine" in text(workspace)
    assert " times." in text(workspace)
    assert left_over(workspace) == []


def test_an_answer_is_not_given_to_a_request_that_came_meanwhile(workspace: Workspace) -> None:
    folder = SavedMeanwhile(workspace.paths.root, [ASKED.replace("one", "two")], early=True)
    with pytest.raises(UserError, match=r"\.cowork/reviews/a\.md changed while your answer was being saved: read it"):
        edit_header(workspace, REVIEW, {("approval",): "approved"}, folder)
    assert text(workspace, REVIEW) == ASKED.replace("one", "two")


def test_a_file_that_is_not_there_or_a_link_is_named(workspace: Workspace) -> None:
    with pytest.raises(UserError, match=r"tasks/b\.md cannot be read: no such file"):
        edit_header(workspace, "tasks/b.md", {("status",): "ready"})
    (workspace.paths.folder / "tasks/b.md").symlink_to("a.md")
    with pytest.raises(UserError, match=r"tasks/b\.md is a symbolic link"):
        edit_header(workspace, "tasks/b.md", {("status",): "ready"})


def test_a_new_file_takes_no_name_that_is_taken(workspace: Workspace) -> None:
    assert not write_new(workspace, TASK, b"new")
    assert text(workspace) == BEFORE
    assert write_new(workspace, "tasks/b.md", b"new")
    assert text(workspace, "tasks/b.md") == "new"
    assert left_over(workspace) == ["b.md"]


def test_an_answer_is_written_only_where_its_request_is_asked(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="read it, and answer again"):
        edit_header(workspace, REVIEW, {("approval",): "approved"}, request="two")
    assert text(workspace, REVIEW) == ASKED
    edit_header(workspace, REVIEW, {("approval",): "approved"}, request="one")
    assert text(workspace, REVIEW) == ASKED.replace("pending", "approved")
