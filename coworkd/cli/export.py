"""`coworkd export`: tasks and plans as pages, data, or backlogs of other tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from coworkd.cli.output import as_json, json_option
from coworkd.cli.workspace import current_workspace
from coworkd.core.errors import UserError
from coworkd.interchange.export.items import Exported, ExportFormat, OutputFile
from coworkd.interchange.export.other_tools import to_backlog, to_beads, to_prd
from coworkd.interchange.export.pages import to_csv, to_html, to_json, to_markdown
from coworkd.interchange.export.reader import read_export

_WRITERS: Mapping[ExportFormat, Callable[[Exported], list[OutputFile]]] = {
    ExportFormat.MARKDOWN: to_markdown, ExportFormat.JSON: to_json, ExportFormat.HTML: to_html,
    ExportFormat.CSV: to_csv, ExportFormat.BACKLOG: to_backlog, ExportFormat.BEADS: to_beads, ExportFormat.PRD: to_prd,
}  # fmt: skip


@click.command("export")
@click.argument("names", nargs=-1, metavar="[TASK|PLAN ...]")
@click.option(
    "--to", "form", type=click.Choice([str(form) for form in ExportFormat]), required=True, help="The format."
)
@click.option("--out", type=click.Path(path_type=Path), help="A new file, or a new folder for `backlog`; else printed.")
@json_option
def export_command(names: tuple[str, ...], form: str, out: Path | None, json_: bool) -> None:
    """Tasks and plans, with all that is below a plan; without a name everything.

    `--json` prints the files of the export, each with its text unless it was written to `--out`.
    """
    workspace = current_workspace()
    with workspace.reading() as db:
        exported = read_export(db, workspace.paths.folder, names)
    files = _WRITERS[ExportFormat(form)](exported)
    if out is not None:
        _write(out, files)
    if json_:
        as_json(_as_values(exported, files, out))
    elif out is not None:
        click.echo(f"{len(exported.tasks)} tasks and {len(exported.plans)} plans are in {out}", err=True)
    elif ExportFormat(form) is ExportFormat.BACKLOG:
        raise UserError("Backlog.md keeps a file for each task: name a new folder with --out")
    else:
        click.echo(files[0].text, nl=False)


def _as_values(exported: Exported, files: Sequence[OutputFile], out: Path | None) -> dict[str, Any]:
    return {
        "tasks": len(exported.tasks), "plans": len(exported.plans), "out": str(out) if out else None,
        "files": [{"path": file.path, "text": file.text} if out is None else {"path": file.path} for file in files],
    }  # fmt: skip


def _write(out: Path, files: Sequence[OutputFile]) -> None:
    """Write the files where there is nothing yet. Raises `UserError`."""
    if out.exists():
        raise UserError(f"{out} is there already, and stays as it is: name another place")
    try:
        for file in files:
            path = out / file.path if file.path else out
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="") as handle:
                handle.write(file.text)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written: {error.strerror}") from error
