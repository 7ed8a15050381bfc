"""The event log: one append-only row for every change of state, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coworkd.core.event_kinds import EventKind
from coworkd.store.database import Database
from coworkd.store.rows import EventRow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event that is about to be written."""

    at: float
    kind: EventKind
    task: str = ""
    actor: str = "daemon"
    data: Mapping[str, object] = field(default_factory=dict[str, object])


def add_event(db: Database, event: NewEvent) -> None:
    db.event(event.at, event.kind, task=event.task, actor=event.actor, **event.data)


def events_after(db: Database, event: int, limit: int = -1) -> list[EventRow]:
    """Events with a higher id, in order; `limit` -1: all of them."""
    return db.all(EventRow, "id > ? ORDER BY id LIMIT ?", event, limit)


def events_of_kinds(db: Database, kinds: Sequence[EventKind], since: float) -> list[EventRow]:
    """The events of these kinds from this time on, in order."""
    marks = ", ".join("?" * len(kinds))
    return db.all(EventRow, f"at >= ? AND kind IN ({marks}) ORDER BY id", since, *kinds)


def latest_event(db: Database) -> int:
    """The id of the latest event; 0: there is none."""
    return int(db.scalar("SELECT coalesce(max(id), 0) FROM events"))


def has_all_events(db: Database, after: int, upto: int) -> bool:
    """Whether no event between two ids is missing."""
    count = db.scalar("SELECT count(*) FROM events WHERE id > ? AND id <= ?", after, upto)
    return bool(count == upto - after)


def continue_events_after(db: Database, event: int) -> None:
    """Give the next event a higher id than this one, also where no event has been written yet."""
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
    db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", event)


def latest_assigned_event(db: Database) -> int:
    """The highest id that an event has ever had here, whether or not it is still kept; 0: there was none."""
    known = db.scalar("SELECT max(id) FROM (SELECT id FROM events UNION ALL SELECT seq FROM sqlite_sequence)")
    return int(known or 0)
