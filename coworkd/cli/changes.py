"""Commands about the work itself: `land`, `revert`, `apply`, `confirm`, `trust`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from coworkd.cli.completion import TaskName
from coworkd.cli.file_edits import edit_header
from coworkd.cli.output import as_json, hanging_indent, json_option, plain
from coworkd.cli.workspace import current_workspace, find_task
from coworkd.core.errors import UserError
from coworkd.store.problems import all_problems, problem_message
from coworkd.sync.file_trust import KeyToTrust, trust_request
from coworkd.sync.guards import DELETIONS
from coworkd.system.control_socket import Op


@click.command("land")
@click.option("--onto", default="", metavar="BRANCH", help="The target, when another branch is checked out.")
@json_option
def land_command(onto: str, json_: bool) -> None:
    """Bring the integration branch into its target branch."""
    text = current_workspace().require(Op.LAND, onto)
    as_json({"landed": text}) if json_ else click.echo(text)


def _ask_review(task: str, word: str, json_: bool) -> None:
    """Write a word under `status` in a task's review, as an editor would."""
    workspace = current_workspace()
    path = f"reviews/{find_task(workspace, task).id}.md"
    if not (workspace.paths.folder / path).exists():
        raise UserError(f"there is no {path}: nothing of this task has landed")
    edit_header(workspace, path, {("status",): word})
    workspace.take_in(path)
    with workspace.reading() as db:
        why = problem_message(db, path, "revert")
    if why:
        raise UserError(why)
    as_json({"path": path, "status": word}) if json_ else click.echo(f"{path}: {word}")


@click.command("revert")
@click.argument("task", type=TaskName())
@json_option
def revert_command(task: str, json_: bool) -> None:
    """Take a landed change back: verified, then landed on the integration branch like any change."""
    _ask_review(task, "revert", json_)


@click.command("apply")
@click.argument("task", type=TaskName())
@json_option
def apply_command(task: str, json_: bool) -> None:
    """Bring a change again that was taken back."""
    _ask_review(task, "apply", json_)


@click.command("confirm")
@json_option
def confirm_command(json_: bool) -> None:
    """Let deletions happen that were held because so many files went missing at once."""
    workspace = current_workspace()
    with workspace.reading() as db:
        held = any(problem.path == DELETIONS for problem in all_problems(db))
    workspace.require_answer()
    if held:
        workspace.require(Op.CONFIRM)
    said = "confirmed" if held else "no deletion is held: there is nothing to confirm"
    as_json({"confirmed": held}) if json_ else click.echo(said)


@click.command("trust")
@json_option
def trust_command(json_: bool) -> None:
    """Let this repository's settings and agents, as they are now, run things here."""
    workspace = current_workspace()
    with workspace.reading() as db:
        shown = trust_request(db)
    workspace.require_answer()
    if not json_:
        _show_loosening(shown.keys)
        if sys.stdin.isatty() and not click.confirm("Trust this repository, and all of that?", default=False):
            raise UserError("nothing was trusted")
    workspace.require(Op.TRUST, shown.token)
    as_json({"trusted": True, "keys": [asdict(key) for key in shown.keys]}) if json_ else click.echo(
        "trusted: what is in .cowork/ now may run things here"
    )


def _show_loosening(keys: Sequence[KeyToTrust]) -> None:
    """Every key that executes or widens something, where it stands."""
    if not keys:
        click.echo("Nothing in .cowork/ waits for trust: no key there is new that runs or widens something.")
        return
    click.echo("These keys run something, or let more happen:")
    for key in keys:
        click.echo(
            hanging_indent(f"  .cowork/{plain(key.path)}:{key.line}", f"{plain(key.key)}: {plain(key.value)}", most=20)
        )
