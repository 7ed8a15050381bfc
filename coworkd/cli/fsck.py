"""`fsck`: whether everything agrees, and putting right what can be derived."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from coworkd.cli.output import as_json, hanging_indent, json_option, plain
from coworkd.cli.workspace import Workspace, current_workspace
from coworkd.core.errors import StoreDamagedError, StoreError
from coworkd.diagnostics.fsck.check import CheckedWorkspace, check
from coworkd.diagnostics.fsck.finding import Inconsistency, Subject
from coworkd.store import Database
from coworkd.sync.disk.folder import Folder
from coworkd.system import paths_and_settings
from coworkd.system.control_client import NoAnswerError
from coworkd.system.control_socket import Op
from coworkd.system.git import Repo
from coworkd.system.process import commands

_ROUNDS = 3
"""Looks at a workspace that is at work: what only one of them shows was under way, and is no finding."""


@click.command("fsck")
@click.option("--repair", is_flag=True, help="Put right what can be derived from what is there.")
@json_option
def fsck_command(repair: bool, json_: bool) -> int:
    """Whether files, database, refs, records and audit agree; exit 1 when something is wrong."""
    workspace = current_workspace()
    before = _findings(workspace)
    left = before
    if repair and before:
        workspace.require(Op.REPAIR)
        left = _findings(workspace)
    repaired = [finding for finding in before if finding not in left]
    if json_:
        as_json({"findings": [asdict(one) for one in left], "repaired": [asdict(one) for one in repaired]})
    else:
        click.echo("\n".join(_report_lines(repaired, left)))
    return 1 if left else 0


def _report_lines(repaired: list[Inconsistency], left: list[Inconsistency]) -> list[str]:
    lines = [hanging_indent(f"repaired  {one.subject} {plain(one.name)}", one.says) for one in repaired]
    for one in left:
        lines += [
            hanging_indent(f"wrong     {one.subject} {plain(one.name)}", one.says),
            hanging_indent("         ", one.advice),
        ]
    return lines or ["everything agrees"]


def _findings(workspace: Workspace) -> list[Inconsistency]:
    """What is wrong now. A daemon at work is looked at until two looks in a row agree."""
    found = _check_once(workspace)
    for _ in range(_ROUNDS):
        if not found or not _daemon_looked(workspace):
            break
        again = _check_once(workspace)
        found = [finding for finding in again if finding in found]
    return found


def _daemon_looked(workspace: Workspace) -> bool:
    """Whether a daemon is at work, and has looked since. One that does not answer changes nothing, and is named."""
    try:
        return workspace.client().ask(Op.SYNC) is not None
    except NoAnswerError as error:
        click.echo(f"coworkd: {error}", err=True)
        return False


def _check_once(workspace: Workspace) -> list[Inconsistency]:
    paths = workspace.paths
    if not paths.database.exists():
        if not paths.audit.exists():
            return []  # nothing has ever happened here
        advice = "`coworkd up`, or any command, rebuilds it from the files"
        return [Inconsistency(subject=Subject.DATABASE, name=paths.database.name, says="is not there", advice=advice,
                        repairable=True)]  # fmt: skip
    db = Database(paths.database, read_only=True)
    try:
        db.verify()
        with Repo.open(paths.root) as repo:
            place = CheckedWorkspace(
                db=db, folder=Folder(paths.folder, paths.trash), repo=repo, audit=paths.audit,
                instance=paths_and_settings.instance(paths.private), key=paths_and_settings.key(paths.private),
                alive=_alive,
            )  # fmt: skip
            return list(check(place))
    except StoreError as error:
        return [_damage_finding(paths.database, error)]
    finally:
        db.close()


def _alive(run: str) -> bool:
    return commands.lives(commands.RUN_MARK, run)


def _damage_finding(path: Path, error: StoreError) -> Inconsistency:
    """What is wrong with the database; one of an earlier coworkd is whole, and is brought up to date as it is."""
    advice = "`coworkd down`, then `coworkd up`, brings it up to date; nothing in it is lost"
    if isinstance(error, StoreDamagedError):
        advice = (
            "stop coworkd: the next start, or `coworkd fsck --repair`, sets it aside and rebuilds it from the files"
        )
    return Inconsistency(subject=Subject.DATABASE, name=path.name, says=str(error), advice=advice, repairable=True)
