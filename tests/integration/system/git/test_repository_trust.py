"""Whose repository is trusted, on real repositories: copies, moves and replacements are not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from coworkd.system.git import Repo
from coworkd.system.git.repository_trust import Trust
from tests.integration.gitkit import Checkout, checkout


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "repo")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "state" / "trusted"


def holds(kept: Path, root: Path) -> bool:
    with Repo.open(root) as repo:
        return Trust(kept, repo).holds


def give(kept: Path, root: Path) -> None:
    with Repo.open(root) as repo:
        trust = Trust(kept, repo)
        trust.give(trust.beginning())


def test_nothing_is_trusted_until_its_user_says_so(user: Checkout, kept: Path) -> None:
    assert not holds(kept, user.root)
    give(kept, user.root)
    assert holds(kept, user.root)
    user.commit("more", {"more.txt": "more\n"})
    user.git("checkout", "-q", "--orphan", "other")
    user.commit("another history")
    assert holds(kept, user.root), "another branch is not another repository"


def _copied(root: Path) -> Path:
    shutil.copytree(root, root.parent / "copy", symlinks=True)
    return root.parent / "copy"


def _moved(root: Path) -> Path:
    return root.rename(root.parent / "moved")


def _copied_into_place(root: Path) -> Path:
    aside = root.rename(root.parent / "aside")
    shutil.copytree(aside, root, symlinks=True)
    return root


def _git_dir_replaced(root: Path) -> Path:
    """As a hostile archive does that is unpacked over a checkout."""
    (root / ".git").rename(root / ".old")
    Checkout(root).git("init", "-q", "-b", "main")
    Checkout(root).git("config", "user.name", "Eve")
    Checkout(root).git("config", "user.email", "eve@example.org")
    Checkout(root).commit("evil")
    return root


def _history_replaced(root: Path) -> Path:
    other = checkout(root.parent / "other")
    other.git("commit", "-q", "--amend", "-m", f"another beginning than {root}")
    # Made in the same second, the commit that was amended is the one that is trusted: it must not be there at all.
    other.git("reflog", "expire", "--expire=now", "--all")
    other.git("gc", "-q", "--prune=now")
    for name in ("objects", "refs"):
        shutil.rmtree(root / ".git" / name)
        shutil.copytree(other.root / ".git" / name, root / ".git" / name)
    return root


def _pointer_to_it(root: Path) -> Path:
    hostile = root.parent / "hostile"
    hostile.mkdir()
    (hostile / ".git").write_text(f"gitdir: {root / '.git'}\n")
    return hostile


@pytest.mark.parametrize(
    "becomes", [_copied, _moved, _copied_into_place, _git_dir_replaced, _history_replaced, _pointer_to_it]
)
def test_another_repository_is_not_trusted_by_accident(
    user: Checkout, kept: Path, becomes: Callable[[Path], Path]
) -> None:
    user.commit("its own first words", {"own.txt": str(user.root)})
    give(kept, user.root)
    assert holds(kept, user.root)
    assert not holds(kept, becomes(user.root))


def test_trust_given_before_the_first_commit_stays(tmp_path: Path, kept: Path) -> None:
    user = Checkout(tmp_path / "new")
    user.root.mkdir()
    user.git("init", "-q", "-b", "main")
    give(kept, user.root)
    user.git("config", "user.name", "Anna")
    user.git("config", "user.email", "anna@example.org")
    user.commit("first")
    assert holds(kept, user.root)
    shutil.rmtree(user.root / ".git" / "objects")
    (user.root / ".git" / "objects").mkdir()
    assert not holds(kept, user.root), "it is bound to that first commit by now"


def test_a_record_that_makes_no_sense_is_no_trust(user: Checkout, kept: Path) -> None:
    give(kept, user.root)
    (file,) = kept.iterdir()
    for odd in (b"", b"[]", b"yes", b'{"root": 1}', b"\xff", b"[" * 100_000):
        file.write_bytes(odd)
        assert not holds(kept, user.root)


def test_until_then_no_filter_of_the_repository_runs(user: Checkout, kept: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    user.git("config", "filter.evil.clean", f"touch {ran}; cat")
    user.git("config", "filter.evil.required", "true")
    user.git("config", "core.fsmonitor", f"touch {ran}")
    user.write(".gitattributes", "*.md filter=evil\n")
    with Repo.open(user.root) as repo:
        trust = Trust(kept, repo)
        _hash(repo)
        assert not ran.exists()
        trust.give(trust.beginning())
        _hash(repo)
        assert ran.exists(), "the control: without that care it does"


def _hash(repo: Repo) -> None:
    repo.run("hash-object", "--stdin", "--path=a.md", stdin=b"text\n")
    repo.run("ls-files", "-z", "--modified")
