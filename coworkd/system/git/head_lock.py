"""Moving the branch that is checked out, with HEAD locked by git itself.

Git takes the locks of HEAD and of the branch that it names in one transaction, and reads under them which branch that
is. While they are held no program can switch to another branch, commit, or move this one.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from coworkd.core.errors import RepoError
from coworkd.system.git.ref_writer import receive
from coworkd.system.git.repository import Repo
from coworkd.system.git.runner import InteractiveGit

_UPDATE_HEAD = ("update-ref", "-z", "--stdin", "-m")
_PREPARED, _COMMITTED = b"start: ok\nprepare: ok\n", b"commit: ok\n"


@dataclass(slots=True, eq=False)
class LockedHead:
    """HEAD and its branch, which move when `commit` is called, and else stay where they are."""

    git: InteractiveGit
    branch: str
    """The full name of the branch that is checked out; empty: HEAD is detached."""

    def commit(self) -> None:
        """Move the branch. RepoError where git has not said that it did."""
        self.git.questions.write(b"commit\0")
        self.git.questions.flush()
        if receive(self.git, _COMMITTED) != _COMMITTED:
            raise RepoError(f"git could not move {self.branch}: {_complaint(self.git)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadNotLocked:
    """HEAD is not where it was, or another program holds a lock; in git's words."""

    reason: str


@contextmanager
def head_locked(repo: Repo, *, old: str, new: str, log: str) -> Generator[LockedHead | HeadNotLocked]:
    """Lock HEAD, which has to be at `old`, and its branch until the end of the `with`.

    `new` is where `commit` moves it to, with `log` in the log of its moves; ORIG_HEAD is `old` then, as after a merge.
    """
    git = repo.start(*_UPDATE_HEAD, log)
    try:
        instructions = f"start\0update ORIG_HEAD\0{old}\0\0update HEAD\0{new}\0{old}\0prepare\0"
        git.questions.write(instructions.encode())
        git.questions.flush()
        if receive(git, _PREPARED) == _PREPARED:
            yield LockedHead(git, _branch_of_head(repo))
        else:
            yield HeadNotLocked(reason=_complaint(git))
    finally:
        git.end()


def _branch_of_head(repo: Repo) -> str:
    return repo.run("symbolic-ref", "-q", "HEAD", check=False).text


def _complaint(git: InteractiveGit) -> str:
    """What git says of a transaction that it has given up."""
    git.questions.close()
    return " ".join(os.fsdecode(git.complaints.read()).split())
