"""The import gate on real commits, made as an agent would that wants to get past it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.redaction import Secrets
from coworkd.slots.import_checks import MAX_DEPTH, MAX_PART_BYTES, MAX_PATH_BYTES, leads_out, path_reason
from coworkd.slots.slot import Slot, SlotAssignment, open_slot
from coworkd.slots.submission import ImportedCommit, Rejected, SubmissionOutcome, SubmissionRequest, submit
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout

CANARY = "cnry-7f3b91d2e8"
KEY = "AKIA" + "Q7RT4ZLMNB2K9XCV"


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def repo(user: Checkout) -> Iterator[Repo]:
    with user.open() as repo:
        yield repo


@pytest.fixture
def slot(user: Checkout, repo: Repo, tmp_path: Path) -> Slot:
    return open_slot(
        repo, tmp_path / "state", 1, SlotAssignment(task="t", agent="x", base=user.git("rev-parse", "HEAD"))
    )


@pytest.fixture
def work(slot: Slot) -> Checkout:
    return Checkout(slot.work)


def outcome(repo: Repo, slot: Slot) -> SubmissionOutcome:
    secrets = Secrets(frozenset({CANARY}))
    return submit(repo, slot, SubmissionRequest(number=1, message="Do the task\n", secrets=secrets))


def refused(repo: Repo, slot: Slot) -> str:
    got = outcome(repo, slot)
    assert isinstance(got, Rejected), got
    assert repo.commit("refs/cowork/sub/t/1") is None
    return got.reason


def entry(work: Checkout, path: str, mode: str = "100644", text: str = "x\n") -> None:
    """Committed by plumbing, past everything that `git add` refuses."""
    blob = work.git("hash-object", "-w", "--stdin", stdin=text)
    tree = work.git("ls-tree", "HEAD")
    made = work.git("mktree", "--missing", stdin=f"{tree}\n{mode} blob {blob}\t{path}\n")
    commit = work.git("commit-tree", made, "-p", "HEAD", "-m", "by plumbing")
    work.git("update-ref", "HEAD", commit)


@pytest.mark.parametrize(
    "name", [".GIT", ".git.", ".git ", "git~1", ".g\u200cit", "\uff0egit", ".git::$INDEX_ALLOCATION"]
)
def test_gits_own_folder_by_any_name_is_refused(repo: Repo, slot: Slot, work: Checkout, name: str) -> None:
    work.write("good.txt", "good\n")
    entry(work, name)
    assert "git's own folder" in refused(repo, slot)


@pytest.mark.parametrize("name", [".cowork", ".CoWork", ".cowork.", "\uff0ecowork", ".cowork\u200b"])
def test_the_workspace_by_any_name_is_left_out(repo: Repo, slot: Slot, work: Checkout, name: str) -> None:
    work.write("good.txt", "good\n")
    entry(work, name, text="---\napproval: approved\n---\n")
    got = outcome(repo, slot)
    assert isinstance(got, ImportedCommit)
    assert name in got.dropped_paths
    assert all("owork" not in line for line in work.git("ls-tree", "-r", "--name-only", got.commit).splitlines()
               if line != ".cowork/config.yaml")  # fmt: skip


@pytest.mark.parametrize("goal", ["/etc/passwd", "../outside", "a/../../outside"])
def test_links_that_lead_out_are_refused(repo: Repo, slot: Slot, work: Checkout, goal: str) -> None:
    os.symlink(goal, slot.work / "link")
    assert "leads out" in refused(repo, slot)


def test_a_link_that_was_there_for_one_commit_is_refused_too(repo: Repo, slot: Slot, work: Checkout) -> None:
    os.symlink("/etc/passwd", slot.work / "link")
    work.commit("in")
    (slot.work / "link").unlink()
    work.commit("out", {"other.txt": "x\n"})
    assert "leads out" in refused(repo, slot)


def test_links_within_come_in(repo: Repo, slot: Slot, work: Checkout) -> None:
    os.symlink("../app.py", slot.work / "src" / "link")
    assert isinstance(outcome(repo, slot), ImportedCommit)


def test_a_huge_file_is_refused(repo: Repo, slot: Slot, work: Checkout) -> None:
    with (slot.work / "huge.bin").open("wb") as file:
        file.truncate(101_000_000)
    assert "`huge.bin` has 101 MB" in refused(repo, slot)


def test_too_many_files_are_refused(repo: Repo, slot: Slot, work: Checkout) -> None:
    blob = work.git("hash-object", "-w", "--stdin", stdin="x\n")
    work.git("update-index", "--index-info", stdin="".join(f"100644 {blob}\tm/{n}\n" for n in range(20_001)))
    work.git("commit", "-q", "-m", "node_modules")
    work.write("good.txt", "good\n")
    assert "touches 2000" in refused(repo, slot)


def _in_a_file(work: Checkout) -> None:
    work.write("config.py", f'KEY = "{KEY}"\n')


def _by_value(work: Checkout) -> None:
    work.write("notes.md", f"the token is {CANARY}\n")


def _added_and_removed(work: Checkout) -> None:
    work.commit("in", {"config.py": f"{KEY}\n"})
    work.commit("out", {"config.py": "nothing\n"})


def _in_a_message(work: Checkout) -> None:
    work.commit(f"use {CANARY}", {"a.txt": "a\n"})


def _in_a_merge(work: Checkout) -> None:
    work.branch("side", "HEAD", {"side.txt": "side\n"})
    work.commit("main", {"main.txt": "main\n"})
    work.git("merge", "-q", "--no-commit", "side")
    work.commit("merged", {"evil.txt": f"{KEY}\n"})


@pytest.mark.parametrize("hide", [_in_a_file, _by_value, _added_and_removed, _in_a_message, _in_a_merge])
def test_a_secret_anywhere_in_the_history_is_refused_and_not_repeated(
    repo: Repo, slot: Slot, work: Checkout, hide: Callable[[Checkout], None]
) -> None:
    hide(work)
    why = refused(repo, slot)
    assert "an AWS key" in why or "handed over as a secret" in why
    assert KEY not in why
    assert CANARY not in why


def test_a_secret_that_was_there_before_is_no_reason(user: Checkout, repo: Repo, tmp_path: Path) -> None:
    base = user.commit("known", {"known.txt": f"{KEY}\nline\n"})
    slot = open_slot(repo, tmp_path / "state", 1, SlotAssignment(task="t", agent="x", base=base))
    Checkout(slot.work).write("known.txt", f"{KEY}\nanother line\n")
    assert isinstance(outcome(repo, slot), ImportedCommit)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("a/b.txt", ""), ("gitfoo", ""), (".github/x", ""), (".gitignore", ""), ("git~", ""), ("d/.git", "git's own"),
        ("a\\.GIT\\config", "git's own"), ("x" * (MAX_PART_BYTES + 1), "too long"), ("/".join(["a"] * (MAX_DEPTH + 1)), "too long"),
        ("/".join(["b" * 200] * (MAX_PATH_BYTES // 200 + 1)), "too long"), ("a/../b", "no path"), ("a//b", "no path"),
    ],
)  # fmt: skip
def test_odd_paths(path: str, why: str) -> None:
    assert (why in path_reason(path)) if why else path_reason(path) == ""


@given(st.lists(st.sampled_from(["a", "..", ".", "b"]), min_size=1).map("/".join))
def test_a_link_leads_out_exactly_when_following_it_does(goal: str) -> None:
    depth = 2
    for part in goal.split("/"):
        depth += {"..": -1, ".": 0}.get(part, 1)
        if depth < 0:
            break
    assert leads_out("d/e/link", goal) == (depth < 0)
