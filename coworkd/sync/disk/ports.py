"""What sync needs of the world: a folder of files, and what git knows about them.

Two sides are real for each: `Folder` and `RepoHistory` for the daemon, the simulated ones for proving the engine. One
conformance suite holds both folders to the same promises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from coworkd.sync.disk.folder import FileStat, ReadResult


class Files(Protocol):
    """The files of one workspace and its trash. Paths are relative to `.cowork/`, with `/` between their parts.

    Reading never raises: what cannot be read is said in a value. The steps of a write raise `OSError`.
    """

    def exists(self) -> bool: ...

    def walk(self, below: str = "") -> Iterator[tuple[str, FileStat]]: ...

    def stat(self, path: str) -> FileStat | None: ...

    def read(self, path: str) -> ReadResult: ...

    def write_temporary(self, path: str, data: bytes, mode: int) -> str: ...

    def move_into_place(self, temporary: str, path: str) -> bool: ...

    def exchange(self, temporary: str, path: str) -> bool: ...

    def discard(self, path: str) -> None: ...

    def sync(self, path: str) -> None: ...

    def move_to_trash(self, temporary: str, name: str) -> None: ...

    def read_trashed(self, name: str) -> bytes | None: ...

    def publish(self, path: str, data: bytes) -> None: ...


class History(Protocol):
    """What git knows about the files of a workspace; paths as above. Commits are ids, empty for none."""

    def head(self) -> str: ...

    def reflog_position(self) -> str:
        """Where HEAD stands now, as a position in its reflog: HEAD may come back to a commit."""
        ...

    def stash(self) -> str: ...

    def operation(self) -> str:
        """`merge`, `rebase` ... while one is under way."""
        ...

    def index_lists(self, path: str) -> bool: ...

    def is_withheld(self, path: str) -> bool:
        """Whether git keeps the path out of the worktree for now: its index is locked, or the checkout sparse there."""
        ...

    def last_commit_with(self, path: str, since: str) -> str:
        """The latest commit that HEAD was at, from the position `since` on, in which the path is; empty for none."""
        ...

    def descends(self, new: str, old: str) -> bool: ...

    def paths_from_git(self, files: Mapping[str, bytes]) -> frozenset[str]:
        """The paths at which git's index or a tip has these bytes, and no commit made here has put them there."""
        ...

    def signer(self, path: str, data: bytes, /) -> str:
        """The signer of the commit that brought these bytes; empty: no signature that counts here."""
        ...
