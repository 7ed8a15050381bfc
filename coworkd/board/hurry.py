"""What a command wrote takes effect in this turn: there is no half-typed sentence to wait out."""

from __future__ import annotations

from coworkd.board.via import spoken
from coworkd.store import Database
from coworkd.sync.engine import Engine


def hurry(db: Database, engine: Engine, path: str, now: float, *, terminal: bool = False) -> None:
    """Take the file in, and let what it asks for be due. `terminal`: a person gave this answer on a terminal."""
    engine.look_now(path, now)
    with db.write():
        spoken(db, path)
        # Whoever gives an answer by command gives it here, also when the file says the same by way of git.
        db.execute("UPDATE answers SET pulled = 0, tty = ? WHERE path = ?", int(terminal), path)
        db.execute("UPDATE tasks SET wanted_due = ? WHERE path = ? AND wanted != ''", now, path)
        db.execute("UPDATE messages SET due = ? WHERE path = ? AND stage = 'new' AND due < 1e17", now, path)
