"""Stored instants follow the machine's clock where it was set, so that no wait becomes longer or shorter for that.

All instants of the database are moved together, so that their order and the time between any two stay as they were, and
a clock that is set wrong and right again leaves no trace. Events are history that is only appended to, and stay.
"""

from __future__ import annotations

from collections.abc import Mapping

from coworkd.core.clock import TOLERANCE, ClockOrigin
from coworkd.core.event_kinds import EventKind
from coworkd.store.database import Database

MOVED_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "agent_stops": ("since", "until"),
    "bases": ("at",),
    "cooldowns": ("until", "since"),
    "documents": ("changed_at", "body_changed_at", "absent_since"),
    "grants": ("at",),
    "patterns": ("began", "ended"),
    "steps": ("asked", "ended", "not_before"),
    "messages": ("due",),
    "problems": ("since",),
    "requests": ("created",),
    "runs": ("started", "ended", "began", "first_at", "heard_at", "waiting_since", "retry_at"),
    "submissions": ("created",),
    "tasks": ("since", "created", "not_before", "wanted_due"),
    "told": ("at",),
    "trash": ("check_at",),
    "trusted": ("at",),
    "unsandboxed_saves": ("at",),
    "usages": ("at",),
}
"""Instants by table, in seconds since the epoch; 0 and NULL stand for none."""

KEPT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "events": ("at",),
    "requests": ("expires",),
    "runs": ("cost_usd", "reserved_usd", "waited", "round_delay"),
    "plans": ("size",),
    "tasks": ("priority", "cost_usd", "size"),
    "usages": ("cost_usd",),
}
"""Numbers that are no instants, and instants that stay.

When a request expires is a date that a person was told, and that an approval is bound to.
"""


def follow_clock(db: Database, origin: ClockOrigin, now: float) -> float:
    """Move what is stored by as much as the clock was set since the database was last written by a daemon.

    Returns the seconds; 0: it was not set. Of another boot only a clock that shows less than before is known to have
    been set.
    """
    kept = _kept_origin(db)
    same_boot = kept is not None and kept.boot == origin.boot
    step = origin.offset - kept.offset if kept and same_boot else min(now - _latest_event_at(db), 0.0)
    step = step if abs(step) > TOLERANCE else 0.0
    if step or not same_boot:
        with db.write(durable=True):
            if step:
                _move_instants(db, step)
                db.event(now, EventKind.CLOCK_SET, seconds=round(step, 3))
            db.state.clock_origin = f"{origin.offset!r} {origin.boot}"
    return step


def _kept_origin(db: Database) -> ClockOrigin | None:
    offset, _, boot = db.state.clock_origin.partition(" ")
    return ClockOrigin(boot=boot, offset=float(offset)) if offset else None


def _latest_event_at(db: Database) -> float:
    return float(db.scalar("SELECT at FROM events WHERE id > 0 ORDER BY id DESC LIMIT 1") or 0.0)


def _move_instants(db: Database, seconds: float) -> None:
    for table, columns in MOVED_COLUMNS.items():
        changes = ", ".join(f"{column} = iif({column} != 0, {column} + ?, {column})" for column in columns)
        db.execute(f"UPDATE {table} SET {changes}", *(seconds for _ in columns))
    db.state.untrusted_since = db.state.untrusted_since and db.state.untrusted_since + seconds
    db.execute(
        "UPDATE meta SET value = json_set(value, '$.at', json_extract(value, '$.at') + ?)"
        " WHERE key = 'set-up fault' AND value != '' AND json_extract(value, '$.at') != 0",
        seconds,
    )
