"""The plain way to follow edits: watchdog, parse, one durable commit an event. Promises nothing.

python -m benchmarks.reference_watch FOLDER DATABASE
"""

from __future__ import annotations

import os
import sqlite3
import sys

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from benchmarks.reference import TABLES, row


class _Saved(FileSystemEventHandler):
    """Parses what was saved and commits it durably, at once."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def on_any_event(self, event: FileSystemEvent) -> None:
        path = str(event.dest_path or event.src_path)
        if event.event_type not in ("moved", "created") or not path.endswith(".md"):
            return
        task, _ = row(path, os.stat(path))
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", task)


def watch(folder: str, database: str) -> None:
    db = sqlite3.connect(database, check_same_thread=False)
    db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + TABLES)
    observer = Observer()
    observer.schedule(_Saved(db), folder, recursive=True)
    observer.start()
    print("ready", flush=True)  # noqa: T201
    observer.join()


if __name__ == "__main__":
    watch(*sys.argv[1:])
