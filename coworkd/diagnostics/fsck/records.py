"""The audit's chain, and the seals of the records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import DocumentError
from coworkd.diagnostics.fsck.finding import Inconsistency, Subject
from coworkd.history.audit_log import entries
from coworkd.history.hash_chain import AuditEntry, ChainEnd, event_hash, flaw_reason
from coworkd.history.recorder import record_paths
from coworkd.history.run_record import Origin, RunRecord, decode
from coworkd.store import Database, EventRow

_CHANGED = (
    "it was changed outside of coworkd, which cannot be repaired: keep the file, and look at who has access to this"
    " machine"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What the log of a workspace says."""

    ours: tuple[RunRecord, ...]
    findings: tuple[Inconsistency, ...]

    @property
    def commits(self) -> frozenset[str]:
        return frozenset(record.submission.commit for record in self.ours if record.submission)


def check_records(folder: Path, instance: str, key: bytes) -> Records:
    """Every record; others' are theirs to check."""
    ours: list[RunRecord] = []
    found: list[Inconsistency] = []
    for path in sorted(record_paths(folder)):
        try:
            record, origin = decode((folder / path).read_bytes(), path, instance, key)
        except (DocumentError, OSError) as error:
            found.append(_bad(path, str(error)))
            continue
        if origin is Origin.OURS:
            ours.append(record)
        elif origin is Origin.BROKEN:
            found.append(_bad(path, "says that this instance wrote it, and its seal says that it was changed"))
    return Records(ours=tuple(ours), findings=tuple(found))


def _bad(path: str, says: str) -> Inconsistency:
    advice = "`git checkout -- .cowork/log` brings the committed one back; it counts for nothing as it is"
    return Inconsistency(subject=Subject.RECORD, name=path, says=says, advice=advice)


def check_audit(db: Database, folder: Path) -> Iterator[Inconsistency]:
    """Every entry, by itself, behind the one before, and against the event that it is of."""
    events = {row.id: row for row in db.all(EventRow)}
    before: ChainEnd | None = None
    for path, number, entry in entries(folder):
        name = f"{path.name}:{number}"
        if not isinstance(entry, AuditEntry):
            yield Inconsistency(subject=Subject.AUDIT, name=name, says=str(entry), advice=_CHANGED)
            continue
        says = flaw_reason(entry, before) or _against(entry, events.get(entry.event.id))
        if before is None and entry.prev:
            says = says or "the entries before it are gone"
        if says:
            yield Inconsistency(
                subject=Subject.AUDIT, name=name, says=f"entry {entry.event.id} {says}", advice=_CHANGED
            )
        before = ChainEnd(id=entry.event.id, hash=entry.hash)
    yield from _end(db, before or ChainEnd())


def _against(entry: AuditEntry, event: EventRow | None) -> str:
    if event is None or event_hash(event, entry.prev) == entry.hash:
        return ""
    return "says something else than the database"


def _end(db: Database, last: ChainEnd) -> Iterator[Inconsistency]:
    noted = db.state.audit_event
    if last.id < noted:
        yield Inconsistency(
            subject=Subject.AUDIT, name="the end", says=f"entries {last.id + 1} to {noted} are gone",
            advice="the next start of coworkd writes again what the database still has of them", repairable=True,
        )  # fmt: skip
