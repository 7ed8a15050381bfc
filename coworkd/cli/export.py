"""`coworkd export`: tasks and plans as pages, data, or backlogs of other tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

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
@click.option("--to", "form", type=click.Choice([str(form) for form in ExportFormat]), required=True)
@click.option("--out", type=click.Path(path_type=Path), help="A new file, or a new folder for `backlog`; else printed.")
def export_command(names: tuple[str, ...], form: str, out: Path | None) -> None:
    """Tasks and plans, with all that is below a plan; without a name everything."""
    workspace = current_workspace()
    with workspace.reading() as db:
        exported = read_export(db, workspace.paths.folder, names)
    files = _WRITERS[ExportFormat(form)](exported)
    if out is None and ExportFormat(form) is ExportFormat.BACKLOG:
        raise UserError("Backlog.md keeps a file for each task: name a new folder with --out")
    if out is None:
        click.echo(files[0].text, nl=False)
    else:
        _write(out, files)
        click.echo(f"{len(exported.tasks)} tasks and {len(exported.plans)} plans are in {out}", err=True)


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
