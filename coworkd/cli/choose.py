"""`choose`: which of several proposals is taken."""

from __future__ import annotations

import click

from coworkd.cli.completion import TaskName
from coworkd.cli.file_edits import edit_header
from coworkd.cli.output import as_json, json_option
from coworkd.cli.workspace import current_workspace, find_task
from coworkd.core.errors import UserError
from coworkd.store.problems import problem_message
from coworkd.store.requests import open_choice


@click.command("choose")
@click.argument("task", type=TaskName())
@click.argument("letter")
@json_option
def choose_command(task: str, letter: str, json_: bool) -> None:
    """Take one of several proposals, where a pattern could not decide. LETTER: as the review shows it."""
    workspace = current_workspace()
    row = find_task(workspace, task)
    with workspace.reading() as db:
        request = open_choice(db, row.id)
    if request is None:
        raise UserError(f"nothing is to be chosen for `{row.id}`; `coworkd show {row.id}` says where it stands")
    edit_header(workspace, request.path, {("choose",): letter}, request=request.id)
    workspace.take_in(request.path)
    with workspace.reading() as db:
        why = problem_message(db, request.path, "answer")
    if why:
        raise UserError(why)
    as_json({"path": request.path, "choose": letter}) if json_ else click.echo(f"{request.path}: {letter}")
