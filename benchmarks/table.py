"""What was measured, and how it is told."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement beside what it is held against."""

    subject: str
    ours: float
    unit: str
    """`s`, `ms`, `MB`, `% of a core`, `bytes`."""
    beside: str
    """What the other number is of; empty: there is none, and `most` bounds the number itself."""
    theirs: float = 0.0
    most: float | None = None
    """The target: of the ratio, or of the number where nothing stands beside it."""
    least: float | None = None
    """The target for a peer: how many times as long it takes."""

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs if self.theirs else 0.0

    @property
    def met(self) -> bool:
        if self.least is not None:
            return self.theirs >= self.least * self.ours
        return self.most is None or (self.ratio if self.beside else self.ours) <= self.most


def markdown(rows: Sequence[Row], skipped: Sequence[str]) -> str:
    lines = [
        f"Measured on {datetime.now(UTC).date().isoformat()} by `make bench`, on {_machine()}.",
        "",
        "| what | coworkd | beside | that | ratio | target | |",
        "| --- | ---: | --- | ---: | ---: | ---: | --- |",
        *(_line(row) for row in rows),
    ]
    missed = [row for row in rows if not row.met]
    lines += ["", f"{len(rows) - len(missed)} of {len(rows)} targets met."]
    if skipped:
        lines += ["", "Skipped: " + "; ".join(skipped) + "."]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    theirs, ratio = (_number(row.theirs, row.unit), _ratio(row)) if row.beside else ("", "")
    cells = (row.subject, _number(row.ours, row.unit), row.beside, theirs, ratio, _target(row), _verdict(row))
    return f"| {' | '.join(cells)} |"


def _ratio(row: Row) -> str:
    if row.least is not None:
        return f"1/{row.theirs / row.ours:.1f}" if row.ours else ""
    return f"{row.ratio:.2f}"


def _target(row: Row) -> str:
    if row.least is not None:
        return f"1/{row.least:g}"
    if row.most is None:
        return ""
    return f"{row.most:g}" if row.beside else f"{row.most:g} {row.unit}"


def _verdict(row: Row) -> str:
    if row.most is None and row.least is None:
        return ""
    return "met" if row.met else "**missed**"


def _number(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def _machine() -> str:
    cores = os.cpu_count()
    system = f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"
    return f"{cores} cores, {system}, with {os.getloadavg()[2]:.0f} processes at work on average"
