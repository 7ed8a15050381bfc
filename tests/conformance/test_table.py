from __future__ import annotations

from tests.conformance.table import PAGE, written


def test_the_table_of_drivers_says_what_the_tests_try() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run `python -m tests.conformance.table`"
