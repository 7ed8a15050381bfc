"""Events in words."""

from __future__ import annotations

import json

import pytest

from coworkd.core.event_kinds import EventKind
from coworkd.history.timeline import describe_event
from coworkd.store import EventRow


def event(kind: str, **data: object) -> EventRow:
    return EventRow(id=1, at=0.0, kind=kind, task="t", actor="coworkd", data=json.dumps(data))


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_has_words_of_its_own(kind: EventKind) -> None:
    entry = describe_event(event(kind, run="r1", agent="ann", path="tasks/t.md", said="it moved", new="ready"))
    assert entry.what != kind.value
    assert len(entry.what.split()) > 1


def test_a_kind_of_a_newer_version_is_shown_by_its_name() -> None:
    assert describe_event(event("something new")).what == "something new"


def test_who_and_why_come_from_what_was_recorded() -> None:
    entry = describe_event(event(EventKind.AGENT_STOPPED, agent="ann", via="command", reason="five failed at once"))
    assert (entry.who, entry.what, entry.why) == ("coworkd (command)", "ann starts no more runs", "five failed at once")
