"""A command's hold on the workspace: where it is, reading its database, asking its daemon."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import click

from coworkd.core.announcement import Announcement
from coworkd.core.errors import BusyError, NotAWorkspaceError, UsageError, UserError
from coworkd.core.machine_faults import MachineFaultError
from coworkd.documents.typos import suggestion
from coworkd.store import Database, TaskRow
from coworkd.store.tasks import find_task_named, task_ids, tasks_with_prefix
from coworkd.system.control_client import PATIENCE, ControlClient, NoAnswerError
from coworkd.system.control_socket import ControlReply, Op
from coworkd.system.paths_and_settings import FOLDER, Paths, home, paths
from coworkd.system.process_state import read_pid_file

Answered = TypeVar("Answered", ControlReply, ControlReply | None)

_ASK_AGAIN_AFTER = 3.0
"""Seconds for which a daemon that did not answer is not asked again."""

READ_TIMEOUT = 2.0
"""Seconds for which a command that only reads waits for another program that holds the database."""


class Turns:
    """How long other commands are waited for that hold the workspace one after another.

    Each of them is given `each` seconds: a queue that moves is no process that hangs. All of them together get `total`.
    """

    def __init__(self, each: float, total: float, now: float) -> None:
        self._each = each
        self._end = now + total
        self._since = now
        self._holder: int | None = None

    def is_over(self, holder: int | None, now: float) -> bool:
        """Whether the process `holder`, which holds the workspace at `now`, is not waited for any longer."""
        if holder != self._holder:
            self._holder, self._since = holder, now
        return now > self._since + self._each or now > self._end


def _on_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


@dataclass(slots=True, kw_only=True)
class Workspace:
    """A workspace that exists."""

    paths: Paths
    no_answer: NoAnswerError | None = None
    """Why the daemon did not answer when it was asked last."""
    says_no_answer: bool = True
    """Whether that is said on standard error, once; not where it has a place in what is shown."""
    on_terminal: bool = dataclasses.field(default_factory=_on_terminal)
    """Whether a person gave the command on a terminal."""
    fault: str = ""
    """What keeps the daemon from its work, as it said when it was asked last; empty: nothing."""
    _asked_at: float = 0.0

    def pid(self) -> int | None:
        """The process id of the daemon, while it runs."""
        return read_pid_file(self.paths.pid)

    def client(self) -> ControlClient:
        return ControlClient(
            self.paths.sockets, self.paths.pid, lambda text: click.echo(f"coworkd: {text}", err=True)
        )  # fmt: skip

    def perform(self, op: Op, subject: str = "") -> ControlReply:
        """Have the daemon do something; with it down, do it here in one turn that starts nothing.

        Another command's turn, or a daemon that is still starting, is waited for. Raises `NoAnswerError`.
        """
        return self._remember_silence(lambda: self._perform(op, subject))

    def announce(self, path: str, data: bytes) -> None:
        """Tell a daemon at work what a command is about to write: it may see the file before the next request.

        With the daemon down nothing is told, and of one that does not answer the next request tells.
        """
        said = Announcement(path=path, sha=sha256(data).hexdigest(), on_terminal=self.on_terminal)
        with suppress(NoAnswerError):
            self._remember_silence(lambda: self.client().ask(Op.ANNOUNCE, said.text()))

    def _remember_silence(self, call: Callable[[], Answered]) -> Answered:
        """What the daemon answered. Raises `NoAnswerError`, which is said once."""
        if self.no_answer is not None and time.monotonic() < self._asked_at + _ASK_AGAIN_AFTER:
            raise self.no_answer
        try:
            reply = call()
        except NoAnswerError as error:
            if self.no_answer is None and self.says_no_answer:
                click.echo(f"coworkd: {error}", err=True)
            self.no_answer, self._asked_at = error, time.monotonic()
            raise
        self.no_answer = None
        return reply

    def _perform(self, op: Op, subject: str) -> ControlReply:
        client = self.client()
        turns = Turns(PATIENCE.acting, PATIENCE.working, time.monotonic())
        while (reply := client.ask(op, subject, on_terminal=self.on_terminal)) is None:
            from coworkd.daemon.lifecycle import once

            try:
                return once(self.paths, op, subject, on_terminal=self.on_terminal)
            except BusyError as error:
                client.refuse_suspended_holder()
                if turns.is_over(self.pid(), time.monotonic()):
                    raise client.no_answer_error("holds the workspace and takes no request") from error
            time.sleep(0.05)
        return reply

    def require(self, op: Op, subject: str = "") -> str:
        """Like `perform`, for what no file can say. Raises `UserError` when it was not done."""
        try:
            reply = self.perform(op, subject)
        except NoAnswerError as error:
            raise _not_done_error(error) from error
        if not reply.ok:
            raise UserError(reply.text)
        return reply.text

    def take_in(self, path: str) -> None:
        """Have the daemon act on a file that a command wrote. Raises `UserError` when only the file says it so far."""
        try:
            self.perform(Op.INGEST_NOW, path)
        except NoAnswerError as error:
            raise UserError(f"not done yet: {_written_note(path)}") from error

    def hand_over(self, path: str) -> None:
        """Like `take_in`, when the file is all that was asked for: with no answer from the daemon that is only said."""
        try:
            self.perform(Op.INGEST_NOW, path)
        except NoAnswerError:
            click.echo(f"coworkd: {_written_note(path)}", err=True)

    def require_answer(self) -> None:
        """Raises `UserError` when the daemon did not answer, before a person is asked in vain."""
        if self.no_answer is not None:
            raise _not_done_error(self.no_answer) from self.no_answer

    def _look(self) -> None:
        """Have the daemon take in what was saved; `fault` says why it could not."""
        try:
            reply = self.perform(Op.SYNC)
        except NoAnswerError as error:
            if not self.paths.database.exists():
                raise UserError(f"{error}; there is no database to read yet") from error
            return
        self.fault = "" if reply.ok else reply.text

    def _opened(self) -> Database:
        try:
            db = Database(self.paths.database, read_only=True, patience=READ_TIMEOUT)
            with contextlib.ExitStack() as refused:
                refused.callback(db.close)
                db.require_version()
                refused.pop_all()
        except MachineFaultError as error:
            raise UserError(self.fault or str(error)) from error
        return db

    @contextmanager
    def reading(self) -> Generator[Database]:
        """The database at one moment: it has whatever was saved before this call, and stays the same while it is read.

        With a daemon that does not answer, which is said, it is what the daemon knew last. Raises `UserError` with
        the daemon's own words where it cannot work and the database cannot be read.
        """
        self._look()
        db = self._opened()
        try:
            with db.snapshot():
                yield db
        finally:
            db.close()


def _written_note(path: str) -> str:
    return f"what you asked for is written in {FOLDER}/{path} and counts when the daemon goes on"


def _not_done_error(error: NoAnswerError) -> UserError:
    """For what no file can say."""
    if error.begun:
        return UserError("it had begun: when the daemon goes on, `coworkd status` shows whether it was done")
    return UserError("nothing was done: repeat the command when the daemon answers again")


def current_workspace(start: Path | None = None) -> Workspace:
    """The workspace that holds the present folder. Raises `NotAWorkspaceError` when there is none."""
    root, common = locate_workspace(start or Path.cwd())
    if not (root / FOLDER).is_dir() and not (common / "cowork").is_dir():
        raise NotAWorkspaceError(f"no {FOLDER}/ in {root}: run `coworkd init` there")
    return Workspace(paths=paths(root, common))


def find_task(workspace: Workspace, name: str) -> TaskRow:
    """The task of this id, title, file or unambiguous beginning of an id. Raises `UserError`, `UsageError`."""
    with workspace.reading() as db:
        return find_task_in(db, name)


def find_task_in(db: Database, name: str) -> TaskRow:
    """As `find_task`, for what is read of it in the same snapshot."""
    exact = find_task_named(db, name, name.removeprefix(".cowork/"))
    if exact is not None:
        return exact
    close = tasks_with_prefix(db, name)
    if len(close) == 1:
        return close[0]
    if close:
        raise UsageError(f"`{name}` is ambiguous: {', '.join(row.id for row in close[:8])}")
    raise unknown_name_error(f"there is no task `{name}`", name, task_ids(db), "`coworkd list` shows them")


def unknown_name_error(what: str, name: str, known: Iterable[str], otherwise: str) -> UserError:
    """The error for a name that is none: wrong use when it is like one that is known, and else not there."""
    if close := suggestion(name, known):
        return UsageError(f"{what}{close}")
    return UserError(f"{what}; {otherwise}")


def locate_workspace(start: Path) -> tuple[Path, Path]:
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
