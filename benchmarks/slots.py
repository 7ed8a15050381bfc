"""A slot made from nothing, taken over from another task, and emptied before, beside worktrees and bare checkouts.

Every slot moves to another commit than the one before, with other content in a tenth of its files. The floor is what
no tool can do without: git writes the files that differ into a folder that is there. Package caches are copied for
every run: beside a copy of all their files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from benchmarks.bench import Bench, best, cleared
from benchmarks.table import Row
from coworkd.core.model import CacheTool, SandboxLevel
from coworkd.slots.package_caches import copy_caches
from coworkd.slots.slot import SlotAssignment, SlotRun, empty_slot, open_slot, record_run
from coworkd.system.git import Repo

FILES, CACHED = 2000, 3000


def creation(bench: Bench) -> Iterator[Row]:
    """Milliseconds until an agent could start."""
    root = _repository(bench.place / "slots")
    with closing(Repo.open(root)) as repo:
        made = _Slots(repo, cleared(bench.place / "slots-state"), root)
        trees = _Worktrees(root, cleared(bench.place / "slots-trees"))
        fresh, worktree, floor = best(bench.times, made.fresh, trees.add, trees.fill)
        used, worktree_again, move = best(bench.times, made.recycle, trees.add, trees.move)
        emptied, worktree_more, move_again = best(bench.times, made.take_emptied, trees.add, trees.move)
    add, least = "`git worktree add`", "git writing the files"
    for state, ours, theirs, bare, most in (
        ("made from nothing", fresh, worktree, floor, 1.5),
        ("used by another task", used, worktree_again, move, 0.5),
        ("emptied before", emptied, worktree_more, move_again, 0.25),
    ):
        subject = f"a slot of {FILES} files, {state}"
        yield Row(subject=subject, ours=1000 * ours, unit="ms", beside=add, theirs=1000 * theirs, most=most)
        yield Row(subject=subject, ours=1000 * ours, unit="ms", beside=least, theirs=1000 * bare)


def cache_copies(bench: Bench) -> Iterator[Row]:
    """Milliseconds of a copy of the npm cache, which every run and every verification gets."""
    state = cleared(bench.place / "slots-caches")
    for number in range(CACHED):
        file = state / f"caches/npm/_cacache/content-v2/sha512/{number % 256:02x}/{number // 256:02x}/{number:08x}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(20_000))
    linked, copied = best(
        bench.times,
        lambda: _timed(lambda: copy_caches(state, state / "slots/1", [CacheTool.NPM], SandboxLevel.BUBBLEWRAP)),
        lambda: _timed(lambda: shutil.copytree(state / "caches/npm", cleared(state / "plain") / "npm")),
    )
    yield Row(
        subject=f"a copy of a package cache of {CACHED} files of 20 kB", ours=1000 * linked, unit="ms",
        beside="copying them", theirs=1000 * copied, most=1.0,
    )  # fmt: skip


@dataclass(slots=True)
class _Slots:
    """Slots of coworkd's, each time for another task and another commit."""

    repo: Repo
    state: Path
    root: Path
    numbers: Iterator[int] = field(default_factory=count)

    def fresh(self) -> float:
        shutil.rmtree(self.state, ignore_errors=True)
        return _timed(lambda: self._open(next(self.numbers)))

    def recycle(self) -> float:
        seconds = _timed(lambda: self._open(next(self.numbers)))
        (self.state / "slots/1/work/left.txt").write_text("left by a task\n")
        return seconds

    def take_emptied(self) -> float:
        number = next(self.numbers)
        seconds = _timed(lambda: self._open(number))
        empty_slot(self.repo, self.state, 1, f"r{number}")
        return seconds

    def _open(self, number: int) -> None:
        base = self.repo.commit(f"refs/heads/side{number % 2}") or ""
        slot = open_slot(self.repo, self.state, 1, SlotAssignment(task=f"t{number}", agent="ann", base=base))
        record_run(slot, SlotRun(task=f"t{number}", run=f"r{number}", attempt=1, epoch=1))


@dataclass(slots=True)
class _Worktrees:
    """git's own, and bare checkouts."""

    root: Path
    place: Path
    numbers: Iterator[int] = field(default_factory=count)
    moves: Iterator[int] = field(default_factory=count)

    def add(self) -> float:
        number = next(self.numbers)
        words = ("worktree", "add", "--quiet", "--detach", str(self.place / f"tree{number}"), f"side{number % 2}")
        return _timed(lambda: _git(self.root, *words))

    def fill(self) -> float:
        number = next(self.numbers)
        index = {"GIT_INDEX_FILE": str(self.place / f"index{number}")}
        _git(self.root, "read-tree", f"side{number % 2}", **index)
        words = ("checkout-index", "--all", f"--prefix={self.place}/bare{number}/")
        return _timed(lambda: _git(self.root, *words, **index))

    def move(self) -> float:
        tree, side = self.place / "moved", next(self.moves) % 2
        if not tree.exists():
            _git(self.root, "worktree", "add", "--quiet", "--detach", str(tree), f"side{1 - side}")
        return _timed(lambda: _git(tree, "reset", "--quiet", "--hard", f"side{side}"))


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _repository(root: Path) -> Path:
    """Two branches that differ in a tenth of many files."""
    cleared(root)
    _git(root, "init", "--quiet", "--initial-branch=main")
    for name, value in (("core.fsync", "none"), ("user.name", "Ann"), ("user.email", "ann@example.org")):
        _git(root, "config", name, value)
    for side in range(2):
        for number in range(FILES):
            file = root / f"part{number // 100:02d}" / f"file{number:04d}.txt"
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"file {number} {side if number % 10 == 0 else ''}\n" * 100)
        _git(root, "add", ".")
        _git(root, "commit", "--quiet", "--message", f"Side {side}")
        _git(root, "branch", f"side{side}")
    return root


def _git(root: Path, *words: str, **more: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(root.parent), "GIT_CONFIG_NOSYSTEM": "1", **more}
    done = subprocess.run(["git", *words], cwd=root, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()
