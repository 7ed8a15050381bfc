"""Everything that can be checked, in one pass; reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coworkd.diagnostics.fsck.documents import check_documents
from coworkd.diagnostics.fsck.finding import Inconsistency
from coworkd.diagnostics.fsck.records import check_audit, check_records
from coworkd.diagnostics.fsck.refs import check_refs
from coworkd.diagnostics.fsck.runs import check_requests, check_runs, check_trash
from coworkd.store import Database
from coworkd.sync.disk.folder import Folder
from coworkd.system.git import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedWorkspace:
    """What is checked."""

    db: Database
    folder: Folder
    repo: Repo
    audit: Path
    instance: str
    key: bytes
    alive: Callable[[str], bool]
    """Whether a process of this run lives."""


def check(place: CheckedWorkspace) -> Iterator[Inconsistency]:
    """Every finding; none when all agrees."""
    records = check_records(place.folder.root, place.instance, place.key)
    yield from check_documents(place.db, place.folder)
    yield from check_refs(place.db, place.repo, records.commits)
    yield from check_runs(place.db, place.alive)
    yield from check_requests(place.db, place.folder)
    yield from check_trash(place.db, place.folder)
    yield from check_audit(place.db, place.audit)
    yield from records.findings
