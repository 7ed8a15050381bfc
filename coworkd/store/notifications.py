"""The attention items for which the user's commands have been run."""

from __future__ import annotations

from collections.abc import Collection

from coworkd.store.database import Database


def notified_items(db: Database) -> frozenset[str]:
    """The items for which commands have been run and that still wait."""
    return frozenset(row["item"] for row in db.query("SELECT item FROM told"))


def set_notified_items(db: Database, items: Collection[str], now: float) -> None:
    """Keep these as the items that wait and for which commands have been run, and no others."""
    db.execute("DELETE FROM told")
    for item in items:
        db.execute("INSERT INTO told (item, at) VALUES (?, ?)", item, now)
