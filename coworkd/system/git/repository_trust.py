"""Which repositories the user trusts, kept outside every repository.

A repository is known by three things together: the real path of its worktree, the inode of its git directory, and the
commit that its history begins with. So a copy, a moved folder, or another repository in the same place is not trusted
by accident. Must never read its answer from anything that a repository holds.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from coworkd.system.durable_files import replace_file
from coworkd.system.git import Repo
from coworkd.system.git.untrusted_config import wary_env

UNTRUSTED = "nothing runs here yet: read what this repository's settings and agents run, then say `coworkd trust`"
"""Why nothing happens in a repository that is not trusted."""

TRUST_REMOVED = (
    "nothing runs here any more: the state folder was removed, and with it your word that this repository is trusted;"
    " read what its settings and agents run, then say `coworkd trust`, and `coworkd ready TASK` for what was at work"
)
"""Why nothing happens in a repository whose trust was lost while coworkd ran."""

_TIMEOUT = 600.0
_MOST = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """By what a repository is known again."""

    root: str
    inode: int
    beginning: str
    """The first commit; empty while there was none."""


class Trust:
    """Whether one repository is trusted. Until it is, `repo` runs nothing that its configuration names.

    Used by the writer thread alone.
    """

    def __init__(self, folder: Path, repo: Repo) -> None:
        """`folder` is where the user's decisions are kept."""
        self._repo = repo
        self._own_env = repo.env
        root = os.path.realpath(repo.root)
        self._file = folder / f"{sha256(os.fsencode(root)).hexdigest()[:32]}.json"
        self._untrusted_env = {**self._own_env, **wary_env(repo)}
        self._use_untrusted_config()
        self._holds = self._mark_matches()
        if self._holds:
            self._use_own_config()

    @property
    def holds(self) -> bool:
        """Whether the user has said that what this repository asks for may happen here."""
        return self._holds

    def was_lost(self) -> bool:
        """Whether the decision was removed since it was made, with the folder that it was kept in. True only once."""
        if not self._holds or self._file.exists():
            return False
        self._holds = False
        self._use_untrusted_config()
        return True

    def beginning(self) -> str:
        """The commit that the history begins with, empty while there is none; waits for git, in any thread."""
        arguments = ("rev-list", "--max-parents=0", "--first-parent", "HEAD", "--")
        return self._repo.run(*arguments, check=False, timeout=_TIMEOUT).text

    def give(self, beginning: str) -> None:
        """Trust the repository whose history begins there. It holds until the repository is another one."""
        self._write_mark(self._mark(beginning))
        self._holds = True
        self._use_own_config()

    def _mark_matches(self) -> bool:
        """Whether the stored decision is about this very repository."""
        kept = self._read_mark()
        if kept is None or kept != self._mark(kept.beginning):
            return False
        if kept.beginning:
            return self._repo.commit(kept.beginning) is not None
        if beginning := self.beginning():
            self._write_mark(self._mark(beginning))
        return True

    def _mark(self, beginning: str) -> _Mark:
        inode = os.stat(self._repo.common_dir).st_ino
        return _Mark(root=os.path.realpath(self._repo.root), inode=inode, beginning=beginning)

    def _read_mark(self) -> _Mark | None:
        """The stored decision; None for anything else that stands there."""
        try:
            with self._file.open("rb") as file:
                said: Any = json.loads(file.read(_MOST))
            return _Mark(root=str(said["root"]), inode=int(said["inode"]), beginning=str(said["beginning"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _write_mark(self, mark: _Mark) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self._file, (json.dumps(asdict(mark), ensure_ascii=True) + "\n").encode())

    def _use_untrusted_config(self) -> None:
        self._repo.add_environment(self._untrusted_env)

    def _use_own_config(self) -> None:
        self._repo.add_environment(self._own_env)
