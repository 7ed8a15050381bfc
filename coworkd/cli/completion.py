"""What a shell completes: ids of tasks, agents, what waits for an approval. Reads the database and asks no daemon."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from coworkd.cli.workspace import locate_workspace
from coworkd.core.errors import CoworkError
from coworkd.store import Database
from coworkd.store.requests import tasks_with_open_approvals
from coworkd.store.tasks import tasks_beginning
from coworkd.system.paths_and_settings import FOLDER, Paths, paths

_MOST = 200


class _Completed(StringParamType):
    """A word that a shell completes from the workspace it is in."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - click's signature
        return self.begun(incomplete)

    def begun(self, incomplete: str) -> list[CompletionItem]:
        """What begins like this."""
        raise NotImplementedError


class TaskName(_Completed):
    """A task, by its id, its file or the beginning of its id."""

    name = "task"

    def begun(self, incomplete: str) -> list[CompletionItem]:
        with _database() as db:
            with_titles = tasks_beginning(db, incomplete, _MOST) if db else []
        return [CompletionItem(task, help=title) for task, title in with_titles]


class RequestName(_Completed):
    """A task with an open request, an approval's id, or a path."""

    name = "what"

    def begun(self, incomplete: str) -> list[CompletionItem]:
        with _database() as db:
            return _items(tasks_with_open_approvals(db) if db else [], incomplete)


class AgentName(_Completed):
    """An agent, by the name of its file."""

    name = "agent"

    def begun(self, incomplete: str) -> list[CompletionItem]:
        place = _place()
        return _items(agent_names(place) if place else [], incomplete)


def agent_names(place: Paths) -> list[str]:
    """Agents that there are files of."""
    return sorted(file.stem for file in (place.folder / "agents").glob("[!.#]*.md"))


def _items(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _place() -> Paths | None:
    """The workspace that the present folder is in; None outside of any. Never says a word: a shell is asking."""
    try:
        root, common = locate_workspace(Path.cwd())
    except (CoworkError, OSError):
        return None
    return paths(root, common) if (root / FOLDER).is_dir() else None


@contextmanager
def _database() -> Generator[Database | None]:
    """The database as it is; None where there is none that can be read."""
    place = _place()
    try:
        db = Database(place.database, read_only=True) if place and place.database.exists() else None
    except CoworkError:
        db = None
    try:
        yield db
    finally:
        if db:
            db.close()
