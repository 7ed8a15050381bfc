"""`coworkd stats`: how long the phases of runs take, how runs end, and what they cost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from coworkd.cli.output import as_json, columns, json_option
from coworkd.cli.workspace import current_workspace
from coworkd.core.clock import iso
from coworkd.core.errors import UsageError
from coworkd.core.runs import EndedState
from coworkd.core.text_formats import format_duration, format_usd
from coworkd.history.durations import Phase, PhaseSummary, read_durations, summarise
from coworkd.store import RunRow
from coworkd.store.runs import runs_since

DAY = 86400.0

WORDS = {
    Phase.QUEUE: "ready, waits for its start",
    Phase.START: "slot is made ready",
    Phase.FIRST_BYTE: "until the first output",
    Phase.FIRST_TOKEN: "until the first text",
    Phase.RUN: "agent is at work",
    Phase.WAIT: "waits for a person",
    Phase.VERIFY: "is verified",
    Phase.LAND: "lands",
}


@click.command("stats")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), default=7.0, show_default=True, metavar="N",
              help="Runs and phases that began in the last N days.")  # fmt: skip
@click.option("--agent", metavar="NAME", help="Only those of this agent.")
@json_option
def stats_command(days: float, agent: str | None, json_: bool) -> None:
    """How long runs wait, start, work, are verified and land; how they ended; what they cost."""
    since = time.time() - days * DAY
    with current_workspace().reading() as db:
        runs = [run for run in runs_since(db, since) if agent in (None, run.agent)]
        phases = summarise([one for one in read_durations(db, since) if agent in (None, one.agent)])
    if agent and not runs:
        raise UsageError(f"no run of an agent `{agent}` began in the last {days:g} days")
    if json_:
        as_json(_as_values(phases, runs, since))
        return
    click.echo(click.style(f"Since {iso(since)[:16]}Z: {_outcomes(runs)}", bold=True))
    click.echo(f"  {columns(('phase', 30), ('number', 8), ('median', 10), ('90% within', 10))}")
    for phase, summary in phases.items():
        click.echo(f"  {columns((WORDS[phase], 30), (str(summary.n), 8), *_times(summary))}")
    click.echo(f"  {_cost(runs)}")


def _as_values(phases: dict[Phase, PhaseSummary], runs: Sequence[RunRow], since: float) -> dict[str, Any]:
    known = [run.usage.cost_usd for run in runs if run.usage.cost_usd is not None]
    return {
        **{str(phase): asdict(summary) for phase, summary in phases.items()},
        "since": iso(since), "runs": dict(_ends(runs)),
        "cost": {"usd": sum(known) if known else None, "unknown": len(runs) - len(known)},
    }  # fmt: skip


def _ends(runs: Sequence[RunRow]) -> Counter[str]:
    """How many runs ended how; those that have not ended are `active`."""
    return Counter(str(run.state.reason) if isinstance(run.state, EndedState) else "active" for run in runs)


def _outcomes(runs: Sequence[RunRow]) -> str:
    if not runs:
        return "no run has begun"
    ends = ", ".join(f"{count} {end.replace('_', ' ')}" for end, count in _ends(runs).most_common())
    return f"{len(runs)} runs ({ends})"


def _times(summary: PhaseSummary) -> list[tuple[str, int]]:
    if summary.median is None or summary.p90 is None:
        return [("not known", 10), ("", 10)]
    return [(_time(summary.median), 10), (_time(summary.p90), 10)]


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else format_duration(seconds)


def _cost(runs: Sequence[RunRow]) -> str:
    known = [run.usage.cost_usd for run in runs if run.usage.cost_usd is not None]
    unknown = len(runs) - len(known)
    estimated = any(
        run.usage.estimated or run.billing == "subscription" for run in runs if run.usage.cost_usd is not None
    )
    cost = format_usd(sum(known), estimated=estimated) if known else "not known"
    return f"cost: {cost}" + (f", and {unknown} runs of which it is not known" if known and unknown else "")
