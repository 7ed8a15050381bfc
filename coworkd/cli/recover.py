"""`recover`: kept work, listed and brought back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from coworkd.cli.output import as_json, hanging_indent, json_option
from coworkd.cli.workspace import current_workspace
from coworkd.core.clock import iso
from coworkd.core.errors import StoreError, UsageError, UserError
from coworkd.core.machine_faults import MachineFaultError
from coworkd.diagnostics.recovery import (
    KeptItem,
    KeptKind,
    find_kept,
    kept_items,
    restore_missing,
    restore_to_branch,
    restore_to_path,
    version_items,
)
from coworkd.store import Database
from coworkd.system.git import Repo
from coworkd.system.paths_and_settings import Paths


@click.command("recover")
@click.argument("name", required=False, metavar="[REF|TASK|PATH]")
@click.option("--to", type=click.Path(path_type=Path), help="Restore it there: a new path, or into a folder.")
@click.option("--branch", default="", metavar="NAME", help="Restore it as a new branch.")
@click.option("--missing", is_flag=True, help="Write each file of .cowork/ that is missing, as after `git clean -fdx`.")
@json_option
def recover_command(name: str | None, to: Path | None, branch: str, missing: bool, json_: bool) -> None:
    """List work that was kept, all of it or of one task or file; with --to or --branch, restore one piece."""
    if to and branch:
        raise UsageError("--to and --branch: choose one")
    workspace = current_workspace()
    if missing:
        if name or to or branch:
            raise UsageError("--missing takes nothing beside it: it writes every file that is missing, where it was")
        _restore_missing(workspace.paths, json_=json_)
        return
    with Repo.open(workspace.paths.root) as repo:
        items = kept_items(repo, workspace.paths)
        before = _earlier_versions(workspace.paths)
        deleted = [item for item in before if item.kind is KeptKind.DELETED]
        listed = sorted([*items, *deleted], key=lambda item: (-item.at, item.name))
        chosen = find_kept([*items, *before], name) if name else listed
        if name and not chosen:
            raise UserError(f"nothing is kept under `{name}`; `coworkd recover` lists what is")
        if not to and not branch:
            more = 0 if name else len(before) - len(deleted)
            as_json({"kept": [_item_json(item) for item in chosen]}) if json_ else click.echo(_item_lines(chosen, more))
            return
        item = _require_one(chosen, name)
        where = restore_to_branch(repo, item, branch) if branch else str(restore_to_path(repo, item, to or Path()))
    as_json({"restored": item.name, "branch" if branch else "path": where}) if json_ else click.echo(where)


def _restore_missing(paths: Paths, *, json_: bool) -> None:
    """What the database has, as far as it knows of it: a file that was found deleted stays so."""
    if not paths.database.exists():
        raise UserError("there is no database to restore files from; `coworkd up` makes one from the files")
    with closing(Database(paths.database, read_only=True)) as db:
        db.verify()
        restored = restore_missing(db, paths.folder)
    text = "\n".join(restored) or "no file is missing"
    as_json({"restored": list(restored)}) if json_ else click.echo(text)


def _earlier_versions(paths: Paths) -> list[KeptItem]:
    """Earlier versions of documents, as far as there is a database that can be read; nothing is taken in for this.

    Where there is one that cannot be read, that is said: what else is kept is listed all the same.
    """
    if not paths.database.exists():
        return []
    try:
        with closing(Database(paths.database, read_only=True)) as db:
            db.verify()
            return version_items(db)
    except (StoreError, MachineFaultError) as error:
        click.echo(f"coworkd: earlier versions of files are not listed: the database {error}", err=True)
        return []


def _require_one(chosen: list[KeptItem], name: str | None) -> KeptItem:
    if len(chosen) == 1 and name:
        return chosen[0]
    names = ", ".join(item.name for item in chosen[:8])
    raise UsageError(f"name the piece to restore{f': {names}' if names else ''}")


def _item_json(item: KeptItem) -> dict[str, Any]:
    return {
        "name": item.name, "what": str(item.kind), "task": item.task, "at": iso(item.at), "files": item.files,
        "bytes": item.bytes, "commit": item.commit,
    }  # fmt: skip


def _item_lines(items: list[KeptItem], more: int) -> str:
    """`more`: versions of documents that were left out."""
    if not items and not more:
        return "nothing is kept"
    lines = [hanging_indent(f"{iso(item.at)}  {item.kind:<11}  {_size(item):>9}", item.name) for item in items]
    if more:
        lines.append(f"and {more} earlier versions of files: coworkd recover TASK, or PATH")
    return "\n".join([*lines, "restore one: coworkd recover NAME --branch BRANCH, or --to PATH"])


def _size(item: KeptItem) -> str:
    return f"{item.files} files" if item.bytes is None else f"{item.bytes} B"
