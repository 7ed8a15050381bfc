"""`coworkd report`: what happened since a time, and how each landing is taken back."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import click

from coworkd.board.views.report import WorkReport, read_report
from coworkd.board.views.report_text import cost_text, period_text, report_sections, sleep_text
from coworkd.cli.output import as_json, hanging_indent, json_option
from coworkd.cli.workspace import current_workspace
from coworkd.core.clock import iso
from coworkd.core.errors import DocumentError, UsageError
from coworkd.documents.schema.readers import time_limit


@click.command("report")
@click.option("--since", default="8h", show_default=True, metavar="TIME", help="How long ago it begins: 8h, 90m, 2d.")
@json_option
def report_command(since: str, json_: bool) -> None:
    """What landed, failed, waits or did not start; assumptions, cost, and how to undo each landing."""
    now = time.time()
    begin = now - _seconds(since)
    with current_workspace().reading() as db:
        report = read_report(db, begin, now)
    if json_:
        as_json(_as_values(report))
        return
    click.echo(click.style(period_text(report), bold=True))
    for section in report_sections(report):
        click.echo(click.style(section.title, bold=True))
        for entry in section.entries:
            click.echo(hanging_indent(f"  {entry.head}", entry.text))
        if not section.entries:
            click.echo(f"  {section.nothing}")
    if awake := sleep_text(report):
        click.echo(f"{click.style('Machine', bold=True)}\n{hanging_indent('', awake)}")
    click.echo(f"{click.style('Cost', bold=True)}\n  {cost_text(report.cost)}")


def _seconds(since: str) -> float:
    try:
        return time_limit(since)
    except DocumentError as error:
        raise UsageError(f"--since: {error.message}") from error


def _as_values(report: WorkReport) -> dict[str, Any]:
    cost = report.cost
    return {
        "since": iso(report.since), "until": iso(report.until),
        "landed": [asdict(one) | {"at": iso(one.at)} for one in report.landed],
        "failed": [asdict(one) for one in report.failed], "waiting": [asdict(one) for one in report.waiting],
        "not_started": [asdict(one) for one in report.not_started],
        "at_work": [asdict(one) for one in report.at_work],
        "assumptions": [asdict(one) for one in report.assumptions],
        "cost_usd": cost.usd, "cost": {"usd": cost.usd, "unknown": cost.unknown, "estimated": cost.estimated},
        "tokens": cost.tokens, "may_sleep": report.may_sleep,
    }  # fmt: skip
