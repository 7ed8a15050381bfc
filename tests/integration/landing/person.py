"""A person who works in the repository with git alone, and what they expect to find there.

Each commit adds one file that is named like the commit, so that what is wanted, and what was dropped, can be read from
names. An act that git refuses, or that makes no sense as things are, changes nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.gitkit import Checkout
from tests.integration.landing.workplace import INTEGRATION

OWN = ("p", "h", "f")
"""First letters of what a person has committed: on the target, on integration, on a branch of their own."""
_NOT_THEIRS = {".git", ".cowork", "trash", "state"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """Everything that is the person's alone."""

    head: str
    index: bytes
    refs: tuple[str, ...]
    stash: str
    files: dict[str, bytes]


@dataclass
class Person:
    user: Checkout
    number: int = 0
    seen: set[str] = field(default_factory=set[str])
    """What was on the target at some time."""
    dropped: set[str] = field(default_factory=set[str])
    """What the person has taken away, and not brought back."""
    uncertain: set[str] = field(default_factory=set[str])
    """Commits on integration that it was deleted with."""
    handmade: set[str] = field(default_factory=set[str])
    """Commits on integration itself."""
    removed: set[str] = field(default_factory=set[str])
    """Tasks whose files the person has removed by a commit of their own."""

    @property
    def worktree(self) -> Path:
        return self.user.root.parent / "second"

    def __post_init__(self) -> None:
        self.belongings = self.look()

    # ---- looking

    def try_git(self, *args: str) -> bool:
        try:
            self.user.git(*args)
        except AssertionError:
            return False
        return True

    def git(self, *args: str) -> str:
        return self.user.git(*args)

    def files(self, ref: str) -> set[str]:
        """The names of the files of a branch, without `.txt`; none where it does not exist."""
        return self._names(ref) if self.commit_of(ref) else set()

    def files_merged(self, ref: str, other: str) -> set[str]:
        """What a branch has once it has taken in what the other one has."""
        if not self.commit_of(ref) or not self.try_git("merge-tree", "--write-tree", ref, other):
            return self.files(ref)
        return self._names(self.git("merge-tree", "--write-tree", ref, other))

    def _names(self, tree: str) -> set[str]:
        return {name.removesuffix(".txt") for name in self.git("ls-tree", "-r", "--name-only", tree).splitlines()}

    def subjects(self, ref: str) -> set[str]:
        return set(self.git("log", "--format=%s", ref).splitlines()) if self.commit_of(ref) else set()

    def commit_of(self, ref: str) -> str:
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{ref}")

    def branch(self) -> str:
        return self._text("HEAD").strip().removeprefix("ref: refs/heads/")

    def stands_on_integration(self) -> bool:
        """Whether a worktree does, so that no one else may move it."""
        return self.branch() == INTEGRATION or self.worktree.exists()

    def look(self) -> Belongings:
        listed = self.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags")
        index = self.user.root / ".git" / "index"
        return Belongings(
            head=self._text("HEAD"), index=index.read_bytes() if index.exists() else b"",
            refs=tuple(line for line in listed.splitlines() if "refs/heads/cowork/" not in line),
            stash=self._text("logs/refs/stash"), files=self._files(),
        )  # fmt: skip

    def _text(self, name: str) -> str:
        file = self.user.root / ".git" / name
        return file.read_text() if file.exists() else ""

    def _files(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for folder, folders, names in os.walk(self.user.root):
            folders[:] = [name for name in folders if name not in _NOT_THEIRS]
            for name in names:
                path = os.path.join(folder, name)
                if not name.startswith(("state.db", "epoch")):
                    with open(path, "rb") as file:
                        found[os.path.relpath(path, self.user.root)] = file.read()
        return found

    # ---- acting

    def do(self, act: str) -> None:
        """Nothing was touched meanwhile; then the act, and what it means."""
        self.check_untouched()
        before, integration = self.files(INTEGRATION), self.commit_of(INTEGRATION)
        getattr(self, act)()
        self._clean_up()
        self._take_stock(before, integration)
        self.belongings = self.look()

    def check_untouched(self) -> None:
        now = self.look()
        assert now == self.belongings, f"the person's own was touched:\n{self.belongings}\n{now}"

    def landed(self, *, moved: bool) -> None:
        """A landing was asked for: the target may have followed, with the files of its checkout; nothing else."""
        before, now = self.belongings, self.look()
        if not moved:
            self.check_untouched()
            return
        assert (before.head, before.stash) == (now.head, now.stash)
        rest = [{one for one in two.refs if not one.endswith(" refs/heads/main")} for two in (before, now)]
        assert rest[0] == rest[1]
        assert self.commit_of("main") == self.commit_of(INTEGRATION)
        old = next(line.split()[0] for line in before.refs if line.endswith(" refs/heads/main"))
        brought = set(self.git("log", "--format=%s", f"{old}..main").splitlines())
        back = self.dropped & (self.files("main") | brought)
        assert not back, f"came back by a landing: {sorted(back)}"
        changed = {path for path in now.files if before.files.get(path) != now.files[path]}
        assert changed.isdisjoint(path for path in before.files if path in self.edited())
        assert not {path for path in before.files.keys() - now.files.keys() if path in self.edited()}
        self._take_stock(self.files(INTEGRATION), self.commit_of(INTEGRATION))
        self.belongings = now

    def edited(self) -> set[str]:
        return {line[3:] for line in self.git("status", "--porcelain").splitlines()}

    def _clean_up(self) -> None:
        for mark, command in (
            ("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert"),
            ("rebase-merge", "rebase"),
        ):  # fmt: skip
            if (self.user.root / ".git" / mark).exists():
                self.git(command, "--abort")

    def _take_stock(self, before: set[str], integration: str) -> None:
        """What the act leaves of the person's own, and what it takes away."""
        on_main, after = _own(self.files("main")), self.commit_of(INTEGRATION)
        gone = self.seen - on_main
        if after != integration:
            there = self.files(INTEGRATION) | self.subjects(INTEGRATION) if after else set[str]()
            lost = _own(before) - there - on_main
            if not after:
                self.uncertain |= lost
            else:
                gone |= lost
                self.uncertain -= there
            self.dropped -= there
            gone -= there
            # It stands on integration by the person's own hand: whatever they do next, that it is not on main says nothing.
            self.seen -= there
        self.seen |= on_main
        self.dropped = (self.dropped | gone) - on_main
        self.uncertain -= on_main
        self.removed -= self.files("main")

    def name(self, kind: str) -> str:
        self.number += 1
        return f"{kind}{self.number}"

    # ---- on the branch that is checked out

    def commit(self) -> None:
        here = self.branch()
        name = self.name({"main": "p", INTEGRATION: "h"}.get(here, "f"))
        self.user.write(f"{name}.txt", f"{name}\n")
        self.git("add", f"{name}.txt")
        self.git("commit", "-q", "-m", name, "--", f"{name}.txt")
        if here == INTEGRATION:
            self.handmade.add(name)

    def amend(self) -> None:
        last = self.git("log", "-1", "--format=%s")
        if self.branch() != "main" or not last.startswith("p") or not self.try_git("rm", "-q", f"{last}.txt"):
            return
        name = self.name("p")
        self.user.write(f"{name}.txt", f"{name}\n")
        self.git("add", f"{name}.txt")
        self.git("commit", "-q", "--amend", "-m", name)

    def reset(self) -> None:
        if self.branch() == "main":
            self.try_git("reset", "-q", "--hard", "HEAD~1")

    def reset_far(self) -> None:
        if self.branch() == "main":
            self.try_git("reset", "-q", "--hard", "HEAD~2")

    def bring_back(self) -> None:
        """The reset was a mistake."""
        if self.branch() == "main" and (self.user.root / ".git" / "ORIG_HEAD").exists():
            self.try_git("reset", "-q", "--hard", "ORIG_HEAD")

    def rebase(self) -> None:
        """The last commit but one is left out."""
        parents = self.git("log", "-3", "--first-parent", "--format=%P").splitlines()
        if self.branch() == "main" and len(parents) == 3 and all(" " not in one for one in parents[:2]):
            self.try_git("rebase", "-q", "--onto", "HEAD~2", "HEAD~1")

    def merge_by_hand(self) -> None:
        self._take("merge", "-q", "--no-ff", "-m", "merged by hand", INTEGRATION)

    def fast_forward_by_hand(self) -> None:
        self._take("merge", "-q", "--ff-only", INTEGRATION)

    def squash(self) -> None:
        if self._take("merge", "-q", "--squash", INTEGRATION):
            self.git("commit", "-q", "--allow-empty", "-m", "squashed")

    def cherry_pick(self) -> None:
        """The latest commit of integration, a landing mostly."""
        self._take("cherry-pick", "--allow-empty", "-m", "1", INTEGRATION)

    def _take(self, *args: str) -> bool:
        if self.branch() != "main" or not self.commit_of(INTEGRATION):
            return False
        if self.try_git(*args):
            return True
        self._clean_up()
        return False

    def revert_by_hand(self) -> None:
        """What came last on the target is taken back by a commit."""
        if self.branch() != "main":
            return
        before = self.files("main")
        parents = self.git("log", "-1", "--format=%P").split()
        if parents and self.try_git("revert", "--no-edit", *(("-m", "1") if len(parents) > 1 else ()), "HEAD"):
            self.removed |= {name for name in before - self.files("main") if name.startswith("t")}

    # ---- with branches

    def switch(self) -> None:
        if self.branch() != "main":
            self.try_git("checkout", "-q", "main")
        elif self.commit_of("feature"):
            self.try_git("checkout", "-q", "feature")
        else:
            self.git("checkout", "-q", "-b", "feature")

    def detach(self) -> None:
        self.git("checkout", "-q", "--detach")

    def check_out_integration(self) -> None:
        if self.commit_of(INTEGRATION):
            self.try_git("checkout", "-q", INTEGRATION)

    def commit_on_integration(self) -> None:
        """And back to the branch from before."""
        back = self.branch()
        if self.commit_of(INTEGRATION) and self.commit_of(back) and self.try_git("checkout", "-q", INTEGRATION):
            self.commit()
            self.git("checkout", "-q", back)

    def force_main(self) -> None:
        """From another branch, as a forced push would."""
        if self.branch() != "main":
            self.try_git("branch", "-f", "main", "main~1")

    def force_main_to_feature(self) -> None:
        if self.branch() != "main" and self.commit_of("feature"):
            self.git("branch", "-f", "main", "feature")

    def delete_integration(self) -> None:
        self.try_git("branch", "-q", "-D", INTEGRATION)

    def move_integration_back(self) -> None:
        if self.commit_of(INTEGRATION):
            self.try_git("branch", "-f", INTEGRATION, f"{INTEGRATION}~1")

    def move_integration_to_main(self) -> None:
        self.try_git("branch", "-f", INTEGRATION, "main")

    # ---- with files and objects

    def edit(self) -> None:
        self.user.write("app.py", f"app {self.name('e')}\n")
        self.user.write("untracked.txt", "mine\n")

    def edit_what_lands(self) -> None:
        """Files of the latest tasks, whether they have reached the checkout or not."""
        for name in sorted(self.files(INTEGRATION)):
            if name.startswith("t"):
                self.user.write(f"{name}.txt", f"{name} {self.name('e')}\n")

    def add_worktree(self) -> None:
        """Integration stands in a second worktree, until that is removed."""
        if not self.try_git("worktree", "remove", "--force", str(self.worktree)):
            self.try_git("worktree", "add", "-q", str(self.worktree), INTEGRATION)

    def clean(self) -> None:
        self.git("clean", "-q", "-fd")

    def stage(self) -> None:
        self.edit()
        self.git("add", "app.py")

    def stash(self) -> None:
        self.try_git("stash", "push", "-q")

    def collect_garbage(self) -> None:
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git("gc", "-q", "--prune=now")


ACTS = (
    *("commit",) * 5, "amend", "amend", "reset", "reset", "reset_far", "bring_back", "rebase", "merge_by_hand",
    "fast_forward_by_hand", "squash", "squash", "cherry_pick", "cherry_pick", "revert_by_hand", "switch", "switch",
    "detach", "check_out_integration", "commit_on_integration", "commit_on_integration", "force_main",
    "force_main_to_feature", "delete_integration", "move_integration_back", "move_integration_to_main", "edit",
    "stage", "stash", "collect_garbage", "edit_what_lands", "add_worktree", "clean",
)  # fmt: skip


def _own(names: set[str]) -> set[str]:
    return {name for name in names if name[0] in OWN and name[1:].isdecimal()}
