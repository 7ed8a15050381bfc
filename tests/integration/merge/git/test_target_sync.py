from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coworkd.merge.git.integration import MergeCommit, Submission, candidate, land
from coworkd.merge.git.target_sync import LandedInTarget, TargetRefused, land_target
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout

INTEGRATION = "cowork/integration"


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def repo(user: Checkout) -> Iterator[Repo]:
    with user.open() as repo:
        yield repo


def landed(user: Checkout, repo: Repo, name: str, files: dict[str, str | None]) -> str:
    """Land a change on integration, which starts at main; main stays where it is."""
    tip = repo.commit(f"refs/heads/{INTEGRATION}")
    start = tip or user.git("rev-parse", "main")
    sub = user.branch(name, start, files)
    got = candidate(repo, start, Submission(task=name, attempt=1, number=1, commit=sub))
    assert isinstance(got, MergeCommit)
    number = len(user.git("for-each-ref", "refs/cowork/land").splitlines()) + 1
    assert land(repo, INTEGRATION, tip, got.commit, number)
    return got.commit


def test_landing_moves_the_checked_out_target_and_its_files(user: Checkout, repo: Repo) -> None:
    ours = landed(user, repo, "a", {"a.txt": "a\n", "src/one.txt": None})
    user.write("app.py", "an edit elsewhere\n")
    user.write("staged.txt", "staged\n")
    user.git("add", "staged.txt")
    user.write("untracked.txt", "u\n")
    assert land_target(repo, INTEGRATION, "main") == LandedInTarget(commit=ours, moved=True)
    assert user.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert user.git("rev-parse", "HEAD") == ours
    assert (user.root / "a.txt").read_text() == "a\n"
    assert not (user.root / "src" / "one.txt").exists()
    assert user.git("status", "--porcelain").splitlines() == ["M app.py", "A  staged.txt", "?? untracked.txt"]
    assert land_target(repo, INTEGRATION, "main") == LandedInTarget(commit=ours, moved=False)


@pytest.mark.parametrize("how", ["edited", "staged", "untracked", "ignored", "deleted"])
def test_local_changes_that_overlap_are_listed_and_left(user: Checkout, repo: Repo, how: str) -> None:
    landed(user, repo, "a", {"app.py": "landed\n", "new.txt": "landed\n", "keep.log/x": "landed\n", "n.txt": "n\n"})
    user.git("checkout", "-q", INTEGRATION)
    user.write("forced.log", "landed\n")
    user.git("add", "-f", "forced.log")
    user.git("commit", "-q", "-m", "forced")
    user.git("checkout", "-q", "main")
    path = {"untracked": "new.txt", "ignored": "forced.log"}.get(how, "app.py")
    if how == "deleted":
        (user.root / path).unlink()
    else:
        user.write(path, "mine\n")
    if how == "staged":
        user.git("add", path)
    before = user.state()
    got = land_target(repo, INTEGRATION, "main")
    assert isinstance(got, TargetRefused)
    assert f"would be overwritten: {path}; commit them" in got.reason
    assert user.state() == before
    assert how == "deleted" or (user.root / path).read_text() == "mine\n"


def test_an_obstacle_only_git_sees_is_refused_in_its_words(user: Checkout, repo: Repo) -> None:
    landed(user, repo, "a", {"place/file.txt": "landed\n"})
    user.write("place", "a file where a folder has to be\n")
    before = user.state()
    got = land_target(repo, INTEGRATION, "main")
    assert isinstance(got, TargetRefused)
    assert "place" in got.reason
    assert user.state() == before


@pytest.mark.parametrize("untracked", ["place.log", "place.log/in/it"])
def test_an_ignored_file_where_the_landing_needs_the_place_is_kept(user: Checkout, repo: Repo, untracked: str) -> None:
    arriving = "place.log/file.txt" if untracked == "place.log" else "place.log"
    start = user.git("rev-parse", "main")
    user.write(arriving, "landed\n")
    user.git("add", "-f", arriving)
    user.git("commit", "-q", "-m", "forced")
    user.git("branch", INTEGRATION)
    user.git("reset", "-q", "--hard", start)
    user.write(untracked, "mine\n")
    before = user.state()
    got = land_target(repo, INTEGRATION, "main")
    assert isinstance(got, TargetRefused)
    assert "would be overwritten: place.log;" in got.reason
    assert user.state() == before
    assert (user.root / untracked).read_text() == "mine\n"


def test_ignored_files_in_a_folder_that_becomes_a_file_are_kept(user: Checkout, repo: Repo) -> None:
    user.git("rm", "-q", "-r", "src")
    user.commit("a file", {"src": "a file now\n"})
    user.git("branch", INTEGRATION)
    user.git("reset", "-q", "--hard", "HEAD^")
    user.write("src/mine.log", "mine\n")
    got = land_target(repo, INTEGRATION, "main")
    assert isinstance(got, TargetRefused)
    assert "would be overwritten: src/mine.log;" in got.reason
    assert (user.root / "src/mine.log").read_text() == "mine\n"
    (user.root / "src/mine.log").unlink()
    assert isinstance(land_target(repo, INTEGRATION, "main"), LandedInTarget)
    assert (user.root / "src").read_text() == "a file now\n"


@pytest.fixture
def while_reading(user: Checkout) -> Callable[[str, str], None]:
    """Has git run a command of the user's when it reads (`clean`) or writes (`smudge`) `filtered.txt`."""

    def run(when: str, command: str) -> None:
        program = user.root / ".git" / "filter"
        program.write_text(f"#!/bin/sh\ncd '{user.root}'\nunset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE\n{command}\ncat\n")
        program.chmod(0o755)
        user.write(".git/info/attributes", "filtered.txt filter=own\n")
        user.git("config", f"filter.own.{when}", str(program))

    return run


@pytest.mark.parametrize("switch", ["switch -c topic", "symbolic-ref HEAD refs/heads/other", "checkout --detach"])
def test_a_switch_of_branches_between_the_look_and_the_move_is_seen(
    user: Checkout, repo: Repo, while_reading: Callable[[str, str], None], switch: str
) -> None:
    user.commit("filtered", {"filtered.txt": "one\n"})
    user.git("branch", "other")
    main = user.git("rev-parse", "main")
    landed(user, repo, "a", {"a.txt": "a\n"})
    while_reading("clean", f"git {switch} >/dev/null 2>&1")
    user.write("filtered.txt", "one\n")  # has to be read: its times are others
    got = land_target(repo, INTEGRATION, "main")
    assert isinstance(got, TargetRefused)
    assert got.moving
    assert "was checked out at this moment, not main" in got.reason
    assert not (user.root / "a.txt").exists()
    names = ("main", "other", *(["topic"] if "topic" in switch else []))
    assert {user.git("rev-parse", name) for name in names} == {main}
    assert user.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    "switch", ["switch -c topic", "symbolic-ref HEAD refs/heads/other", "update-ref HEAD cowork/integration"]
)
def test_nobody_can_switch_branches_while_the_files_are_moved(
    user: Checkout, repo: Repo, while_reading: Callable[[str, str], None], switch: str
) -> None:
    user.git("branch", "other")
    ours = landed(user, repo, "a", {"filtered.txt": "a\n"})
    other = user.git("rev-parse", "other")
    while_reading("smudge", f"git {switch} >/dev/null 2>'{user.root}/.git/said'; echo $? > '{user.root}/.git/exit'")
    assert land_target(repo, INTEGRATION, "main") == LandedInTarget(commit=ours, moved=True)
    assert (user.root / ".git/exit").read_text() != "0\n"
    assert "lock" in (user.root / ".git/said").read_text()
    assert user.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert user.git("rev-parse", "main", "other").split() == [ours, other]
    assert user.git("status", "--porcelain") == ""


def test_a_move_of_the_target_is_logged_and_can_be_undone_by_its_owner(user: Checkout, repo: Repo) -> None:
    before = user.git("rev-parse", "main")
    ours = landed(user, repo, "a", {"a.txt": "a\n"})
    assert isinstance(land_target(repo, INTEGRATION, "main"), LandedInTarget)
    assert user.git("rev-parse", "ORIG_HEAD") == before
    for name in ("HEAD", "main"):
        assert user.git("reflog", "-1", "--format=%H %gs", name) == f"{ours} coworkd land: {ours}"
    user.git("reset", "-q", "--hard", "ORIG_HEAD")
    assert user.git("rev-parse", "main") == before


def test_files_that_a_landing_left_half_way_are_landed(user: Checkout, repo: Repo) -> None:
    ours = landed(user, repo, "a", {"a.txt": "a\n", "app.py": "landed\n", "src/one.txt": None})
    user.git("read-tree", "-m", "-u", "main", ours)  # and the daemon is killed before the branch moves
    user.write("src/two.txt", "mine\n")
    assert land_target(repo, INTEGRATION, "main") == LandedInTarget(commit=ours, moved=True)
    assert user.git("status", "--porcelain") == "M src/two.txt"


def test_another_program_that_holds_a_lock_is_named(user: Checkout, repo: Repo) -> None:
    ours = landed(user, repo, "a", {"a.txt": "a\n"})
    before = user.git("rev-parse", "main")
    lock = user.root / ".git" / "index.lock"
    lock.touch()
    got = land_target(repo, INTEGRATION, "main")
    assert isinstance(got, TargetRefused)
    assert "index.lock" in got.reason
    lock.unlink()
    assert user.git("rev-parse", "main") == before
    assert not (user.root / ".git" / "HEAD.lock").exists()
    assert land_target(repo, INTEGRATION, "main") == LandedInTarget(commit=ours, moved=True)


def test_a_target_with_commits_of_its_own_is_not_landed_on(user: Checkout, repo: Repo) -> None:
    landed(user, repo, "a", {"a.txt": "a\n"})
    user.commit("by a person", {"b.txt": "b\n"})
    before = user.state()
    assert land_target(repo, INTEGRATION, "main") == TargetRefused(
        reason="main has commits that cowork/integration lacks: they have to be brought in first", moving=True
    )
    assert user.state() == before


@pytest.mark.parametrize("detached", [False, True])
def test_another_branch_checked_out_is_refused_unless_it_is_meant(user: Checkout, repo: Repo, detached: bool) -> None:
    ours = landed(user, repo, "a", {"a.txt": "a\n"})
    user.git("checkout", "-q", *(["--detach"] if detached else ["-b", "mine"]))
    got = land_target(repo, INTEGRATION, "main")
    here = "a detached HEAD" if detached else "mine"
    assert got == TargetRefused(reason=f"{here} is checked out, not main: switch to main, or land with --onto main")
    head = user.git("rev-parse", "HEAD")
    assert land_target(repo, INTEGRATION, "main", onto=True) == LandedInTarget(commit=ours, moved=True)
    assert user.git("rev-parse", "main", "HEAD").split() == [ours, head]
    assert user.git("status", "--porcelain") == ""


@pytest.mark.parametrize("onto", [False, True])
def test_a_target_checked_out_in_another_worktree_is_refused(
    user: Checkout, repo: Repo, tmp_path: Path, onto: bool
) -> None:
    landed(user, repo, "a", {"a.txt": "a\n"})
    main = user.git("rev-parse", "main")
    user.git("checkout", "-q", "-b", "mine")
    user.git("worktree", "add", "-q", str(tmp_path / "side"), "main")
    got = land_target(repo, INTEGRATION, "main", onto=onto)
    assert got == TargetRefused(
        reason=f"main is checked out in {tmp_path / 'side'}: type `git merge --ff-only cowork/integration` there,"
        " or switch it to another branch and land again"
    )
    assert user.git("rev-parse", "main") == main
    shutil.rmtree(tmp_path / "side")
    got = land_target(repo, INTEGRATION, "main", onto=True)
    assert isinstance(got, TargetRefused)
    assert "which is gone: `git worktree prune` forgets it" in got.reason
    user.git("worktree", "prune")
    assert isinstance(land_target(repo, INTEGRATION, "main", onto=True), LandedInTarget)


def test_a_target_that_another_worktree_is_rebasing_is_refused(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    landed(user, repo, "a", {"a.txt": "a\n"})
    user.git("checkout", "-q", "-b", "mine")
    side = tmp_path / "side"
    user.git("worktree", "add", "-q", str(side), "main")
    user.git("-C", str(side), "bisect", "start")
    user.git("-C", str(side), "checkout", "-q", "--detach")
    got = land_target(repo, INTEGRATION, "main", onto=True)
    assert isinstance(got, TargetRefused)
    assert got.reason.startswith("main is checked out in another worktree, in the middle of a rebase or a bisect: ")


@pytest.mark.parametrize("operation", ["merge", "rebase", "cherry-pick", "bisect"])
def test_an_operation_under_way_is_refused(user: Checkout, repo: Repo, operation: str) -> None:
    start = user.git("rev-parse", "main")
    other = user.branch("other", start, {"app.py": "theirs\n"})
    user.commit("mine", {"app.py": "mine\n"})
    landed(user, repo, "a", {"a.txt": "a\n"})
    arguments = ["start"] if operation == "bisect" else [other]
    subprocess.run(["git", operation, *arguments], cwd=user.root, capture_output=True, check=False)
    before = user.state()
    got = land_target(repo, INTEGRATION, "main")
    if operation == "bisect":
        user.git("bisect", "bad")
        got = land_target(repo, INTEGRATION, "main")
        before = user.state()
    assert got == TargetRefused(reason=f"a {operation} is under way: finish it or abort it first")
    assert user.state() == before


def test_hooks_do_not_run_when_landing(user: Checkout, repo: Repo) -> None:
    landed(user, repo, "a", {"a.txt": "a\n"})
    proof = user.root / "ran.log"
    for name in ("post-merge", "pre-merge-commit", "reference-transaction", "post-checkout"):
        user.write(f".git/hooks/{name}", f"#!/bin/sh\ntouch '{proof}'\n").chmod(0o755)
    assert isinstance(land_target(repo, INTEGRATION, "main"), LandedInTarget)
    assert not proof.exists()


def test_nothing_to_land_from_is_said(repo: Repo) -> None:
    assert land_target(repo, INTEGRATION, "main") == TargetRefused(
        reason="there is no commit on cowork/integration yet"
    )
