"""`coworkd import`: tasks and plans from the backlog of another tool; nothing of it starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from coworkd.cli.file_edits import rewrite, write_new
from coworkd.cli.output import as_json, json_option
from coworkd.cli.workspace import Workspace, current_workspace
from coworkd.core.errors import DocumentError
from coworkd.interchange.detection import read_sources
from coworkd.interchange.existing_files import ImportedBefore, with_own_part
from coworkd.interchange.items import ItemStatus, Place, Remark, SourceKind
from coworkd.interchange.planning import PlannedSource, plan_source
from coworkd.interchange.rendering import ImportedFile, is_as_imported, render_source

_SHOWN = 40
"""Remarks of a kind that are listed for a person; `--json` has all."""


@dataclass(slots=True)
class _ImportOutcome:
    """What was done with the files."""

    written: int = 0
    updated: int = 0
    unchanged: int = 0
    edited: list[str] = field(default_factory=list[str])
    """Files that are left as they are, since they were edited here."""
    problems: list[Remark] = field(default_factory=list[Remark])


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--as", "kind", type=click.Choice([str(kind) for kind in SourceKind]), help="The format; else it is seen."
)
@click.option("--dry-run", is_flag=True, help="Write nothing, and say what would come in.")
@json_option
def import_command(path: Path, kind: str | None, dry_run: bool, json_: bool) -> None:
    """Bring in tasks and plans of Backlog.md, beads, prd.json, spec-kit, OpenSpec, task-master or GitHub.

    All come in as drafts, or closed. A second import changes what changed there and was not edited here.
    """
    workspace = current_workspace()
    sources = [plan_source(source) for source in read_sources(path, SourceKind(kind) if kind else None)]
    files = [file for source in sources for file in render_source(source)]
    outcome = _write(workspace, files, dry_run=dry_run)
    if json_:
        as_json(_as_values(sources, outcome, dry_run=dry_run))
    else:
        _show(sources, outcome, dry_run=dry_run)


def _write(workspace: Workspace, files: Sequence[ImportedFile], *, dry_run: bool) -> _ImportOutcome:
    outcome, before = _ImportOutcome(), ImportedBefore.read(workspace.paths.folder)
    for file in files:
        known = before.find(file)
        if known is None:
            _write_new_file(workspace, file, outcome, dry_run=dry_run)
        elif known.digest == file.digest:
            outcome.unchanged += 1
        elif not _is_as_imported(known.data):
            outcome.edited.append(known.path)
        elif dry_run or rewrite(workspace, known.path, known.data, with_own_part(file.data, known.data)):
            outcome.updated += 1
        else:
            outcome.edited.append(known.path)
    return outcome


def _write_new_file(workspace: Workspace, file: ImportedFile, outcome: _ImportOutcome, *, dry_run: bool) -> None:
    there = (workspace.paths.folder / file.path).exists()
    if not there and (dry_run or write_new(workspace, file.path, file.data)):
        outcome.written += 1
        return
    message = f"is there already, and is not `{file.key}` of {file.source}: it stays as it is"
    outcome.problems.append(Remark(place=Place(path=f".cowork/{file.path}", line=1), message=message))


def _is_as_imported(data: bytes) -> bool:
    try:
        return is_as_imported(data)
    except DocumentError:
        return False


def _as_values(sources: Sequence[PlannedSource], outcome: _ImportOutcome, *, dry_run: bool) -> dict[str, Any]:
    return {
        **_counts(sources),
        "problems": [_remark_json(one) for one in _problems(sources, outcome)],
        "notices": [_remark_json(one) for source in sources for one in source.notices],
        "dry_run": dry_run, "written": outcome.written, "updated": outcome.updated, "unchanged": outcome.unchanged,
        "edited": outcome.edited,
    }  # fmt: skip


def _counts(sources: Sequence[PlannedSource]) -> dict[str, int]:
    return {
        "tasks": sum(source.tasks for source in sources),
        "plans": sum(source.plans for source in sources),
        "done": sum(source.count(ItemStatus.DONE) for source in sources),
        "drafts": sum(source.count(ItemStatus.DRAFT) for source in sources),
        "cancelled": sum(source.count(ItemStatus.CANCELLED) for source in sources),
        "skipped": sum(source.skipped for source in sources),
    }


def _problems(sources: Sequence[PlannedSource], outcome: _ImportOutcome) -> list[Remark]:
    found = [one for source in sources for one in source.problems] + outcome.problems
    return sorted(found, key=lambda one: (one.place.path, one.place.line))


def _remark_json(remark: Remark) -> dict[str, Any]:
    return {"path": remark.place.path, "line": remark.place.line, "message": remark.message}


def _show(sources: Sequence[PlannedSource], outcome: _ImportOutcome, *, dry_run: bool) -> None:
    names = ", ".join(f"{source.name} ({source.kind})" for source in sources[:5])
    more = f" and {len(sources) - 5} more" if len(sources) > 5 else ""
    click.echo(f"{names}{more}")
    problems = _problems(sources, outcome)
    for name, count in (_counts(sources) | {"problems": len(problems)}).items():
        click.echo(f"  {name:<10} {count}")
    _show_remarks("problem", problems)
    _show_remarks("notice", [one for source in sources for one in source.notices])
    for path in outcome.edited:
        click.echo(f"  edited here, left as it is: .cowork/{path}")
    click.echo(_summary(outcome, dry_run=dry_run))


def _summary(outcome: _ImportOutcome, *, dry_run: bool) -> str:
    parts = ((outcome.written, "new"), (outcome.updated, "changed"), (outcome.unchanged, "unchanged"))
    files = ", ".join(f"{count} {word}" for count, word in parts if count) or "none"
    if dry_run:
        return f"Files: {files}. Nothing was written: this was a dry run"
    hint = "; nothing of it starts: `coworkd ready ID` starts a task, `coworkd plan` shows the plans"
    return f"Files: {files}{hint if outcome.written else ''}"


def _show_remarks(word: str, remarks: Iterable[Remark]) -> None:
    found = list(remarks)
    for remark in found[:_SHOWN]:
        click.echo(f"  {word} {remark.place.path}:{remark.place.line}: {remark.message}")
    if len(found) > _SHOWN:
        click.echo(f"  and {len(found) - _SHOWN} more; `--json` has all")
