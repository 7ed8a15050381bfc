from __future__ import annotations

import pytest

from coworkd.agents.registry import DRIVERS, create_agent
from tests.conformance.table import PAGE, written
from tests.sessions import DRIVERS as TESTED


def test_the_table_of_drivers_says_what_the_tests_try() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run `python -m tests.conformance.table`"


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_passes_the_tests_by_itself_or_as_a_kind_of_another(name: str) -> None:
    created = create_agent(name)
    assert any(isinstance(created, driver.create) for driver in TESTED if isinstance(driver.create, type))
