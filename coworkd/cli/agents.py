"""`agents`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from coworkd.agents.discovery import installed_programs, installed_version
from coworkd.cli.output import as_json, json_option
from coworkd.cli.workspace import current_workspace
from coworkd.sync.effective_specs import EffectiveSpecs


@click.command("agents")
@json_option
def agents_command(json_: bool) -> None:
    """The agents of this workspace, and the programs for more of them on this machine."""
    workspace = current_workspace()
    with workspace.reading() as db:
        specs = EffectiveSpecs(db)
        found = [(name, specs.agent(name)) for name in specs.agents()]
        default = specs.settings().agent
    rows = [
        {"name": name, "driver": spec.driver if spec else "", "model": spec.model if spec else "",
         "default": name == default, "usable": spec is not None}
        for name, spec in found
    ]  # fmt: skip
    programs = _programs({spec.driver for _, spec in found if spec})
    if json_:
        as_json({"agents": rows, "installed": programs})
        return
    for agent in rows:
        mark = "*" if agent["default"] else " "
        click.echo(
            f"{mark} {agent['name']}  {agent['driver'] or 'waits for `coworkd trust`'} {agent['model']}".rstrip()
        )
    if not rows:
        click.echo("No agents yet: write .cowork/agents/NAME.md")
    for program in programs:
        hint = "" if program["used"] else "; `coworkd init` writes an agent for it"
        click.echo(f"  installed: {program['program']} {program['version']}, {program['login']}{hint}")


def _programs(used: set[str]) -> list[dict[str, Any]]:
    """What is installed; asking each for its version takes a moment."""
    return [
        {"driver": one.program.driver, "program": one.program.executable, "path": one.path,
         "version": installed_version(one),
         "signed_in": one.login.signed_in or bool(one.login.key_variable), "login": str(one.login),
         "used": one.program.driver in used}
        for one in installed_programs(Path.home(), os.environ)
    ]  # fmt: skip
