"""`stress`: agents that fail in every way and faults of the machine, in a throw-away repository, judged at the end."""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict, Unpack

import click

from coworkd.cli.output import as_json, json_option
from coworkd.core.errors import UserError
from coworkd.diagnostics.playground import playground
from coworkd.diagnostics.stress.report import StressReport, rows
from coworkd.diagnostics.stress.runner import StressSize, run_stress

DEFAULT_AGENTS, DEFAULT_MINUTES, TASKS_PER_AGENT = 20, 2.0, 3
FULL_AGENTS, FULL_TASKS, FULL_MINUTES = 200, 1000, 30.0


class _StressOptions(TypedDict):
    tasks: int | None
    agents: int | None
    minutes: float | None
    seed: int | None
    full: bool
    sandbox: bool
    keep: bool


@click.command("stress")
@click.option("--tasks", type=click.IntRange(1), metavar="N", help="How many tasks; three for each agent unless set.")
@click.option("--agents", type=click.IntRange(1), metavar="N", help="How many run at once; 20 unless set.")
@click.option(
    "--minutes",
    type=click.FloatRange(0.1),
    metavar="N",
    help="2 unless set; what still moves then is waited for.",
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="The same seed makes the same tasks and faults.")
@click.option("--full", is_flag=True, help="200 agents, 1,000 tasks, 30 minutes.")
@click.option("--sandbox/--no-sandbox", default=False, help="Whether agents are confined; they are not unless set.")
@click.option("--keep", is_flag=True, help="Leave the repository, and say where it is.")
@json_option
def stress_command(json_: bool, **given: Unpack[_StressOptions]) -> None:
    """Run many agents in a throw-away repository, break things meanwhile, and judge what is left.

    Agents fail, stall, collide, leave processes behind and fork without end; the daemon, its workers and its agents
    are killed and stopped, the disk fills up. No task may run twice, be lost, be stuck or run out of order, no process
    may be left, and no limit may be passed. Nothing of yours is touched.
    """
    root = Path(tempfile.mkdtemp(prefix="coworkd-stress-"))
    with playground(root, keep=given["keep"]) as place:
        if given["keep"]:
            click.echo(f"Everything is kept in {root}", err=True)
        report = run_stress(place, _size(given), lambda line: click.echo(line, err=True))
    if json_:
        as_json(_report_json(report))
    else:
        click.echo(_table(report))
    if not report.verdict.ok:
        raise UserError(f"a promise was not kept; see it again with --seed {report.seed} --keep")


def _size(given: _StressOptions) -> StressSize:
    full = given["full"]
    agents = given["agents"] or (FULL_AGENTS if full else DEFAULT_AGENTS)
    return StressSize(
        seed=secrets.randbelow(1_000_000) if given["seed"] is None else given["seed"],
        tasks=given["tasks"] or (FULL_TASKS if full else agents * TASKS_PER_AGENT),
        agents=agents,
        seconds=60 * (given["minutes"] or (FULL_MINUTES if full else DEFAULT_MINUTES)),
        sandbox=given["sandbox"],
    )


def _table(report: StressReport) -> str:
    lines = rows(report)
    width = max(len(name) for name, _ in lines)
    return "\n".join([f"{'seed':{width}}  {report.seed}", *(f"{name:{width}}  {value}" for name, value in lines)])


def _report_json(report: StressReport) -> dict[str, object]:
    values = asdict(report)
    values["ok"] = report.verdict.ok
    return values
