"""`reply`, `approve`, `reject`, `changes`."""

from __future__ import annotations

import secrets
import time

import click

from coworkd.cli.answers import answer_request
from coworkd.cli.completion import RequestName, TaskName
from coworkd.cli.file_edits import write_new
from coworkd.cli.output import as_json, json_option
from coworkd.cli.workspace import Workspace, current_workspace, find_task, unknown_name_error
from coworkd.core.clock import stamp
from coworkd.core.errors import UsageError, UserError
from coworkd.core.model import Answer, RiskLevel
from coworkd.store import RequestRow
from coworkd.store.requests import open_approvals_named, tasks_with_open_approvals


@click.command("reply")
@click.argument("task", type=TaskName())
@click.argument("text", required=False)
@json_option
def reply_command(task: str, text: str | None, json_: bool) -> None:
    """Send a message to a task, or answer its question; without TEXT your editor opens."""
    workspace = current_workspace()
    row = find_task(workspace, task)
    body = text if text is not None else click.edit("", extension=".md")
    if not body or not body.strip():
        raise UserError("nothing to send")
    path = f"messages/{row.id}/{stamp(time.time())}-you-{secrets.token_hex(2)}.md"
    if not write_new(workspace, path, f"{body.rstrip()}\n".encode()):
        raise UserError(f"there is a .cowork/{path} already: try again")
    workspace.hand_over(path)
    as_json({"path": f".cowork/{path}"}) if json_ else click.echo(f".cowork/{path}")


def _open_request(workspace: Workspace, what: str) -> RequestRow:
    """The one open request that `what` means: a task, a request's id, or its file."""
    name = what.removeprefix(".cowork/")
    with workspace.reading() as db:
        found = open_approvals_named(db, name)
        asked = tasks_with_open_approvals(db) if not found else []
    if not found:
        nothing = f"nothing about `{what}` waits for an approval"
        raise unknown_name_error(
            nothing, name, [task for task in asked if task != name], "`coworkd status` shows what does"
        )
    if len(found) > 1:
        raise UsageError(f"`{what}` has several open requests; name one: {', '.join(r.path for r in found)}")
    return found[0]


def _answer(what: str, answer: Answer, comment: str, json_: bool) -> None:
    workspace = current_workspace()
    request = _open_request(workspace, what)
    answer_request(workspace, request, answer, comment)
    as_json({"path": request.path, "approval": answer}) if json_ else click.echo(f"{request.path}: {answer}")


@click.command("approve")
@click.argument("what", type=RequestName(), required=False)
@click.option("--all", "every", is_flag=True, help="Every review that waits and is of low risk, or of --risk at most.")
@click.option("--risk", type=click.Choice([str(level) for level in RiskLevel]), help="With --all: the highest risk.")
@click.option("--comment", default="", help="Kept with the answer.")
@json_option
def approve_command(what: str | None, every: bool, risk: str | None, comment: str, json_: bool) -> None:
    """Say yes to a review or a permission. WHAT: a task, an approval's id, or a path."""
    if every == bool(what) or (risk and not every):
        raise UsageError("name what you approve, or give --all, which --risk belongs to")
    if what:
        _answer(what, Answer.APPROVED, comment, json_)
        return
    from coworkd.cli.approve_all import approve_all

    approve_all(current_workspace(), RiskLevel(risk or RiskLevel.LOW), comment, json_)


@click.command("reject")
@click.argument("what", type=RequestName())
@click.option("--comment", default="", help="Told to the agent, or shown as the reason.")
@json_option
def reject_command(what: str, comment: str, json_: bool) -> None:
    """Say no to a review or a permission. WHAT: a task, an approval's id, or a path."""
    _answer(what, Answer.REJECTED, comment, json_)


@click.command("changes")
@click.argument("what", type=RequestName())
@click.option("--comment", default="", help="What is to be changed; told to the agent.")
@json_option
def changes_command(what: str, comment: str, json_: bool) -> None:
    """Ask for changes to a review or a plan. WHAT: a task, an approval's id, or a path."""
    _answer(what, Answer.CHANGES, comment, json_)
