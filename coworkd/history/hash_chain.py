"""The audit as a chain: every entry holds the hash of the one before it, so that none can be changed or left out later.

Pure. An entry is a line of JSON; what stands in it is an event of the database as it was committed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from coworkd.core.errors import DocumentError
from coworkd.core.signing import canonical_json
from coworkd.store import EventRow

_KEYS = frozenset({"id", "at", "actor", "kind", "task", "data", "prev", "hash"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEnd:
    """Where the chain ends: the next entry holds this hash."""

    id: int = 0
    hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry as it stands in a file."""

    event: EventRow
    prev: str
    hash: str


def chain_lines(link: ChainEnd, events: Iterable[EventRow]) -> tuple[bytes, ChainEnd]:
    """The lines of these events behind `link`, and where the chain ends with them."""
    lines: list[bytes] = []
    for event in events:
        payload = _payload(event)
        entry_hash = payload_hash(payload, link.hash)
        lines.append(canonical_json(payload | {"prev": link.hash, "hash": entry_hash}) + b"\n")
        link = ChainEnd(id=event.id, hash=entry_hash)
    return b"".join(lines), link


def payload_hash(payload: dict[str, Any], prev: str) -> str:
    return hashlib.sha256(prev.encode() + b"\n" + canonical_json(payload)).hexdigest()


def event_hash(event: EventRow, prev: str) -> str:
    """What the entry of this event behind `prev` must have as its hash."""
    return payload_hash(_payload(event), prev)


def _payload(event: EventRow) -> dict[str, Any]:
    return {
        "id": event.id, "at": event.at, "actor": event.actor, "kind": event.kind, "task": event.task,
        "data": json.loads(event.data, parse_constant=str),
    }  # fmt: skip


def parse_entry(line: bytes) -> AuditEntry:
    """The entry on a line. Raises DocumentError for what is none."""
    try:
        payload = json.loads(line)
        if frozenset(payload) != _KEYS:
            raise ValueError("other keys than those of an entry")
        event = EventRow(
            id=int(payload["id"]), at=float(payload["at"]), actor=str(payload["actor"]), kind=str(payload["kind"]),
            task=str(payload["task"]), data=json.dumps(payload["data"], ensure_ascii=False),
        )  # fmt: skip
        return AuditEntry(event=event, prev=str(payload["prev"]), hash=str(payload["hash"]))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DocumentError(f"no entry of the audit: {error}") from error


def flaw_reason(entry: AuditEntry, before: ChainEnd | None) -> str:
    """What is wrong with an entry behind `before` (None: the first that there is); empty when it is whole."""
    if event_hash(entry.event, entry.prev) != entry.hash:
        return "was changed: its hash is not the one of what it says"
    if before is not None and entry.prev != before.hash:
        return f"does not follow entry {before.id}: something between them was changed or taken out"
    return "goes back in its numbers" if before is not None and entry.event.id <= before.id else ""
