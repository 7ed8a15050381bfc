"""The report in words, for the terminal and for the file: headings, and below each its entries. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coworkd.board.generated_documents import GENERATED
from coworkd.board.views.inbox import link_target
from coworkd.board.views.report import ReportedTask, WorkReport
from coworkd.core.clock import iso
from coworkd.core.terminal_text import visible_line
from coworkd.core.text_formats import format_usd
from coworkd.store.usage import PeriodUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEntry:
    """One entry: what it is about, and what is said of it."""

    head: str
    text: str
    path: str = ""
    """A file below `.cowork/` that `head` leads to; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSection:
    """A heading with its entries, or with what stands there where there are none."""

    title: str
    entries: tuple[ReportEntry, ...]
    nothing: str


def report_sections(report: WorkReport) -> list[ReportSection]:
    """Every section, in the order in which they are read."""
    return [
        ReportSection(title="Landed", entries=tuple(_landings(report)), nothing="nothing"),
        ReportSection(title="Failed", entries=_tasks(report.failed), nothing="nothing"),
        ReportSection(title="Waits for you", entries=_tasks(report.waiting), nothing="nothing"),
        ReportSection(title="Did not start", entries=_tasks(report.not_started), nothing="nothing"),
        ReportSection(title="At work", entries=_tasks(report.at_work), nothing="nothing"),
        ReportSection(
            title="Assumptions", nothing="none is listed",
            entries=tuple(ReportEntry(head=one.task, text=one.why) for one in report.assumptions),
        ),
    ]  # fmt: skip


def _landings(report: WorkReport) -> Iterator[ReportEntry]:
    for one in report.landed:
        about = f"{one.title}, as {one.commit[:12]}" if one.title else f"as {one.commit[:12]}"
        yield ReportEntry(head=one.task, text=f"{about}; `{one.undo}` takes it back")


def _tasks(tasks: Sequence[ReportedTask]) -> tuple[ReportEntry, ...]:
    return tuple(ReportEntry(head=one.task or one.path or ".cowork", text=one.why, path=one.path) for one in tasks)


def period_text(report: WorkReport) -> str:
    """From when to when."""
    return f"From {_minute(report.since)} to {_minute(report.until)}"


def sleep_text(report: WorkReport) -> str:
    """That nothing kept the machine awake; empty where something did."""
    return f"nothing keeps this machine awake: {report.may_sleep}" if report.may_sleep else ""


def _minute(at: float) -> str:
    return f"{iso(at)[:16]}Z"


def cost_text(cost: PeriodUsage) -> str:
    """What it cost; `at least` where the cost of a run is not known."""
    tokens = f"{cost.tokens:,} tokens"
    runs = f"the cost of {cost.unknown} {'run' if cost.unknown == 1 else 'runs'} is not known"
    if cost.usd is None:
        return f"{runs}; {tokens}" if cost.unknown else f"nothing; {tokens}"
    usd = format_usd(cost.usd, estimated=cost.estimated)
    return f"at least {usd}, {tokens}; {runs}" if cost.unknown else f"{usd}, {tokens}"


def report_document(report: WorkReport) -> bytes:
    """The report as a file of `.cowork/reports/`."""
    lines = [f"<!-- {GENERATED}; do not edit -->", "", f"# {period_text(report)}", ""]
    for section in report_sections(report):
        lines += [f"## {section.title}", ""]
        lines += [_item(entry) for entry in section.entries] or [f"{_sentence(section.nothing)}"]
        lines.append("")
    if awake := sleep_text(report):
        lines += ["## Machine", "", f"{_sentence(visible_line(awake))}", ""]
    return "\n".join([*lines, "## Cost", "", f"{_sentence(cost_text(report.cost))}", ""]).encode()


def _item(entry: ReportEntry) -> str:
    head = visible_line(entry.head)
    linked = f"[{head}](../{link_target(entry.path)})" if entry.path else head
    return f"- {linked}: {visible_line(entry.text)}"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
