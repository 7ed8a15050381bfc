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

MAX_COMPLETIONS = 200
"""How many tasks a shell is given at the most."""


class TaskName(StringParamType):
    """A task, by its id, its file or the beginning of its id."""

    name = "task"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - click's signature
        with _database() as db:
            with_titles = tasks_beginning(db, incomplete, MAX_COMPLETIONS) if db else []
        return [CompletionItem(task, help=title) for task, title in with_titles]


class RequestName(StringParamType):
    """A task with an open request, an approval's id, or a path."""

    name = "what"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - click's signature
        with _database() as db:
            return _items(tasks_with_open_approvals(db) if db else [], incomplete)


class AgentName(StringParamType):
    """An agent, by the name of its file."""

    name = "agent"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - click's signature
        workspace = _workspace_paths()
        return _items(agent_names(workspace) if workspace else [], incomplete)


def agent_names(workspace: Paths) -> list[str]:
    """The agents that have a file."""
    return sorted(file.stem for file in (workspace.folder / "agents").glob("[!.#]*.md"))


def _items(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _workspace_paths() -> Paths | None:
    """The workspace that the present folder is in; None outside of any. Prints nothing: a shell is asking."""
    try:
        root, common = locate_workspace(Path.cwd())
    except (CoworkError, OSError):
        return None
    return paths(root, common) if (root / FOLDER).is_dir() else None


@contextmanager
def _database() -> Generator[Database | None]:
    """The database as it is; None where there is none that can be read."""
    workspace = _workspace_paths()
    try:
        db = Database(workspace.database, read_only=True) if workspace and workspace.database.exists() else None
    except CoworkError:
        db = None
    try:
        yield db
    finally:
        if db:
            db.close()
