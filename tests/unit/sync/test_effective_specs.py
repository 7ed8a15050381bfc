"""The user's own settings bound the workspace's."""

from __future__ import annotations

import pytest

from coworkd.core.model import SandboxMode, SandboxSpec, Settings, UserSandbox, UserSettings
from coworkd.sync.effective_specs import clamp_to_user_limits

OFF, AUTO, REQUIRE = SandboxMode.OFF, SandboxMode.AUTO, SandboxMode.REQUIRE


@pytest.mark.parametrize(
    ("wanted", "most", "counts"), [(4, None, 4), (4, 2, 2), (2, 4, 2)], ids=["unbounded", "lower", "within"]
)
def test_the_lower_bound_counts(wanted: int, most: int | None, counts: int) -> None:
    found = clamp_to_user_limits(Settings(concurrency=wanted), UserSettings(concurrency=most, notify=("x",)))
    assert found == Settings(concurrency=counts)
    spent = clamp_to_user_limits(
        Settings(budget_usd_per_day=wanted), UserSettings(budget_usd_per_day=most, notify=("x",))
    )
    assert spent == Settings(budget_usd_per_day=counts)


def test_a_bound_counts_where_the_workspace_sets_none() -> None:
    assert clamp_to_user_limits(Settings(), UserSettings(budget_usd_per_day=3)) == Settings(budget_usd_per_day=3)


@pytest.mark.parametrize(
    ("wanted", "least", "counts"),
    [(OFF, None, OFF), (AUTO, AUTO, AUTO), (AUTO, REQUIRE, REQUIRE), (OFF, REQUIRE, REQUIRE), (REQUIRE, OFF, REQUIRE)],
)
def test_whoever_requires_a_sandbox_has_one(
    wanted: SandboxMode, least: SandboxMode | None, counts: SandboxMode
) -> None:
    settings = Settings(sandbox=SandboxSpec(mode=wanted, network=("a.example",)))
    found = clamp_to_user_limits(settings, UserSettings(sandbox=UserSandbox(mode=least), notify=("x",))).sandbox
    assert found == SandboxSpec(mode=counts, network=("a.example",))
