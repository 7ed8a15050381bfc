"""What git knows about a missing file, asked of real repositories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.sync.git_history import RepoHistory
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout

PATH = "tasks/a.md"
FILE = f".cowork/{PATH}"


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def repo(user: Checkout) -> Iterator[Repo]:
    with user.open() as opened:
        yield opened


def test_a_commit_and_a_switch_back_to_where_head_was_are_seen_as_moves(user: Checkout, repo: Repo) -> None:
    history = RepoHistory(repo)
    user.git("branch", "elsewhere")
    position = history.reflog_position()
    made = user.commit("add", {FILE: "text\n"})
    user.git("switch", "-q", "elsewhere")
    assert history.last_commit_with(PATH, position) == made
    assert not history.descends(history.head(), made)
    assert history.reflog_position() != position


def test_before_the_place_nothing_counts(user: Checkout, repo: Repo) -> None:
    user.commit("add", {FILE: "text\n"})
    user.commit("remove", {FILE: None})
    history = RepoHistory(repo)
    assert history.last_commit_with(PATH, history.reflog_position()) == ""


def test_without_a_reflog_the_place_is_a_commit(user: Checkout, repo: Repo) -> None:
    made = user.commit("add", {FILE: "text\n"})
    (repo.git_dir / "logs" / "HEAD").unlink()
    history = RepoHistory(repo)
    assert history.reflog_position() == made
    assert history.last_commit_with(PATH, history.reflog_position()) == made
