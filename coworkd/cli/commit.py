"""`commit`: the workspace alone."""

from __future__ import annotations

import click

from coworkd.cli.output import as_json, json_option
from coworkd.cli.workspace import current_workspace
from coworkd.core.errors import UserError
from coworkd.system.paths_and_settings import FOLDER


@click.command("commit")
@click.option("-m", "--message", default="", help="Without it, one that names the files.")
@json_option
def commit_command(message: str, json_: bool) -> None:
    """Commit .cowork/ alone; what you have staged stays as it is."""
    from coworkd.system.git import Repo
    from coworkd.system.git.folder_commit import CommitRefused, Committed, commit_folder

    with Repo.open(current_workspace().paths.root) as repo:
        outcome = commit_folder(repo, FOLDER, message)
    if isinstance(outcome, CommitRefused):
        raise UserError(outcome.reason)
    if outcome.stale_index_reason:
        what = f"committed as {outcome.commit[:12]}" if isinstance(outcome, Committed) else "committed before"
        advice = "run `coworkd commit` again when no other git command is at work"
        raise UserError(f"{what}, but git's index does not have it yet: {outcome.stale_index_reason}: {advice}")
    made = outcome if isinstance(outcome, Committed) else None
    if json_:
        as_json({"commit": made.commit if made else None, "paths": list(made.paths) if made else []})
    elif made:
        click.echo(f"{made.branch} {made.commit[:12]}: {len(made.paths)} files")
    else:
        click.echo(f"nothing to commit: {FOLDER}/ is as in HEAD")
