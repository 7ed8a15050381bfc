"""Notices about text that a person wrote into a live message, where nothing reads it."""

from __future__ import annotations

from coworkd.core.model import Problem
from coworkd.store import Database
from coworkd.store.notices import noticed_paths, remove_notice
from coworkd.store.problems import put_problem
from coworkd.sync.disk.view_files import ViewFiles

SOURCE = "live"


def notice_edits(db: Database, outputs: ViewFiles, now: float) -> None:
    """Show every such file, and no longer those whose text was taken out."""
    edited, shown = outputs.edited(), outputs.shown()
    noticed = noticed_paths(db, SOURCE)
    for path in edited:
        if path not in noticed:
            with db.write():
                put_problem(db, Problem(path=path, line=0, message=_not_sent_reason(path)), SOURCE, now)
    for path in noticed:
        # Of a file that a former process showed only its being there is known.
        if path not in edited and (path in shown or not outputs.is_there(path)):
            with db.write():
                remove_notice(db, path, SOURCE)


def _not_sent_reason(path: str) -> str:
    folder = path.rpartition("/")[0]
    return (
        f"what was written into this file is not sent: it only shows what the agent does; put it into a new file"
        f" {folder}/NAME.md, then delete this one"
    )
