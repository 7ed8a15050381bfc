"""`estimate`: what a task takes at least and at most, before its first run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from coworkd.cli.completion import TaskName
from coworkd.cli.output import as_json, columns, json_option
from coworkd.cli.workspace import current_workspace, find_task_in
from coworkd.core.errors import UserError
from coworkd.core.text_formats import format_usd
from coworkd.dispatch.collaboration.attempts import build_spec
from coworkd.dispatch.collaboration.estimates import Estimate, MedianCost, TotalEstimate, estimate
from coworkd.dispatch.patterns.registry import NEXT_STEPS
from coworkd.dispatch.patterns.seats import unfit_reason
from coworkd.dispatch.patterns.steps import PatternSpec
from coworkd.dispatch.patterns.voices import one_voice_notice, voice_shortage
from coworkd.store.usage import past_usages
from coworkd.sync.effective_specs import EffectiveSpecs

_NOT_COUNTED = "not counted: retries, fallbacks, replies that are asked for again, conflicts and red rounds"


@click.command("estimate")
@click.argument("task", type=TaskName())
@json_option
def estimate_command(task: str, json_: bool) -> None:
    """Runs, tokens and cost that a task takes, at least and at most, by what its agents used before."""
    with current_workspace().reading() as db:
        row, specs = find_task_in(db, task), EffectiveSpecs(db)
        written = specs.task(row.path)
        if written.pattern.name not in NEXT_STEPS:
            raise UserError(f"`pattern: {written.pattern.name}` is not available in this version")
        spec = build_spec(row, written, written.agent or specs.settings().agent, specs.agent)
        if reason := unfit_reason(spec):
            raise UserError(reason)
        found = estimate(spec, lambda agent: past_usages(db, agent))
    as_json(_as_values(row.id, spec, found)) if json_ else click.echo("\n".join(_as_lines(row.id, spec, found)))


def _as_values(task: str, spec: PatternSpec, found: Estimate) -> dict[str, Any]:
    return {
        "task": task, "pattern": str(spec.request.name), "least": asdict(found.least), "most": asdict(found.most),
        "seats": [
            {"step": seat.runs.step, "agent": seat.runs.seat.agent, "median": asdict(seat.cost) if seat.cost else None}
            for seat in found.seats
        ],
        "notices": _notices(spec),
    }  # fmt: skip


def _notices(spec: PatternSpec) -> list[str]:
    return [text for text in (voice_shortage(spec), one_voice_notice(spec)) if text]


def _as_lines(task: str, spec: PatternSpec, found: Estimate) -> list[str]:
    lines = [f"{task}: pattern {spec.request.name}"]
    lines += [
        f"  {columns((name, 7))}{_total_text(total)}" for name, total in (("least", found.least), ("most", found.most))
    ]
    for seat in found.seats:
        runs = str(seat.runs.least) if seat.runs.least == seat.runs.most else f"{seat.runs.least} to {seat.runs.most}"
        lines.append(f"  {columns((seat.runs.step, 14), (seat.runs.seat.agent, 14), (runs, 8))}{_cost_text(seat.cost)}")
    return [*lines, *(f"  {notice}" for notice in _notices(spec)), f"  {_NOT_COUNTED}"]


def _total_text(total: TotalEstimate) -> str:
    runs = f"{total.runs} run" if total.runs == 1 else f"{total.runs} runs"
    return f"{runs}, {_cost_text(MedianCost(tokens=total.tokens, usd=total.usd))}"


def _cost_text(cost: MedianCost | None) -> str:
    known = [f"{cost.tokens:,} tokens"] if cost and cost.tokens is not None else []
    known += [format_usd(cost.usd)] if cost and cost.usd is not None else []
    return ", ".join(known) or "cost unknown: no run to go by"
