"""`doctor`: what works here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import click

from coworkd.cli.completion import AgentName
from coworkd.cli.output import as_json, hanging_indent, json_option, plain
from coworkd.cli.workspace import Workspace, current_workspace, unknown_name_error
from coworkd.core.errors import UserError
from coworkd.diagnostics.doctor import examine
from coworkd.diagnostics.findings import Finding, Level
from coworkd.sync.effective_specs import EffectiveSpecs
from coworkd.system.git.repository_trust import UNTRUSTED

FINDING_LINES = 20
"""Lines that a finding, or what to do about it, may take: both are to be read whole."""

_COLOURS = {Level.OK: "green", Level.WEAK: "yellow", Level.BAD: "red"}


@click.command("doctor")
@click.option(
    "--agent", "name", default="", metavar="NAME", type=AgentName(), help="Try this agent for some seconds, in a slot."
)
@click.option("--verify", is_flag=True, help="Run the verification on the tip without any change; show its output.")
@json_option
def doctor_command(name: str, verify: bool, json_: bool) -> int:
    """What works here, what is weaker than it could be, and what to do; exit 1 when something is bad."""
    workspace = current_workspace()
    if verify:
        return _verification_finding(workspace, json_)
    findings = list(_agent_findings(workspace, name) if name else examine(workspace.paths))
    sound = all(finding.level is not Level.BAD for finding in findings)
    if json_:
        as_json({"ok": sound, "checks": [dataclasses.asdict(finding) for finding in findings]})
    else:
        click.echo("\n".join(map(_line, findings)))
    return 0 if sound else 1


def _agent_findings(workspace: Workspace, name: str) -> Iterator[Finding]:
    """Start one agent: only where its file counts."""
    from coworkd.diagnostics import agent_trial  # it brings the executor with it, which no other command needs

    with workspace.reading() as db:
        if db.state.untrusted_reason:
            raise UserError(UNTRUSTED)
        specs = EffectiveSpecs(db)
        agent, settings, known = specs.agent(name), specs.settings(), specs.agents()
    if agent is None:
        there = f"there are: {', '.join(known) or 'none'}"
        raise unknown_name_error(f"there is no agent `{name}` that counts", name, known, there)
    return agent_trial.examine(workspace.paths, agent, settings)


def _verification_finding(workspace: Workspace, json_: bool) -> int:
    """Run the workspace's verification: only where its files count."""
    from coworkd.diagnostics.tip_verification import verify_tip  # it brings git and the sandbox with it

    with workspace.reading() as db:
        if db.state.untrusted_reason:
            raise UserError(UNTRUSTED)
        specs = EffectiveSpecs(db)
        settings, target = specs.settings(), specs.target()
    said: list[str] = []
    done = verify_tip(workspace.paths, settings, target, said.append if json_ else _say)
    if json_:
        checks = [{"command": one.command, "exit": one.exit, "seconds": one.seconds} for one in done.checks]
        as_json({
            "ok": not done.problem, "commit": done.commit, "checks": checks, "problem": done.problem,
            "output": "".join(said),
        })  # fmt: skip
    else:
        click.echo(done.problem or "green: every command ended with 0, and nothing leads to your checkout")
    return 1 if done.problem else 0


def _say(text: str) -> None:
    click.echo("\n".join(map(plain, text.split("\n"))), nl=False)


def _line(finding: Finding) -> str:
    level = click.style(finding.level.ljust(4), fg=_COLOURS[finding.level])
    found = hanging_indent(f"{level}  {plain(finding.name):<14}", finding.found, most=FINDING_LINES)
    advice = hanging_indent(" " * 20, finding.advice, most=FINDING_LINES)
    return f"{found}\n{advice}" if finding.advice else found
