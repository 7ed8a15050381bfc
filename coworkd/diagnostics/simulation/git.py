"""A repository as far as it touches a workspace: branches, commits, a stash, and how each changes files one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from coworkd.diagnostics.simulation.disk import Disk
from coworkd.documents.decoding import kind_of

Tree = Mapping[str, bytes]

IGNORED = ("approvals/", "conflicts/")
MAIN, BARE = "main", "bare"
"""The branch that has the workspace, and the one that has never had it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    parent: int
    """0 for none."""
    tree: Tree
    here: bool
    """Made in this repository, not brought by a pull."""


Change = Callable[[], None]


@dataclass(slots=True)
class SimGit:
    """Answers what the engine asks of git, and makes the changes of git's commands as lists of small steps.

    A command that would overwrite what was not committed is refused, as git refuses it: its list is empty.
    """

    disk: Disk
    commits: dict[int, Commit] = field(default_factory=lambda: {1: Commit(parent=0, tree={}, here=True)})
    branches: dict[str, int] = field(default_factory=lambda: {MAIN: 1, BARE: 1})
    branch: str = MAIN
    index: dict[str, bytes] = field(default_factory=dict[str, bytes])
    stashes: list[dict[str, bytes]] = field(default_factory=list[dict[str, bytes]])
    under_way: str = ""
    busy: bool = False
    """A command holds the index lock; another one is refused."""
    log: list[int] = field(default_factory=lambda: [1])
    """Where HEAD has stood, oldest first."""
    put: Callable[[str, bytes], None] = lambda _path, _data: None
    """Hears what a command puts into files."""
    _stashed: int = 0
    _fetched: int = 0
    """The commit that FETCH_HEAD names; 0 for none."""

    # ---- the port

    def head(self) -> str:
        return str(self.branches[self.branch])

    def reflog_position(self) -> str:
        return str(len(self.log))

    def last_commit_with(self, path: str, since: str) -> str:
        heads = reversed(self.log[int(since) - 1 if since else -1 :])
        return next((str(commit) for commit in heads if path in self.commits[commit].tree), "")

    def stash(self) -> str:
        return str(self._stashed) if self.stashes else ""

    def operation(self) -> str:
        return self.under_way

    def index_lists(self, path: str) -> bool:
        return path in self.index

    def is_withheld(self, path: str) -> bool:
        return self.busy and bool(path)

    def descends(self, new: str, old: str) -> bool:
        at = int(new)
        while at and at != int(old):
            at = self.commits[at].parent
        return at != 0

    def paths_from_git(self, files: Mapping[str, bytes]) -> frozenset[str]:
        return frozenset(path for path, data in files.items() if self._came(path, data))

    def signer(self, _path: str, _data: bytes, /) -> str:
        """No commit of this repository is signed."""
        return ""

    def _came(self, path: str, data: bytes) -> bool:
        return self._holds(path, data) and not any(self._introduced(number, path, data) for number in self.commits)

    def _holds(self, path: str, data: bytes) -> bool:
        """Whether the index or a tip has these bytes there; while the index is locked, whether git has them at all."""
        tips = [self.commits[number].tree for number in (*self.branches.values(), self._fetched) if number]
        return any(tree.get(path) == data for tree in (self.index, *tips, *self.stashes)) or (
            self.busy and data in self.blobs()
        )

    def _introduced(self, number: int, path: str, data: bytes) -> bool:
        """Whether this commit was made here and put the bytes there; one that moved them only passes on where from."""
        commit = self.commits[number]
        before: Tree = self.commits[commit.parent].tree if commit.parent else {}
        if not commit.here or commit.tree.get(path) != data or before.get(path) == data:
            return False
        moved = [old for old, was in before.items() if was == data and old not in commit.tree]
        if not moved or path in before:
            return True
        return any(self._introduced(earlier, old, data) for old in moved for earlier in range(1, number))

    def blobs(self) -> list[bytes]:
        """Everything that git could give back."""
        return [data for tree in (*(c.tree for c in self.commits.values()), *self.stashes) for data in tree.values()]

    # ---- commands

    def commit(self) -> None:
        """`git add -A; git commit`: every document that is not ignored."""
        if self.busy:
            return
        tree = {path: self.disk.get(path).data for path in self.disk.paths() if _tracked(path)}
        self.index = dict(tree)
        if tree != self._tree():
            self._arrive(self._keep(Commit(parent=int(self.head()), tree=tree, here=True)))

    def switch(self, branch: str) -> list[Change]:
        """`git switch`: changes of the files first, then the index, then HEAD."""
        target = dict(self.commits[self.branches[branch]].tree)
        if self.busy or branch == self.branch or self._in_the_way(target):
            return []

        def arrive() -> None:
            self.index, self.branch = dict(target), branch
            self.log.append(self.branches[branch])

        return self._locked([*self._turn_into(target), arrive])

    def push_stash(self) -> list[Change]:
        """`git stash`: what differs from HEAD is put away, and HEAD's version comes back."""
        head = self._tree()
        found = {path: self.disk.data(path) for path in head}
        kept = {path: data for path, data in found.items() if data is not None and data != head[path]}
        if self.busy or not kept:
            return []
        self._stashed += 1
        self.stashes.append(kept)
        return self._locked([self._put(path, head[path]) for path in kept])

    def pop_stash(self) -> list[Change]:
        """`git stash pop`, refused where the files were changed since."""
        head = self._tree()
        if self.busy or not self.stashes or any(self.disk.data(p) != head.get(p) for p in self.stashes[-1]):
            return []
        kept = self.stashes[-1]

        def drop() -> None:
            self.stashes.remove(kept)

        return self._locked([*(self._put(path, data) for path, data in kept.items()), drop])

    def pull(self, changes: Mapping[str, bytes | None]) -> list[Change]:
        """`git pull --ff-only` of one commit made elsewhere; None deletes."""
        tree = dict(self._tree())
        for path, data in changes.items():
            if data is None:
                tree.pop(path, None)
            else:
                tree[path] = data
        if self.busy or tree == self._tree() or self._in_the_way(tree):
            return []

        # What is fetched is known before any file changes.
        number = self._fetched = self._keep(Commit(parent=int(self.head()), tree=tree, here=False))

        def arrive() -> None:
            self.index = dict(tree)
            self._arrive(number)

        return self._locked([*self._turn_into(tree), arrive])

    # ---- inside

    def _tree(self) -> Tree:
        return self.commits[self.branches[self.branch]].tree

    def _keep(self, commit: Commit) -> int:
        number = len(self.commits) + 1
        self.commits[number] = commit
        return number

    def _arrive(self, commit: int) -> None:
        self.branches[self.branch] = commit
        self.log.append(commit)

    def _in_the_way(self, target: Tree) -> bool:
        """Whether a file that would be changed holds something that is not committed."""
        head = self._tree()
        changing = [p for p in {**head, **target} if head.get(p) != target.get(p)]
        return any(self.disk.data(path) != head.get(path) for path in changing)

    def _turn_into(self, target: Tree) -> list[Change]:
        head = self._tree()
        gone = [self._remove(path) for path in head if path not in target]
        return gone + [self._put(path, data) for path, data in target.items() if head.get(path) != data]

    def _locked(self, changes: list[Change]) -> list[Change]:
        self.busy = True

        def unlock() -> None:
            self.busy = False

        return [*changes, unlock]

    def _remove(self, path: str) -> Change:
        def change() -> None:
            if path in self.disk.names:
                self.disk.unlink(path)

        return change

    def _put(self, path: str, data: bytes) -> Change:
        """As git does it: the old file goes, a new one comes."""

        def change() -> None:
            if path in self.disk.names:
                self.disk.unlink(path)
            self.disk.create(path, data)
            self.put(path, data)

        return change


def _tracked(path: str) -> bool:
    return kind_of(path) is not None and not path.startswith(IGNORED)
