"""How a person said something: by saving a file, or at the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from coworkd.store import Database


class Via(StrEnum):
    FILE = "file"
    TERMINAL = "terminal"


def spoken(db: Database, path: str) -> None:
    """What this file says now was said by a command."""
    db.execute("INSERT OR REPLACE INTO spoken (path, sha) SELECT path, file_sha FROM documents WHERE path = ?", path)


def via(db: Database, path: str) -> Via:
    """How the present words of a file were said: a later save is one by file again."""
    return Via.TERMINAL if terminal(db, [path.split("#")[0]]) else Via.FILE


def terminal(db: Database, paths: Sequence[str]) -> frozenset[str]:
    """Those of the files whose present words a command wrote."""
    said = "SELECT s.path FROM spoken s JOIN documents d ON d.path = s.path AND d.file_sha = s.sha WHERE s.path IN (?)"
    return frozenset(row["path"] for row in db.among(said, paths))
