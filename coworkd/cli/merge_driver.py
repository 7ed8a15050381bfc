"""`merge-driver`: git merges the workspace's files field by field."""

from __future__ import annotations

from pathlib import Path

import click

from coworkd.cli.output import as_json, json_option
from coworkd.sync.merging.conflict_markers import Markers


@click.group("merge-driver")
def merge_driver_command() -> None:
    """Let git merge the workspace's files field by field."""


@merge_driver_command.command("install")
@json_option
def install_command(json_: bool) -> None:
    """Register the driver in this repository's own git configuration; says what it wrote."""
    from coworkd.sync.merging.git_merge_driver import install
    from coworkd.system.git import Repo

    with Repo.open(Path.cwd()) as repo:
        written = install(repo)
    if json_:
        as_json({"wrote": written})
        return
    for line in written:
        click.echo(f"wrote {line}")
    click.echo("git merges .cowork/ field by field here" if written else "it was registered already")


@merge_driver_command.command("run")
@click.option("--marker-size", default=7, metavar="N", help="Length of conflict markers (git's %L).")
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.argument("path")
@json_option
def run_command(marker_size: int, base: Path, ours: Path, theirs: Path, path: str, json_: bool) -> int:
    """What git calls: merge THEIRS into the file OURS, over BASE. Exit 1: a person has to choose."""
    from coworkd.sync.merging.git_merge_driver import MergeCall, run

    conflicts = run(MergeCall(base=base, ours=ours, theirs=theirs, path=path, markers=Markers(size=marker_size)))
    if json_:
        as_json({"path": path, "conflicts": conflicts})
    elif conflicts:
        click.echo(f"{path}: to be chosen between the markers: {', '.join(dict.fromkeys(conflicts))}", err=True)
    return 1 if conflicts else 0
