"""Runs: one attempt of an agent at a task each."""

from __future__ import annotations

from coworkd.store.database import Database


def note_machine_fault(db: Database, fault: str) -> None:
    """Every run that has not ended gets the fault of the machine under which it works; the first one stays."""
    unnoted = "state != 'ended' AND fault = ''"
    if db.scalar(f"SELECT 1 FROM runs WHERE {unnoted} LIMIT 1"):
        with db.write():
            db.execute(f"UPDATE runs SET fault = ? WHERE {unnoted}", fault)
