from __future__ import annotations

import pytest

from coworkd.core.event_kinds import EventKind
from coworkd.dispatch.scheduling.agent_selection import AgentChoice, choice_event, choose_agent
from coworkd.store import CooldownRow
from coworkd.store.events import NewEvent

NOW = 100.0


@pytest.mark.parametrize(
    ("unavailable_until", "expected"),
    [
        pytest.param({}, AgentChoice(agent="a"), id="the wanted one is free"),
        pytest.param({"a": NOW}, AgentChoice(agent="a"), id="it has cooled down"),
        pytest.param({"a": 101.0}, AgentChoice(agent="b", instead_of="a"), id="the first other"),
        pytest.param(
            {"a": 101.0, "b": 105.0}, AgentChoice(agent="c", instead_of="a"), id="the first other that is free"
        ),
        pytest.param({"b": 105.0}, AgentChoice(agent="a"), id="others do not matter"),
        pytest.param({"a": 109.0, "b": 105.0, "c": 107.0}, AgentChoice(agent="a", until=105.0), id="nobody is free"),
    ],
)
def test_the_first_available_agent_is_chosen(unavailable_until: dict[str, float], expected: AgentChoice) -> None:
    assert choose_agent("a", ("b", "c"), unavailable_until, NOW) == expected


COOLDOWN = CooldownRow(account="x/default/m", until=160.0, times=1, kind="rate_limit", reason="slow down", since=40.0)
TOLD = {"until": 160.0, "reason": "slow down", "error": "rate_limit"}


@pytest.mark.parametrize(
    ("agent", "cooldown", "kind", "data"),
    [
        ("a", None, None, {}),
        ("b", None, None, {}),
        ("b", COOLDOWN, EventKind.FALLBACK_CHOSEN, {"agent": "b", "instead_of": "a", **TOLD}),
        ("a", COOLDOWN, EventKind.PRIMARY_TRIED_AGAIN, {"agent": "a", "instead_of": "", **TOLD}),
    ],
)
def test_an_event_says_who_takes_over_and_why(
    agent: str, cooldown: CooldownRow | None, kind: EventKind | None, data: dict[str, object]
) -> None:
    event = NewEvent(at=NOW, kind=kind, task="t", data=data) if kind else None
    assert choice_event("t", agent, "a", cooldown, NOW) == event
