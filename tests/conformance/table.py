"""The table of drivers and cases in `docs/agents.md`: `python -m tests.conformance.table` writes it anew."""

from __future__ import annotations

from pathlib import Path

from tests.sessions import DRIVERS, Case, Driver

PAGE = Path(__file__).parents[2] / "docs" / "agents.md"
BEGIN = "<!-- drivers: written by `python -m tests.conformance.table` -->\n"
END = "<!-- end of drivers -->"
SHOWN = [driver for driver in DRIVERS if driver.name != "fake"]


def table() -> str:
    """A row for each case, a column for each driver; below it why a driver cannot do one."""
    head = [f"| case | {' | '.join(f'`{driver.name}`' for driver in SHOWN)} |", f"| --- |{' --- |' * len(SHOWN)}"]
    rows = [f"| {case.value} | {' | '.join(_cell(driver, case) for driver in SHOWN)} |" for case in Case]
    reasons = [f"- `{driver.name}`, {case.value}: {why}" for driver in SHOWN for case, why in driver.cannot.items()]
    return "\n".join(["", *head, *rows, "", *reasons, "", ""])


def written(page: str) -> str:
    """The page with the table as it is now."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.split(END)[1]}"


def _cell(driver: Driver, case: Case) -> str:
    return "no" if case in driver.cannot else "yes"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
