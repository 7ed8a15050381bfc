"""Which attention items the user's commands were told of."""

from __future__ import annotations

from collections.abc import Collection

from coworkd.store.database import Database


def notified_items(db: Database) -> frozenset[str]:
    """The items that were told of and still wait."""
    return frozenset(row["item"] for row in db.query("SELECT item FROM told"))


def set_notified_items(db: Database, items: Collection[str], now: float) -> None:
    """These wait now, and have been told of; the others are forgotten."""
    db.execute("DELETE FROM told")
    for item in items:
        db.execute("INSERT INTO told (item, at) VALUES (?, ?)", item, now)
