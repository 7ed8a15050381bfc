"""The figures of a stress run, and the table that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coworkd.diagnostics.stress.judge import Verdict
from coworkd.diagnostics.stress.scenario import StressFault

_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StressFigures:
    """What was measured; None: it was not measured."""

    seconds: float
    tasks: int
    landed: int
    runs: int
    faults: Mapping[StressFault, int]
    start_overheads: Sequence[float]
    """Seconds from the decision to start a run until its agent began, in order of size."""
    daemon_cpu: float
    """Seconds of CPU of the daemon alone."""
    memory_per_agent: float | None
    """Bytes that coworkd's own processes took for each agent at work."""
    git_processes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StressReport:
    """How a stress run came out."""

    seed: int
    verdict: Verdict
    figures: StressFigures
    left_out: Sequence[str]
    """What was not done, and why."""


def rows(report: StressReport) -> list[tuple[str, str]]:
    """The table: a name and a value for each line."""
    verdict, figures = report.verdict, report.figures
    counts = [
        ("started or landed twice", _named(verdict.twice)),
        ("lost", _named(verdict.lost)),
        ("stuck", _named(verdict.stuck)),
        ("out of order", _named(verdict.disorder)),
        ("processes left", str(verdict.processes_left)),
        ("caps passed", _named(verdict.caps_passed)),
    ]
    faults = ", ".join(f"{count} x {kind}" for kind, count in figures.faults.items()) or "none"
    measured = [
        ("tasks, landed, runs", f"{figures.tasks}, {figures.landed}, {figures.runs} in {figures.seconds:.0f} s"),
        ("faults", faults),
        ("start overhead p50, p95", _percentiles(figures.start_overheads)),
        ("daemon CPU per landed task", _per(figures.daemon_cpu, figures.landed, "{:.3f} s")),
        ("own memory per agent", _megabytes(figures.memory_per_agent)),
        ("git processes per landed task", _per(figures.git_processes, figures.landed, "{:.0f}")),
    ]
    return counts + measured + [("left out", reason) for reason in report.left_out]


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed; they are in order of size, and there is at least one."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
    return f"{len(names)} ({shown})" if names else "0"


def _percentiles(ordered: Sequence[float]) -> str:
    if not ordered:
        return "no agent began"
    return f"{percentile(ordered, 0.5):.2f} s, {percentile(ordered, 0.95):.2f} s"


def _per(total: float | None, count: int, shown: str) -> str:
    if total is None or not count:
        return "not measured"
    return shown.format(total / count)


def _megabytes(size: float | None) -> str:
    return "not measured" if size is None else f"{size / (1 << 20):.1f} MB"
