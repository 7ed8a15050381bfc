"""Saves that an agent could have made itself: an agent without a sandbox was at work at that moment."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.model import SandboxLevel
from coworkd.core.run_states import RunState
from coworkd.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsandboxedSave:
    """One decision in a file, and the run that was at work when it was saved."""

    path: str
    decision: str
    """The word that was saved, such as `approved` or `done`."""
    run: str
    agent: str
    at: float


class UnsandboxedSaves:
    """Reads and adds them; adding belongs into the transaction that acts on the decision."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def run_at_work(self, path: str) -> tuple[str, str]:
        """The run, and its agent, that had no sandbox and was at work when `path` was last saved; empty: none was.

        What is not known of a run's sandbox counts as none.
        """
        rows = self._db.query(
            # CROSS JOIN: from the file to the runs of that time, which an index has, never through all runs.
            "SELECT r.id, r.agent FROM documents d CROSS JOIN runs r WHERE d.path = ?"
            f" AND (r.state != '{RunState.ENDED}' OR r.ended >= d.changed_at) AND r.started <= d.changed_at"
            " AND r.state != ? AND r.level IN ('', ?) ORDER BY r.started DESC LIMIT 1",
            path, str(RunState.PREPARING), str(SandboxLevel.NONE),
        )  # fmt: skip
        return (rows[0]["id"], rows[0]["agent"]) if rows else ("", "")

    def add(self, save: UnsandboxedSave) -> None:
        self._db.execute(
            "INSERT INTO unsandboxed_saves (path, decision, run, agent, at) VALUES (?, ?, ?, ?, ?)",
            save.path, save.decision, save.run, save.agent, save.at,
        )  # fmt: skip

    def since(self, at: float, *, path: str = "") -> list[UnsandboxedSave]:
        """The saves from this time on, newest first; with `path`, only saves of that file."""
        if (self._db.scalar("SELECT max(at) FROM unsandboxed_saves") or 0.0) < at:
            return []
        rows = self._db.query(
            "SELECT path, decision, run, agent, at FROM unsandboxed_saves"
            " WHERE at >= ? AND (? = '' OR path = ?) ORDER BY at DESC",
            at, path, path,
        )  # fmt: skip
        return [
            UnsandboxedSave(path=r["path"], decision=r["decision"], run=r["run"], agent=r["agent"], at=r["at"])
            for r in rows
        ]
