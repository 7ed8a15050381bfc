"""Queries about cooldowns: providers' accounts that are unavailable for a while."""

from __future__ import annotations

from coworkd.store.database import Database
from coworkd.store.rows import CooldownRow


def find_cooldown(db: Database, account: str) -> CooldownRow | None:
    """The cooldown of an account, also one that is over; None where it has none."""
    return db.one(CooldownRow, "account = ?", account)


def put_cooldown(db: Database, row: CooldownRow) -> None:
    """Record that an account is unavailable."""
    db.put(row)


def remove_cooldown(db: Database, account: str) -> bool:
    """Record that an account is available; False when it had no cooldown."""
    return bool(db.execute("DELETE FROM cooldowns WHERE account = ?", account))
