"""`resolve`: a person resolves a conflict that agents could not resolve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from coworkd.cli.completion import TaskName
from coworkd.cli.output import as_json, json_option, plain
from coworkd.cli.workspace import current_workspace, find_task
from coworkd.slots.resolution_checkouts import workspace_of
from coworkd.system.control_socket import Op

MAX_FILES = 20
"""Files in conflict that are named."""


@click.command("resolve")
@click.argument("task", type=TaskName())
@click.option("--done", is_flag=True, help="Take what is staged or committed in the checkout.")
@json_option
def resolve_command(task: str, done: bool, json_: bool) -> None:
    """Print the path of a checkout with the conflict of a task, for any editor or `git mergetool`.

    With --done, what is staged or committed there becomes a submission of the task, and is verified like any other.
    """
    workspace = current_workspace(workspace_of(Path.cwd()))
    name = find_task(workspace, task).id
    told: dict[str, Any] = json.loads(workspace.require(Op.RESOLVED if done else Op.RESOLVE, name))
    if json_:
        as_json({"task": name, **told})
    elif done:
        click.echo(f"submission {told['submission']} of {name} is verified next: {told['commit'][:12]}")
    else:
        click.echo(told["path"])
        click.echo(_next_steps(name, told["unresolved"]), err=True)


def _next_steps(task: str, unresolved: list[str]) -> str:
    """What to do in the checkout, for standard error: standard output is the path alone."""
    done = f"coworkd resolve {task} --done"
    if not unresolved:
        return f"everything is staged; take it by: {done}"
    files = [f"  {plain(path)}" for path in unresolved[:MAX_FILES]]
    more = [f"  and {len(unresolved) - MAX_FILES} more"] if len(unresolved) > MAX_FILES else []
    return "\n".join(["in conflict:", *files, *more, f"resolve and `git add` them there, then type: {done}"])
