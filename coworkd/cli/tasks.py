"""Commands that write task files."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

import click

from coworkd.cli.completion import AgentName, TaskName, agent_names
from coworkd.cli.file_edits import edit_header, write_new
from coworkd.cli.output import as_json, json_option
from coworkd.cli.workspace import Workspace, current_workspace, find_task
from coworkd.core.errors import UsageError, UserError
from coworkd.core.model import Status
from coworkd.core.task_ids import task_id
from coworkd.documents.markdown import Value, compose
from coworkd.documents.typos import suggestion
from coworkd.store import TaskRow
from coworkd.store.problems import problem_message
from coworkd.store.tasks import task_ids
from coworkd.system.control_socket import Op
from coworkd.system.paths_and_settings import FOLDER, editor


@click.command("new")
@click.argument("title")
@click.option("--agent", default="", type=AgentName(), help="Who does it; else the workspace's agent.")
@click.option(
    "--depends-on",
    "needs",
    multiple=True,
    metavar="ID",
    type=TaskName(),
    help="A task that must land first; may be repeated.",
)
@click.option("--draft", is_flag=True, help="Do not start it.")
@click.option("--edit", "edited", is_flag=True, help="Open it in your editor.")
@json_option
def new_command(title: str, agent: str, needs: tuple[str, ...], draft: bool, edited: bool, json_: bool) -> None:
    """Write a task file; prints its path."""
    workspace = current_workspace()
    _check(workspace, title, agent)
    _name_unknown(workspace, needs)
    fields: dict[str, Value] = {"title": title, "status": "draft" if draft or edited else "ready"}
    if agent:
        fields["agent"] = agent
    if needs:
        fields["depends_on"] = list(needs)
    path = _write_task(workspace, task_id(title), compose(fields, f"{title}\n"))
    if edited:
        click.edit(filename=str(workspace.paths.folder / path), editor=editor())
    workspace.hand_over(path)
    shown = f"{FOLDER}/{path}"
    as_json({"path": shown, "id": PurePosixPath(path).stem}) if json_ else click.echo(shown)


def _check(workspace: Workspace, title: str, agent: str) -> None:
    """Raises `UsageError` for a title without anything to see, and for a mistyped agent."""
    if not any(unicodedata.category(c)[0] not in "ZC" for c in title):
        raise UsageError('a title needs at least one character that can be seen: coworkd new "Fix the login page"')
    known = agent_names(workspace.paths)
    if agent and agent not in known and (close := suggestion(agent, known)):
        raise UsageError(f"there is no agent `{agent}`{close}")


def _name_unknown(workspace: Workspace, needs: tuple[str, ...]) -> None:
    """Say which dependencies there are no tasks for: the new task waits until there are."""
    if not needs:
        return
    with workspace.reading() as db:
        known = task_ids(db)
    for name in needs:
        if task_id(name) not in known:
            close = suggestion(name, known)
            click.echo(f"coworkd: there is no task `{name}` yet, and the new one waits for it{close}", err=True)


def _write_task(workspace: Workspace, stem: str, data: bytes) -> str:
    """Write the file under the first free name; returns its path below `.cowork/`."""
    names = [stem, *(f"{stem}-{number}" for number in range(2, 1000))]
    for name in names:
        path = f"tasks/{name}.md"
        if not (workspace.paths.folder / path).exists() and write_new(workspace, path, data):
            return path
    raise UserError(f"there are too many tasks named `{stem}`: choose another title")


def _set_status(task: str, status: str, json_: bool) -> None:
    workspace = current_workspace()
    row = find_task(workspace, task)
    if row.file_missing:
        raise UserError(f"the file of `{row.id}` ({row.path}) is not here now; bring it back first")
    if row.owned_elsewhere:
        raise UserError(f"`{row.id}` is {row.status} on {row.by}; `coworkd take {row.id}` takes it over first")
    if status == "ready" and row.from_git:
        workspace.require(Op.READY, row.id)
    if not (status == "ready" and row.from_git and row.status is Status.READY):
        _write_status(workspace, row, status)
    now = find_task(workspace, row.id)
    if json_:
        as_json({"id": now.id, "status": str(now.status)})
    else:
        click.echo(f"{now.id}: {now.status}")
    _raise_refusal(workspace, now)


def _write_status(workspace: Workspace, row: TaskRow, status: str) -> None:
    edit_header(workspace, row.path, {("status",): status})
    workspace.take_in(row.path)


def _raise_refusal(workspace: Workspace, row: TaskRow) -> None:
    """Fail with the reason where the status was refused."""
    with workspace.reading() as db:
        why = problem_message(db, row.path, "status")
    if why:
        raise UserError(why)


@click.command("ready")
@click.argument("task", type=TaskName())
@json_option
def ready_command(task: str, json_: bool) -> None:
    """Start a task, or a new attempt of it; also one that came by git."""
    _set_status(task, "ready", json_)


@click.command("pause")
@click.argument("task", type=TaskName())
@json_option
def pause_command(task: str, json_: bool) -> None:
    """Stop a task's agent and keep its work; `ready` goes on."""
    _set_status(task, "paused", json_)


@click.command("cancel")
@click.argument("task", type=TaskName())
@json_option
def cancel_command(task: str, json_: bool) -> None:
    """Stop a task and keep its work."""
    _set_status(task, "cancelled", json_)


@click.command("take")
@click.argument("task", type=TaskName())
@json_option
def take_command(task: str, json_: bool) -> None:
    """Take over a task that another instance works on."""
    workspace = current_workspace()
    row = find_task(workspace, task)
    if not row.owned_elsewhere:
        raise UserError(f"`{row.id}` is no other instance's to take over: it is {row.status} here")
    workspace.require(Op.TAKE_OVER, row.id)
    now = find_task(workspace, row.id)
    as_json({"id": now.id, "status": str(now.status)}) if json_ else click.echo(f"{now.id}: {now.status}, yours now")
