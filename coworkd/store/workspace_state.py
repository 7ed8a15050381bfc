"""What is known of the workspace as a whole."""

from __future__ import annotations

from coworkd.store.database import Database

_UNTRUSTED, _UNTRUSTED_SINCE = "untrusted", "untrusted_since"


def problem_paths(db: Database, source: str) -> frozenset[str]:
    """The paths with a problem of this source."""
    return frozenset(row["path"] for row in db.query("SELECT path FROM problems WHERE source = ?", source))


def untrusted_reason(db: Database) -> str:
    """Why nothing may run in this repository; empty when it is trusted."""
    return db.setting(_UNTRUSTED)


def untrusted_since(db: Database) -> float:
    """Since when nothing may run in this repository; 0: it may."""
    return float(db.setting(_UNTRUSTED_SINCE) or 0.0)


def set_untrusted(db: Database, reason: str, now: float) -> None:
    """Keep why nothing may run in this repository, and since when; empty: it is trusted."""
    since = "" if not reason else db.setting(_UNTRUSTED_SINCE) or repr(now)
    db.set_state(_UNTRUSTED, reason)
    db.set_state(_UNTRUSTED_SINCE, since)
