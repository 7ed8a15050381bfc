"""The report in words."""

from __future__ import annotations

from typing import Any

import pytest

from coworkd.board.views.report import ReportedLanding, ReportedTask, WorkReport
from coworkd.board.views.report_text import cost_text, report_document
from coworkd.store.usage import PeriodUsage

LANDED = ReportedLanding(task="a", title="Add a", commit="c" * 40, at=60.0, undo="coworkd revert a")


def report(**parts: Any) -> WorkReport:
    empty: dict[str, Any] = dict.fromkeys(("landed", "failed", "waiting", "not_started", "at_work", "assumptions"), ())
    return WorkReport(since=0.0, until=3600.0, **{**empty, "cost": PeriodUsage(), **parts})


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (PeriodUsage(), "nothing; 0 tokens"),
        (PeriodUsage(tokens=1500, usd=0.5), "$0.50, 1,500 tokens"),
        (PeriodUsage(usd=0.5, estimated=True), "~$0.50, 0 tokens"),
        (PeriodUsage(usd=0.5, unknown=2), "at least $0.50, 0 tokens; the cost of 2 runs is not known"),
        (PeriodUsage(tokens=7, unknown=1), "the cost of 1 run is not known; 7 tokens"),
    ],
)
def test_cost_is_at_least_where_one_is_unknown(cost: PeriodUsage, expected: str) -> None:
    assert cost_text(cost) == expected


def test_a_landing_has_the_exact_command_that_takes_it_back() -> None:
    text = report_document(report(landed=(LANDED,))).decode()
    assert "- a: Add a, as cccccccccccc; `coworkd revert a` takes it back" in text


def test_an_empty_section_says_so_and_every_section_is_there() -> None:
    text = report_document(report()).decode()
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        "## Landed",
        "## Failed",
        "## Waits for you",
        "## Did not start",
        "## At work",
        "## Assumptions",
        "## Cost",
    ]
    assert text.count("\nNothing.\n") == 5
    assert text.startswith(
        "<!-- written by coworkd; do not edit -->\n\n# From 1970-01-01T00:00Z to 1970-01-01T01:00Z\n"
    )


def test_a_machine_that_may_sleep_is_named_with_the_words_of_the_system() -> None:
    text = report_document(report(may_sleep="x ended with 1: No bus")).decode()
    assert "## Machine\n\nNothing keeps this machine awake: x ended with 1: No bus.\n" in text
    assert "## Machine" not in report_document(report()).decode()


def test_a_file_is_linked_from_the_folder_of_reports_and_text_of_agents_stays_on_its_line() -> None:
    waits = ReportedTask(task="b", why="read \x1b[31mit", path="reviews/b.md")
    text = report_document(report(waiting=(waits,))).decode()
    assert "- [b](../reviews/b.md): read " in text
    assert "\x1b" not in text
