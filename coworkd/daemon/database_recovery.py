"""Opening the database of a workspace: one that is damaged, older than the rest, or another's is set aside.

Everything in a database can be rebuilt from the workspace's files, the refs and the records. So one that cannot be
believed is never repaired and never deleted: it is renamed, and a new one takes its place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from coworkd.core.errors import StoreDamagedError
from coworkd.history.audit_log import end_of
from coworkd.store import Database
from coworkd.store.events import latest_assigned_event
from coworkd.system.paths_and_settings import Paths

log = logging.getLogger("coworkd")


def _never_newer(_: Database) -> str:
    return ""


def open_database(
    paths: Paths, patience: float = 10.0, newer_reason: Callable[[Database], str] = _never_newer
) -> Database:
    """The database, or a new one in its place. `newer_reason` says what it does not know of, if it is an older copy.

    `patience`: seconds to wait for another program that holds it.
    """
    paths.private.mkdir(parents=True, exist_ok=True)
    try:
        db = Database(paths.database, patience=patience)
    except StoreDamagedError as error:
        return _set_aside(paths, "damaged", str(error))
    with ExitStack() as failed:
        failed.callback(db.close)
        name, reason = _unusable_reason(db, paths, newer_reason)
        if not reason:
            failed.pop_all()
            return db
    return _set_aside(paths, name, reason)


def _unusable_reason(db: Database, paths: Paths, newer_reason: Callable[[Database], str]) -> tuple[str, str]:
    """Under which name a database is to be set aside, and why; empty: it is the one that belongs here."""
    if db.state.repository not in ("", paths.state.name):
        return "foreign", f"the database {paths.database} is the one of another repository"
    if _behind_audit(db, paths.audit):
        return "older", f"the database {paths.database} does not know what was written down since"
    if reason := newer_reason(db):
        return "older", f"the database {paths.database} is an older copy: {reason}"
    return "", ""


def _behind_audit(db: Database, audit: Path) -> bool:
    """Whether it lacks the last events: a database restored from a copy must not turn the files back."""
    known = latest_assigned_event(db)
    return known > 0 and end_of(audit).id > known


def _set_aside(paths: Paths, name: str, why: str) -> Database:
    number = 1
    while (aside := paths.database.with_name(f"{name}-{number}.db")).exists():
        number += 1
    paths.database.rename(aside)
    for tail in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            paths.database.with_name(paths.database.name + tail).rename(aside.with_name(aside.name + tail))
    log.warning("%s; it was set aside as %s and is rebuilt from the files", why, aside)
    return Database(paths.database)
