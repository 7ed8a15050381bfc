"""`schema`: JSON Schemas of the workspace's documents, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from coworkd.cli.output import as_json, json_option
from coworkd.cli.workspace import current_workspace
from coworkd.core.model import Kind
from coworkd.documents.schema.json_schema import json_schema
from coworkd.system.durable_files import replace_file

FOLDER = "schemas"


@click.command("schema")
@click.argument("kind", required=False, type=click.Choice([str(kind) for kind in Kind]))
@click.option("--install", is_flag=True, help="Write .cowork/schemas/KIND.json, for your editor to use.")
@json_option
def schema_command(kind: str | None, install: bool, json_: bool) -> None:
    """The JSON Schema of a kind of document; without KIND, of all of them."""
    kinds = [Kind(kind)] if kind else list(Kind)
    if install:
        written = [_write(current_workspace().paths.folder / FOLDER, one) for one in kinds]
        as_json({"wrote": written}) if json_ else click.echo("\n".join(written))
        return
    schemas = {str(one): json_schema(one) for one in kinds}
    as_json(schemas[kind] if kind else schemas)


def _write(folder: Path, kind: Kind) -> str:
    """Whole or not at all; the same bytes are not written again."""
    folder.mkdir(parents=True, exist_ok=True)
    file, text = folder / f"{kind}.json", json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        replace_file(file, text.encode())
    return f".cowork/{FOLDER}/{file.name}"
