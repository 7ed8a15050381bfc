"""Which bytes came by git: those that the index or a tip has at their path, unless a commit made here put them there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.sync.git_history import RepoHistory
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout
from tests.integration.workspacekit import TASK, Workspace

READY = "---\nstatus: ready\n---\nDo it.\n"


class Pair:
    """Two repositories: this one, and another one that it fetches from."""

    def __init__(self, root: Path) -> None:
        self.theirs = checkout(root / "theirs")
        self.theirs.git("clone", "-q", str(self.theirs.root), str(root / "ours"))
        self.ours = Checkout(root / "ours")
        self.ours.git("config", "user.name", "Ben")
        self.ours.git("config", "user.email", "ben@example.org")
        self.repo: Repo = self.ours.open()
        self.history = RepoHistory(self.repo)

    def foreign(self, path: str, text: str = READY) -> bool:
        return bool(self.history.paths_from_git({path: text.encode()}))

    def push(self, path: str, text: str = READY) -> None:
        self.theirs.commit(f"theirs: {path}", {f".cowork/{path}": text})

    def pull(self) -> None:
        self.ours.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.repo.close()


def test_what_was_pulled_is_foreign_at_its_path(pair: Pair) -> None:
    pair.push(TASK)
    pair.pull()
    assert pair.foreign(TASK)
    assert not pair.foreign("tasks/b.md"), "the same text typed at another path"
    assert not pair.foreign(TASK, READY.replace("Do", "I do"))


def test_text_that_git_has_elsewhere_or_had_once_was_typed_here(pair: Pair) -> None:
    pair.theirs.commit("an example", {"docs/example.md": READY})
    pair.push(TASK)
    pair.push(TASK, "Another text.\n")
    pair.pull()
    assert not pair.foreign("tasks/b.md")
    assert not pair.foreign(TASK), "no tip has it any more"


@pytest.mark.parametrize("path", [TASK, "tasks/日本語.md", "tasks/two\nlines.md", "tasks/sub/c:d.md"])
def test_every_tip_counts(pair: Pair, path: str) -> None:
    pair.push(path)
    assert not pair.foreign(path)
    pair.ours.git("fetch", "-q", str(pair.theirs.root), "main")
    assert pair.foreign(path), "FETCH_HEAD"
    (pair.ours.root / ".git" / "FETCH_HEAD").unlink()
    assert not pair.foreign(path)
    pair.ours.git("fetch", "-q", "origin")
    assert pair.foreign(path), "a remote branch"


def test_a_tag_counts(pair: Pair) -> None:
    pair.push(TASK)
    pair.theirs.git("tag", "-a", "v1", "-m", "v1")
    pair.theirs.git("reset", "-q", "--hard", "HEAD~1")
    pair.ours.git("fetch", "-q", "--tags", "origin")
    (pair.ours.root / ".git" / "FETCH_HEAD").unlink()
    assert pair.foreign(TASK)


def test_stashes_count_with_what_was_not_tracked(pair: Pair) -> None:
    pair.ours.write(f".cowork/{TASK}", READY)
    pair.ours.git("stash", "-q", "-u")
    pair.ours.write("app.py", "y = 2\n")
    pair.ours.git("stash", "-q", "-u")
    assert pair.foreign(TASK), "in an older one, too"


def test_what_was_committed_here_is_ours_and_an_index_that_changes_is_read_again(pair: Pair) -> None:
    assert not pair.foreign(TASK)
    pair.ours.write(f".cowork/{TASK}", READY)
    pair.ours.git("add", "-A")
    assert pair.foreign(TASK), "what is only in the index at first sight was not typed into the file"
    pair.ours.git("commit", "-q", "-m", "mine")
    assert not pair.foreign(TASK)


def test_a_file_that_a_commit_moves_keeps_where_it_came_from(pair: Pair) -> None:
    pair.push("tasks/theirs.md")
    pair.pull()
    pair.ours.commit("mine", {".cowork/tasks/mine.md": READY.replace("Do", "I do")})
    for name in ("theirs", "mine"):
        pair.ours.git("mv", f".cowork/tasks/{name}.md", f".cowork/tasks/{name}-2.md")
    pair.ours.git("commit", "-q", "-m", "moved")
    assert pair.foreign("tasks/theirs-2.md")
    assert not pair.foreign("tasks/mine-2.md", READY.replace("Do", "I do"))


def test_while_a_command_holds_the_index_everything_it_may_have_written_is_foreign(pair: Pair) -> None:
    pair.push(TASK)
    pair.push(TASK, "Another text.\n")
    pair.pull()
    assert not pair.foreign(TASK)
    lock = pair.ours.root / ".git" / "index.lock"
    lock.touch()
    assert pair.foreign(TASK)
    assert not pair.foreign(TASK, "Typed.\n")
    lock.unlink()
    assert not pair.foreign(TASK)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_a_foreign_file_that_is_moved_without_git_stays_foreign(place: Workspace) -> None:
    place.past.foreign.add(READY.encode())
    place.save(READY)
    place.turns(2)
    assert place.task().from_git
    place.past.foreign.clear()
    (place.root / TASK).rename(place.root / "tasks/b.md")
    place.engine.mark_dirty("tasks/b.md", place.now)
    place.turns(4)
    assert place.task("b").from_git
    assert place.document("tasks/b.md").from_git


def test_the_text_of_a_foreign_file_that_is_typed_elsewhere_is_ours(place: Workspace) -> None:
    place.past.foreign.add(READY.encode())
    place.save(READY)
    place.turns(2)
    place.past.foreign.clear()
    place.save(READY, "tasks/b.md")
    place.turns(2)
    assert not place.task("b").from_git


def test_text_that_was_typed_here_is_foreign_where_git_brings_it_to_another_path(place: Workspace) -> None:
    place.save(READY)
    place.turns(4)
    assert not place.task().from_git
    place.past.foreign.add(READY.encode())
    place.save(READY, "tasks/b.md")
    place.turns(2)
    assert place.task("b").from_git
    place.save(READY)
    place.turns(2)
    assert not place.task().from_git, "at its own path git may put it away and bring it back"


def test_text_that_was_typed_here_stays_ours_where_its_file_is_moved(place: Workspace) -> None:
    draft = READY.replace("ready", "draft")
    place.save(draft)
    place.turns(2)
    place.past.foreign.add(draft.encode())
    (place.root / TASK).rename(place.root / "tasks/b.md")
    place.engine.mark_dirty("tasks/b.md", place.now)
    place.turns(4)
    assert not place.task("b").from_git
