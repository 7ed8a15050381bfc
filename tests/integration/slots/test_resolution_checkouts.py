"""The checkout in which a person resolves a conflict, and what is taken from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.slots.resolution_checkouts import (
    ResolutionCheckout,
    ResolutionRequest,
    TakenConflict,
    open_resolution,
    submit_resolution,
    workspace_of,
)
from coworkd.slots.submission import ImportedCommit, Rejected
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def repo(user: Checkout) -> Iterator[Repo]:
    with user.open() as repo:
        yield repo


class Desk:
    """A person at the checkout of a conflict between `mine` and `landed`."""

    def __init__(
        self, repo: Repo, user: Checkout, state: Path, mine: Mapping[str, str | None], landed: Mapping[str, str | None]
    ) -> None:
        self.repo, self.state = repo, state
        self.conflict = TakenConflict(
            task="t", root=str(user.root), commit=user.branch("mine", "main", mine),
            tip=user.branch("landed", "main", landed),
        )  # fmt: skip
        self.opened = self.open()
        self.work = Checkout(self.opened.work)

    def open(self) -> ResolutionCheckout:
        return open_resolution(self.repo, self.state, self.conflict)

    def submit(self, number: int = 2) -> ImportedCommit | Rejected:
        request = ResolutionRequest(conflict=self.conflict, number=number, message="Both\n\nCowork-Task: t")
        return submit_resolution(self.repo, self.state, request)

    def refused(self) -> str:
        outcome = self.submit()
        assert isinstance(outcome, Rejected), outcome
        return outcome.reason

    def taken(self) -> ImportedCommit:
        outcome = self.submit()
        assert isinstance(outcome, ImportedCommit), outcome
        return outcome


@pytest.fixture
def desk(repo: Repo, user: Checkout, tmp_path: Path) -> Desk:
    return Desk(repo, user, tmp_path / "state", {"app.py": "mine\n"}, {"app.py": "landed\n", "far.txt": "far\n"})


def test_the_conflict_is_checked_out_and_the_user_sees_nothing_of_it(
    user: Checkout, repo: Repo, tmp_path: Path
) -> None:
    desk = Desk(repo, user, tmp_path / "state", {"app.py": "mine\n"}, {"app.py": "landed\n", "far.txt": "far\n"})
    before = user.state()
    assert (desk.opened.unresolved, desk.opened.continued) == (("app.py",), False)
    assert "<<<<<<< HEAD\nmine\n=======\nlanded\n>>>>>>> " in (desk.opened.work / "app.py").read_text()
    assert (desk.opened.work / "far.txt").read_text() == "far\n"
    assert desk.work.git("config", "user.name") == "Anna"
    desk.work.write("app.py", "both\n")
    desk.work.git("add", "app.py")
    desk.taken()
    assert user.git("worktree", "list").count("\n") == 0
    after = user.state()
    assert {key for key in before if after[key] != before[key]} <= {"heads"}, "only the task's branch is new"


def test_what_is_staged_is_taken_and_nothing_else(user: Checkout, desk: Desk) -> None:
    desk.work.write("app.py", "both\n")
    desk.work.git("add", "app.py")
    desk.work.write("app.py", "both, and more that is not staged\n")
    desk.work.write("new.txt", "not staged\n")
    got = desk.taken()
    assert user.git("show", f"{got.commit}:app.py") == "both"
    assert user.git("diff", "--name-only", desk.conflict.tip, got.commit) == "app.py"
    assert user.git("rev-parse", f"{got.commit}^1", f"{got.commit}^2").split() == [
        desk.conflict.commit,
        desk.conflict.tip,
    ]
    assert user.git("rev-parse", "refs/cowork/sub/t/2") == got.commit
    assert user.git("show", "-s", "--format=%an|%B", got.commit) == "Anna|Both\n\nCowork-Task: t"
    assert desk.taken() == got, "taken once more, after a crash, it is the same commit"


def test_what_is_committed_is_taken(user: Checkout, desk: Desk) -> None:
    desk.work.write("app.py", "both\n")
    desk.work.git("commit", "-qam", "By hand")
    assert user.git("show", "-s", "--format=%s", desk.taken().commit) == "By hand"


def test_what_is_open_is_named_with_file_and_line(desk: Desk) -> None:
    assert "app.py:1: a conflict marker" in desk.refused()
    desk.work.write("app.py", "both\n")
    assert "app.py: not staged; `git add` it" in desk.refused()
    desk.work.write("app.py", "a\nb\n>>>>>>> landed\n")
    desk.work.git("add", "app.py")
    assert "app.py:3: a conflict marker" in desk.refused()
    desk.work.git("commit", "-qm", "with a marker")
    assert "app.py:3: a conflict marker" in desk.refused()


def test_a_file_that_shows_markers_on_one_side_may_go_on_to(repo: Repo, user: Checkout, tmp_path: Path) -> None:
    help_text = "A conflict looks like this:\n<<<<<<< HEAD\n>>>>>>> other\n"
    desk = Desk(
        repo, user, tmp_path / "state", {"app.py": "mine\n", "doc": help_text}, {"app.py": "l\n", "doc": "landed\n"}
    )  # fmt: skip
    desk.work.write("app.py", "both\n")
    desk.work.write("doc", f"{help_text}landed\n")
    desk.work.git("add", "-A")
    desk.taken()


def test_a_deletion_is_resolved_by_staging_it(repo: Repo, user: Checkout, tmp_path: Path) -> None:
    desk = Desk(repo, user, tmp_path / "state", {"app.py": None, "new.py": "n\n"}, {"app.py": "landed\n"})
    assert desk.opened.unresolved == ("app.py",)
    assert "app.py: not staged; `git add` it, or `git rm`" in desk.refused()
    desk.work.git("rm", "-q", "app.py")
    assert user.git("ls-tree", "--name-only", desk.taken().commit, "app.py") == ""


def test_a_merge_that_was_given_up_is_no_resolution(desk: Desk) -> None:
    desk.work.git("merge", "--abort")
    assert "`git merge refs/cowork/tip` in the checkout begins the merge again" in desk.refused()
    desk.work.git("reset", "-q", "--hard", "refs/cowork/tip")
    assert "does not build on the submission" in desk.refused()


def test_what_has_landed_alone_is_no_submission(desk: Desk) -> None:
    desk.work.git("checkout", "-q", "--theirs", "app.py")
    desk.work.git("add", "app.py")
    assert "`coworkd cancel t`" in desk.refused()


def test_opened_again_it_is_as_it_was_left_until_there_is_another_conflict(user: Checkout, desk: Desk) -> None:
    desk.work.write("app.py", "half\n")
    again = desk.open()
    assert (again.work, again.continued, again.unresolved) == (desk.opened.work, True, ("app.py",))
    assert (again.work / "app.py").read_text() == "half\n"
    desk.conflict = replace(desk.conflict, tip=user.branch("later", "landed", {"app.py": "later\n"}))
    assert "`coworkd resolve t` opens one" in desk.refused()
    fresh = desk.open()
    assert not fresh.continued
    assert "later" in (fresh.work / "app.py").read_text()
    kept = user.git("for-each-ref", "--format=%(refname)", "refs/cowork/snap/t").split()
    assert "half" in [user.git("show", f"{ref}:app.py") for ref in kept]


def test_a_folder_in_it_leads_to_the_workspace(user: Checkout, desk: Desk, tmp_path: Path) -> None:
    inside = desk.opened.work / "src"
    assert workspace_of(inside) == workspace_of(desk.opened.work) == user.root
    assert workspace_of(tmp_path) is None
