"""`doctor`: what works here."""

from __future__ import annotations

import dataclasses

import click

from coworkd.cli.printing import as_json, json_option
from coworkd.cli.workspace import here
from coworkd.doctor import Finding, Level, examine

_COLOURS = {Level.OK: "green", Level.WEAK: "yellow", Level.BAD: "red"}


@click.command("doctor")
@json_option
def doctor_command(json_: bool) -> int:
    """What works here, what is weaker than it could be, and what to do; exit 1 when something is bad."""
    findings = list(examine(here().paths))
    sound = all(finding.level is not Level.BAD for finding in findings)
    if json_:
        as_json({"ok": sound, "checks": [dataclasses.asdict(finding) for finding in findings]})
    else:
        click.echo("\n".join(map(_line, findings)))
    return 0 if sound else 1


def _line(finding: Finding) -> str:
    level = click.style(finding.level.ljust(4), fg=_COLOURS[finding.level])
    advice = f"\n{' ' * 22}{finding.advice}" if finding.advice else ""
    return f"{level}  {finding.name:<14}  {finding.found}{advice}"
