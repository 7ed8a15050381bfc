"""`doctor`: what works here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import click

from coworkd.cli.printing import as_json, json_option
from coworkd.cli.workspace import Workspace, here
from coworkd.doctor import Finding, Level, examine
from coworkd.errors import UserError
from coworkd.sync.specs import Specs
from coworkd.trust import UNTRUSTED

_COLOURS = {Level.OK: "green", Level.WEAK: "yellow", Level.BAD: "red"}


@click.command("doctor")
@click.option("--agent", "name", default="", metavar="NAME", help="Try this agent for some seconds, in a slot.")
@json_option
def doctor_command(name: str, json_: bool) -> int:
    """What works here, what is weaker than it could be, and what to do; exit 1 when something is bad."""
    workspace = here()
    findings = list(_tried(workspace, name) if name else examine(workspace.paths))
    sound = all(finding.level is not Level.BAD for finding in findings)
    if json_:
        as_json({"ok": sound, "checks": [dataclasses.asdict(finding) for finding in findings]})
    else:
        click.echo("\n".join(map(_line, findings)))
    return 0 if sound else 1


def _tried(workspace: Workspace, name: str) -> Iterator[Finding]:
    """Start one agent: only where its file counts."""
    from coworkd import trial  # it brings the executor with it, which no other command needs

    with workspace.reading() as db:
        if db.setting("untrusted"):
            raise UserError(UNTRUSTED)
        specs = Specs(db)
        agent, settings, known = specs.agent(name), specs.settings(), specs.agents()
    if agent is None:
        raise UserError(f"there is no agent `{name}` that counts; there are: {', '.join(known) or 'none'}")
    return trial.examine(workspace.paths, agent, settings)


def _line(finding: Finding) -> str:
    level = click.style(finding.level.ljust(4), fg=_COLOURS[finding.level])
    advice = f"\n{' ' * 22}{finding.advice}" if finding.advice else ""
    return f"{level}  {finding.name:<14}  {finding.found}{advice}"
