"""`diff`: the change of a submission, as it would land or has landed."""

from __future__ import annotations

import sys

import click

from coworkd.cli.completion import TaskName
from coworkd.cli.diff_viewers import Comparison, diff_as_shown, viewed
from coworkd.cli.output import as_json, json_option
from coworkd.cli.workspace import current_workspace, find_task
from coworkd.core.errors import RepoError, UserError
from coworkd.store import SubmissionRow, SubmissionState
from coworkd.store.submissions import submissions_of
from coworkd.system.git import Repo
from coworkd.system.paths_and_settings import wants_no_colours

_TIMEOUT = 600.0
_WITH_CANDIDATE = (SubmissionState.GREEN, SubmissionState.LANDED)
"""Their merge with the tip is known, and what others landed meanwhile is not part of it."""


@click.command("diff")
@click.argument("task", type=TaskName())
@click.option("--number", type=click.IntRange(1), metavar="N", help="This submission instead of the latest one.")
@click.option("--plain", is_flag=True, help="As git prints it, also on a terminal where delta or difft is installed.")
@json_option
def diff_command(task: str, number: int | None, plain: bool, json_: bool) -> None:
    """The change of a task's latest submission: what would land, or has landed."""
    workspace = current_workspace()
    row = find_task(workspace, task)
    with workspace.reading() as db:
        chosen = _chosen(submissions_of(db, row.id), row.id, number)
    with Repo.open(workspace.paths.root) as repo:
        comparison = _comparison(repo, chosen)
        text = _diff(repo, comparison)
        if json_:
            as_json({
                "task": row.id, "submission": chosen.number, "state": str(chosen.state), "from": comparison.old,
                "to": comparison.new, "diff": text,
            })  # fmt: skip
        elif not text:
            click.echo(f"submission {chosen.number} of {row.id} changes nothing", err=True)
        else:
            _show(repo, comparison, text, plain=plain)


def _chosen(submissions: list[SubmissionRow], task: str, number: int | None) -> SubmissionRow:
    """The submission of this number; without one the latest, those that were taken back last."""
    if not submissions:
        raise UserError(f"`{task}` has submitted nothing yet")
    if number is None:
        return max(submissions, key=lambda one: (one.state is not SubmissionState.RETIRED, one.number))
    found = next((one for one in submissions if one.number == number), None)
    if found is None:
        raise UserError(f"`{task}` has no submission {number}; its latest is {submissions[-1].number}")
    return found


def _comparison(repo: Repo, row: SubmissionRow) -> Comparison:
    """The two commits whose difference is the change: of a merge, the tip that it was made on and the result."""
    merge = row.landing or (row.candidate if row.state in _WITH_CANDIDATE else "")
    if merge and row.tree and repo.commit(f"{merge}^1"):
        return Comparison(old=f"{merge}^1", new=merge)
    return Comparison(old=row.base or f"{row.commit_id}^", new=row.commit_id)


def _diff(repo: Repo, comparison: Comparison) -> str:
    asked = ("diff", "--no-ext-diff", "--no-textconv", comparison.old, comparison.new)
    try:
        return repo.run(*asked, timeout=_TIMEOUT).out.decode("utf-8", "surrogateescape")
    except RepoError as error:
        raise UserError(f"the commits of it are no longer kept: {error}") from error


def _show(repo: Repo, comparison: Comparison, text: str, *, plain: bool) -> None:
    if not sys.stdout.isatty():
        # With colours, or click takes out what looks like one in a file.
        click.echo(text, nl=False, color=True)
        return
    shown = diff_as_shown(text, terminal=True)
    fancy = "" if plain or wants_no_colours() else viewed(repo, comparison, shown)
    click.echo(fancy or shown, nl=False, color=bool(fancy) or None)
