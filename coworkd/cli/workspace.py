"""A command's hold on the workspace: where it is, reading its database, asking its daemon."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from coworkd.config import FOLDER, Paths, home, paths
from coworkd.door import Op, Reply, ask
from coworkd.errors import BusyError, NotAWorkspaceError, UsageError, UserError
from coworkd.store import Database, TaskRow

PATIENCE = 30.0
"""Seconds for which a command waits for another process that holds the workspace and does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A workspace that exists."""

    paths: Paths

    def pid(self) -> int | None:
        """The daemon's process id while one answers."""
        try:
            return int(self.paths.pid.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def perform(self, op: Op, subject: str = "") -> Reply:
        """Have the daemon do something; with it down, do it here in one turn that starts nothing.

        Another command's turn, or a daemon that is still starting, is waited for. Raises `BusyError`.
        """
        until = time.monotonic() + PATIENCE
        while (reply := ask(self.paths.socket, op, subject)) is None:
            from coworkd.bootstrap import once

            try:
                return once(self.paths, op, subject)
            except BusyError:
                if time.monotonic() > until:
                    raise
            time.sleep(0.05)
        return reply

    def demand(self, op: Op, subject: str = "") -> str:
        """Like `perform`; raises `UserError` when it was refused."""
        reply = self.perform(op, subject)
        if not reply.ok:
            raise UserError(reply.text)
        return reply.text

    @contextmanager
    def reading(self) -> Generator[Database]:
        """The database as of now: whatever was saved before this call is in it."""
        self.perform(Op.LOOK)
        db = Database(self.paths.database, read_only=True)
        try:
            yield db
        finally:
            db.close()


def here(start: Path | None = None) -> Workspace:
    """The workspace that holds the present folder. Raises `NotAWorkspaceError` when there is none."""
    root, common = settled(start or Path.cwd())
    if not (root / FOLDER).is_dir() and not (common / "cowork").is_dir():
        raise NotAWorkspaceError(f"no {FOLDER}/ in {root}: run `coworkd init` there")
    return Workspace(paths=paths(root, common))


def find(workspace: Workspace, name: str) -> TaskRow:
    """The task of this id, title, file or unambiguous beginning of an id. Raises `UserError`, `UsageError`."""
    with workspace.reading() as db:
        exact = db.one(TaskRow, "id = ? OR path = ?", name, name.removeprefix(".cowork/"))
        if exact is not None:
            return exact
        close = db.all(TaskRow, "id LIKE ? ESCAPE '\\' ORDER BY id", _escaped(name) + "%")
    if len(close) == 1:
        return close[0]
    if close:
        raise UsageError(f"`{name}` is ambiguous: {', '.join(row.id for row in close[:8])}")
    raise UserError(f"there is no task `{name}`; `coworkd list` shows them")


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def settled(start: Path) -> tuple[Path, Path]:
    """Like `find_repository`; raises `NotAWorkspaceError` where the workspace is in another worktree of the repository.

    One database cannot follow two folders: each would miss the other's files.
    """
    root, common = find_repository(start)
    other = home(common / "cowork")
    if other is not None and other != root and _is_of(other, common):
        raise NotAWorkspaceError(f"the workspace of this repository is in {other}: run coworkd there")
    return root, common


def _is_of(worktree: Path, common: Path) -> bool:
    """Whether a folder is still a worktree of the repository, and no other one has come into its place."""
    try:
        return find_repository(worktree) == (worktree, common)
    except (NotAWorkspaceError, OSError):
        return False


def find_repository(start: Path) -> tuple[Path, Path]:
    """Top of the worktree and the common git directory, found without starting git. Raises `NotAWorkspaceError`."""
    for folder in (start.resolve(), *start.resolve().parents):
        marker = folder / ".git"
        if marker.is_dir():
            return folder, marker
        if marker.is_file():
            return folder, _common_dir(folder, marker)
        if _is_git_dir(folder):
            raise NotAWorkspaceError(f"{folder} is a git directory without a worktree: go to a checkout of it")
    raise NotAWorkspaceError(f"{start} is not in a git repository: run `git init`, then `coworkd init`")


def _is_git_dir(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def _common_dir(root: Path, marker: Path) -> Path:
    """Where a linked worktree's pointer file leads."""
    pointer = marker.read_text().strip().removeprefix("gitdir: ")
    private = (root / pointer).resolve()
    shared = private / "commondir"
    return (private / shared.read_text().strip()).resolve() if shared.exists() else private
