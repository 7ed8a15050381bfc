"""The plain way: the least that anybody would write who wants the tasks of a folder in SQLite, promising nothing.

python -m benchmarks.reference index FOLDER DATABASE     take in every file whose stat is new, in one transaction
python -m benchmarks.reference look FOLDER               scandir and lstat, no more
python -m benchmarks.reference board DATABASE            print a line a task
python -m benchmarks.reference watch FOLDER DATABASE     watchdog, parse, one durable commit an event
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

TABLES = """
CREATE TABLE IF NOT EXISTS tasks (path TEXT PRIMARY KEY, mtime INT, size INT, inode INT, sha TEXT, title TEXT,
    status TEXT, priority TEXT, text BLOB);
CREATE TABLE IF NOT EXISTS needs (path TEXT, needed TEXT, PRIMARY KEY (path, needed));
"""

Row = tuple[str, int, int, int, str, str, str, str, bytes]


def look(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every file below the folder with its stat."""
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    yield entry.path, entry.stat(follow_symlinks=False)


def header(data: bytes) -> dict[str, Any]:
    _, fields, _ = data.split(b"---\n", 2)
    return yaml.load(fields, Loader=yaml.CSafeLoader)


def row(path: str, found: os.stat_result) -> tuple[Row, list[tuple[str, str]]]:
    data = Path(path).read_bytes()
    fields = header(data)
    sha = hashlib.sha256(data).hexdigest()
    task = (
        path, int(found.st_mtime_ns), found.st_size, found.st_ino, sha, str(fields.get("title")),
        str(fields.get("status")), str(fields.get("priority")), data,
    )  # fmt: skip
    return task, [(path, needed) for needed in fields.get("depends_on", ())]


def index(folder: str, database: str) -> None:
    db = opened(database)
    known = {path: key for path, *key in db.execute("SELECT path, mtime, size, inode FROM tasks")}
    new = [
        row(path, found)
        for path, found in look(folder)
        if path.endswith(".md") and known.get(path) != [found.st_mtime_ns, found.st_size, found.st_ino]
    ]
    with db:
        db.executemany("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [task for task, _ in new])
        db.executemany("INSERT OR REPLACE INTO needs VALUES (?, ?)", [need for _, needs in new for need in needs])


def opened(database: str) -> sqlite3.Connection:
    db = sqlite3.connect(database)
    db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + TABLES)
    return db


def board(database: str) -> None:
    import click

    rows = opened(database).execute(
        "SELECT path, status, title FROM tasks WHERE status != 'done' ORDER BY status, path"
    )
    for path, status, title in rows:
        click.echo(f"  {click.style(status.ljust(9), bold=True)}  {Path(path).stem:28}  {title}")


if __name__ == "__main__":
    what, *places = sys.argv[1:]
    if what == "index":
        index(*places)
    board(places[-1])
