"""Commands that look back: `log`, `cost`."""

from __future__ import annotations

import time
from typing import Any

import click

from coworkd.cli.completion import TaskName
from coworkd.cli.output import as_json, columns, hanging_indent, json_option
from coworkd.cli.workspace import current_workspace, find_task
from coworkd.core.clock import iso
from coworkd.core.text_formats import format_usd
from coworkd.history.costs import CostTotal, RunCost, run_costs, totals
from coworkd.history.timeline import TimelineEntry, read_timeline

SHOWN = 50


@click.command("log")
@click.argument("task", required=False, metavar="[ID]", type=TaskName())
@click.option("--last", type=click.IntRange(0), metavar="N", help="Only the latest; of everything 50 unless set.")
@json_option
def log_command(task: str | None, last: int | None, json_: bool) -> None:
    """Who did what, when and why: of one task, or of everything."""
    workspace = current_workspace()
    row = find_task(workspace, task) if task else None
    with workspace.reading() as db:
        found = read_timeline(db, workspace.paths.audit, row.id if row else "", row.path if row else "")
    most = last if last is not None else None if task else SHOWN
    shown = found[len(found) - min(most, len(found)) :] if most is not None else found
    if json_:
        as_json({"entries": [_entry(item) for item in shown]})
        return
    for item in shown:
        about = "" if task or not item.task else f"{item.task}: "
        why = f" ({item.why})" if item.why else ""
        click.echo(hanging_indent(f"{iso(item.at)}  {columns((item.who, 17))}", f"{about}{item.what}{why}"))


def _entry(item: TimelineEntry) -> dict[str, Any]:
    return {
        "id": item.id, "at": iso(item.at), "who": item.who, "what": item.what, "why": item.why, "task": item.task,
        "kind": item.kind, "data": item.data,
    }  # fmt: skip


@click.command("cost")
@click.argument("task", required=False, metavar="[ID]", type=TaskName())
@json_option
def cost_command(task: str | None, json_: bool) -> None:
    """What runs cost, by run, task, plan and day; what is not known is said to be unknown."""
    workspace = current_workspace()
    row = find_task(workspace, task) if task else None
    with workspace.reading() as db:
        runs = run_costs(db, workspace.paths.folder, db.state.instance, row.id if row else "")
    groups = {
        "tasks": totals(runs, lambda run: run.task),
        "plans": totals(runs, lambda run: run.plan),
        "days": totals(runs, lambda run: run.day),
    }
    if json_:
        as_json({"runs": [_spent(run) for run in runs]} | {k: [_total(t) for t in v] for k, v in groups.items()})
        return
    today = time.strftime("%Y-%m-%d", time.gmtime())
    for title, some in groups.items():
        if some:
            click.echo(click.style(f"By {title.removesuffix('s')}", bold=True))
        for item in some:
            click.echo(_row(item, " (today)" if item.name == today else ""))
    if task:
        click.echo(click.style("By run", bold=True))
        for run in runs:
            click.echo(_run_row(run))
    if not runs:
        click.echo("nothing has run yet")


def _money(usd: float | None, *, estimated: bool) -> str:
    return "unknown" if usd is None else format_usd(usd, estimated=estimated)


def _row(item: CostTotal, note: str) -> str:
    missing = f", {item.unknown} unknown" if item.unknown and item.usd is not None else ""
    text = f"{_money(item.usd, estimated=item.estimated)}, {item.tokens} tokens, {item.runs} runs{missing}{note}"
    return hanging_indent(f"  {columns((item.name, 28))}", text)


def _run_row(run: RunCost) -> str:
    tokens = "tokens unknown" if run.tokens is None else f"{run.tokens} tokens"
    where = f", on {run.by}" if run.by else ""
    text = f"{_money(run.usd, estimated=run.estimated)}, {tokens}, attempt {run.attempt} by {run.agent}{where}"
    return hanging_indent(f"  {columns((run.run, 28))}", text)


def _spent(run: RunCost) -> dict[str, Any]:
    return {
        "run": run.run, "task": run.task, "plan": run.plan, "agent": run.agent, "model": run.model,
        "attempt": run.attempt, "day": run.day, "tokens": run.tokens, "cost_usd": run.usd, "estimated": run.estimated,
        "by": run.by,
    }  # fmt: skip


def _total(item: CostTotal) -> dict[str, Any]:
    return {
        "name": item.name, "runs": item.runs, "tokens": item.tokens, "cost_usd": item.usd, "estimated": item.estimated,
        "unknown": item.unknown,
    }  # fmt: skip
