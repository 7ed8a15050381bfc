"""Fifty submissions merged and landed, one on top of the other: with the proof of each, without their verification.

Beside it the bare plumbing (three git processes a merge, nothing proven), and `git merge` in a worktree. Nothing is
synced to disk by any of them: that costs all the same.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.bench import Bench, cleared
from benchmarks.table import Row
from coworkd.merge.candidate_pipeline import pin_candidate
from coworkd.merge.git.candidates import find_merge_sources, merge_submission
from coworkd.merge.git.integration import MergeCommit, Submission, land
from coworkd.merge.git.loss_check import prove_merge
from coworkd.system.git import Repo

FILES, SUBMISSIONS = 2000, 50
_BRANCHES = {"ours": "cowork/ours", "plumbing": "cowork/plumbing", "merge": "cowork/merge"}


def merges(bench: Bench) -> Iterator[Row]:
    """Milliseconds of a merge."""
    root = _repository(bench.place / "merging")
    ours = _with_proof(root)
    plumbing = _by_plumbing(root)
    worktree = _in_worktree(root, bench.place / "merging-worktree")
    assert len({_git(root, "rev-parse", f"{branch}^{{tree}}") for branch in _BRANCHES.values()}) == 1
    yield Row(
        subject=f"a merge of {SUBMISSIONS}, proven and landed", ours=ours, unit="ms", beside="bare plumbing",
        theirs=plumbing, most=2.0,
    )  # fmt: skip
    yield Row(
        subject=f"a merge of {SUBMISSIONS}, proven and landed", ours=ours, unit="ms",
        beside="`git merge` in a worktree", theirs=worktree, least=3.0,
    )  # fmt: skip


def _repository(root: Path) -> Path:
    """A repository of many files, with branches that change one file each, made from the same commit."""
    cleared(root)
    _git(root, "init", "--quiet", "--initial-branch=main")
    for name, value in (("core.fsync", "none"), ("user.name", "Ann"), ("user.email", "ann@example.org")):
        _git(root, "config", name, value)
    for number in range(FILES):
        file = root / f"part{number // 100:02d}" / f"file{number:04d}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"file {number}\n" * 20)
    _git(root, "add", ".")
    _git(root, "commit", "--quiet", "--message", "Start")
    for number in range(SUBMISSIONS):
        _git(root, "checkout", "--quiet", "-b", f"work{number}", "main")
        (root / f"part{number % 20:02d}" / f"file{(number % 20) * 100 + number:04d}.txt").write_text(f"work {number}\n")
        _git(root, "commit", "--quiet", "--all", "--message", f"Work {number}")
    _git(root, "checkout", "--quiet", "main")
    for branch in _BRANCHES.values():
        _git(root, "branch", branch, "main")
    return root


def _with_proof(root: Path) -> float:
    with closing(Repo.open(root)) as repo:
        commits = [repo.commit(f"refs/heads/work{number}") or "" for number in range(SUBMISSIONS)]
        base = repo.commit("refs/heads/main") or ""
        began = time.perf_counter()
        for number, commit in enumerate(commits):
            _land_one(repo, number, base, commit)
        return 1000 * (time.perf_counter() - began) / SUBMISSIONS


def _land_one(repo: Repo, number: int, base: str, commit: str) -> None:
    """`base`: what the submission was made on, which is recorded with it."""
    branch = _BRANCHES["ours"]
    tip = repo.commit(f"refs/heads/{branch}") or ""
    sources = find_merge_sources(repo, tip=tip, target="main", base=base, commit=commit)
    merged = merge_submission(repo, tip, Submission(task=f"t{number}", attempt=1, number=1, commit=commit), sources)
    assert isinstance(merged, MergeCommit)
    pin_candidate(repo, merged.commit)
    assert prove_merge(repo, sources.ours, sources.theirs, sources.base, merged.commit).ok
    assert land(repo, branch, tip, merged.commit, number + 1)


def _by_plumbing(root: Path) -> float:
    branch = f"refs/heads/{_BRANCHES['plumbing']}"
    tip = _git(root, "rev-parse", branch)
    commits = [_git(root, "rev-parse", f"work{number}") for number in range(SUBMISSIONS)]
    began = time.perf_counter()
    for number, commit in enumerate(commits):
        tree = _git(root, "merge-tree", "--write-tree", tip, commit)
        made = _git(root, "commit-tree", tree, "-p", tip, "-p", commit, "-m", f"Land t{number}")
        _git(root, "update-ref", branch, made, tip)
        tip = made
    return 1000 * (time.perf_counter() - began) / SUBMISSIONS


def _in_worktree(root: Path, place: Path) -> float:
    _git(root, "worktree", "add", "--quiet", str(cleared(place) / "tree"), _BRANCHES["merge"])
    began = time.perf_counter()
    for number in range(SUBMISSIONS):
        _git(place / "tree", "merge", "--quiet", "--no-ff", "--no-edit", f"work{number}")
    return 1000 * (time.perf_counter() - began) / SUBMISSIONS


def _git(root: Path, *words: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(root.parent), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *words], cwd=root, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()
