"""Whether a database is older than what is beside it: a backup or a snapshot that was put back.

An older copy of the whole database folder agrees with itself: database, audit and counters know nothing of what has
happened since. But landings are refs of the repository, each finished run has a sealed record in the workspace, and
task files carry the revision that was written last. What any of these knows and the database does not is proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import DocumentError
from coworkd.documents.decoding import decode
from coworkd.documents.markdown import parse
from coworkd.history.landing_refs import read_landings
from coworkd.history.recorder import record_paths
from coworkd.history.run_record import Origin, RunRecord
from coworkd.history.run_record import decode as decode_record
from coworkd.store import Database
from coworkd.store.database_age import DatabaseAge
from coworkd.system.git import Repo

_MAX_BYTES = 1024 * 1024
"""Of a file that is read here; larger ones are no documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a database is compared with."""

    repo: Repo
    folder: Path
    """The workspace's."""
    instance: str
    key: bytes
    """Seals this instance's records."""


def newer_reason(db: Database, evidence: Evidence) -> str:
    """What has happened that the database does not know of, in words; empty: nothing that shows."""
    age = DatabaseAge(db)
    if age.is_new:
        return ""
    return _landing_reason(age, evidence.repo) or _record_reason(age, evidence) or _file_reason(age, evidence)


def _landing_reason(age: DatabaseAge, repo: Repo) -> str:
    if age.landings_seen is None:
        return ""
    for landing in read_landings(repo, above=age.landings_seen):
        if not age.knows_landing(landing.task, landing.number, landing.commit):
            return f"{landing.task} has landed since (refs/cowork/land/{landing.sequence})"
    return ""


def _record_reason(age: DatabaseAge, evidence: Evidence) -> str:
    """A record that came with another branch is older than the database, and proves nothing."""
    latest = age.latest_event_at()
    for path in sorted(record_paths(evidence.folder) - age.known_records()):
        record = _our_record(evidence, path)
        if record is not None and record.ended > latest + 1.0:
            return f"run {record.run} of {record.task} has ended since (.cowork/{path})"
    return ""


def _our_record(evidence: Evidence, path: str) -> RunRecord | None:
    try:
        data = (evidence.folder / path).read_bytes()
        record, origin = decode_record(data, path, evidence.instance, evidence.key)
    except (DocumentError, OSError):
        return None
    return record if origin is Origin.OURS else None


def _file_reason(age: DatabaseAge, evidence: Evidence) -> str:
    """Only files that changed since they were taken in are read, and only until one of them is proof."""
    for path, known in age.task_revisions().items():
        written = _written_revision(age, evidence, path)
        if written > max(known, 0):
            return f"{path} has revision {written}, and {max(known, 0)} is the last one that it wrote"
    return ""


def _written_revision(age: DatabaseAge, evidence: Evidence, path: str) -> int:
    """The revision that this instance wrote into a file; 0: none, or it is as it was taken in."""
    file = evidence.folder / path
    try:
        found = file.stat(follow_symlinks=False)
        if (found.st_mtime_ns, found.st_size) == age.stats(path) or found.st_size > _MAX_BYTES:
            return 0
        decoded = decode(path, parse(file.read_bytes()))
    except (OSError, DocumentError):
        return 0
    return decoded.cowork.rev or 0 if decoded.cowork.by == evidence.instance else 0
