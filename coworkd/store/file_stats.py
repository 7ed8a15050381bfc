"""Queries about the stats that files were last read with, which spare a scan from reading what has not changed."""

from __future__ import annotations

from coworkd.store.database import Database

StatValues = tuple[int, int, int, int, int]
"""Modification time and change time in nanoseconds, size, inode, mode."""


def load_file_stats(db: Database) -> dict[str, StatValues]:
    """The stat of every file that was at rest when it was read, by path."""
    rows = db.query("SELECT path, mtime_ns, ctime_ns, size, inode, mode FROM stats WHERE settled")
    return {row["path"]: (row["mtime_ns"], row["ctime_ns"], row["size"], row["inode"], row["mode"]) for row in rows}


def put_file_stat(db: Database, path: str, values: StatValues) -> None:
    """Keep the stat that a file was read with."""
    db.insert_batched(
        "INSERT OR REPLACE INTO stats (path, mtime_ns, ctime_ns, size, inode, mode, sha, settled)"
        " VALUES (?, ?, ?, ?, ?, ?, '', 1)",
        path, *values,
    )  # fmt: skip


def forget_file_stat(db: Database, path: str) -> None:
    """The file is read at the next scan, whatever its stat is."""
    db.execute("DELETE FROM stats WHERE path = ?", path)
