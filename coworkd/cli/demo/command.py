"""`demo`: the whole loop in a throw-away repository, offline."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click

from coworkd.cli.demo.script import DemoEvent, Story, Teller
from coworkd.cli.output import as_json, json_option
from coworkd.diagnostics.playground import playground


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the repository, and say where it is.")
@json_option
def demo_command(keep: bool, json_: bool) -> None:
    """Watch the whole loop in a throw-away repository: offline, no key, under a minute."""
    began = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="coworkd-demo-"))
    with playground(root, keep=keep) as place:
        if keep:
            click.echo(f"Everything is kept in {root}", err=True)
        told = Story(place, Teller(quiet=json_)).tell()
    seconds = time.monotonic() - began
    kept = str(place.repo) if keep else None
    if json_:
        as_json({"tasks": told.tasks, "target": told.target, "seconds": round(seconds, 1), "kept": kept})
    else:
        click.echo(_farewell(told, seconds, kept))


def _farewell(told: DemoEvent, seconds: float, kept: str | None) -> str:
    where = f"The repository is yours to look at: {kept}" if kept else "The repository is removed; --keep leaves it."
    return f"\n{len(told.tasks)} tasks landed in {seconds:.0f} s. {where}"
