"""`agents`."""

from __future__ import annotations

import click

from coworkd.cli.printing import as_json, json_option
from coworkd.cli.workspace import here
from coworkd.sync.specs import Specs


@click.command("agents")
@json_option
def agents_command(json_: bool) -> None:
    """The agents of this workspace."""
    workspace = here()
    with workspace.reading() as db:
        specs = Specs(db)
        found = [(name, specs.agent(name)) for name in specs.agents()]
        default = specs.settings().agent
    rows = [
        {"name": name, "driver": spec.driver if spec else "", "model": spec.model if spec else "",
         "default": name == default, "usable": spec is not None}
        for name, spec in found
    ]  # fmt: skip
    if json_:
        as_json({"agents": rows})
        return
    for agent in rows:
        mark = "*" if agent["default"] else " "
        click.echo(
            f"{mark} {agent['name']}  {agent['driver'] or 'waits for `coworkd trust`'} {agent['model']}".rstrip()
        )
    if not rows:
        click.echo("No agents yet: write .cowork/agents/NAME.md")
