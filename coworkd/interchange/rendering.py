"""The text of the files that an import writes. Pure.

`imported` says where a file comes from, and the digest of all that the import wrote: a file for which that no longer
holds was edited here.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from coworkd.core.plan_order import order_text
from coworkd.documents.markdown import Document, Value, compose, parse
from coworkd.interchange.items import SourceItem
from coworkd.interchange.planning import PlannedItem, PlannedSource

_PROOF = re.compile(r"(?<!\\)\(verify:")
_KEYS = ("title", "status", "plan", "parent", "order", "sequential", "priority", "depends_on", "labels")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """A file of the workspace, relative to `.cowork/`."""

    path: str
    source: str
    key: str
    digest: str
    data: bytes


def render_source(source: PlannedSource) -> list[ImportedFile]:
    """A file for each item."""
    return [_file(source, planned) for planned in source.items]


def _file(source: PlannedSource, planned: PlannedItem) -> ImportedFile:
    item, origin = planned.item, f"{source.kind}:{source.name}"
    fields, body = _fields(planned), _body(item)
    digest = _digest(fields, body)
    imported: Value = {"from": origin, "id": item.written_id or item.key, "hash": digest}
    folder = "plans" if planned.is_plan else "tasks"
    return ImportedFile(
        path=f"{folder}/{source.name}/{item.id}.md", source=origin, key=item.written_id or item.key, digest=digest,
        data=compose({**fields, "imported": imported}, body),
    )  # fmt: skip


def _fields(planned: PlannedItem) -> dict[str, Value]:
    item = planned.item
    fields: dict[str, Value] = {"title": item.title}
    if not planned.is_plan:
        fields["status"] = str(item.status)
    if planned.parent:
        fields["parent" if planned.is_plan else "plan"] = planned.parent
        if item.order:
            fields["order"] = order_text(item.order)
    return fields | (_plan_fields(item) if planned.is_plan else _task_fields(item, planned.depends_on))


def _plan_fields(item: SourceItem) -> dict[str, Value]:
    return {"sequential": "true"} if item.sequential else {}


def _task_fields(item: SourceItem, depends_on: tuple[str, ...]) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    if item.priority is not None:
        fields["priority"] = f"{item.priority:g}"
    if depends_on:
        fields["depends_on"] = list(depends_on)
    if item.labels:
        fields["labels"] = list(item.labels)
    return fields


def _body(item: SourceItem) -> str:
    boxes = "\n".join(f"- [{'x' if one.ticked else ' '}] {one.text}" for one in item.criteria)
    text = "\n\n".join(part for part in (item.text.strip(), boxes) if part)
    return inert(f"{text or item.title}\n")


def inert(text: str) -> str:
    """The text with no command in it that would prove a criterion: only what a person types does."""
    return _PROOF.sub(r"\\(verify:", text)


def _digest(fields: dict[str, Value], body: str) -> str:
    written = {key: fields[key] for key in _KEYS if key in fields}
    return hashlib.sha256(json.dumps([written, body.strip()], sort_keys=True).encode()).hexdigest()[:16]


def is_as_imported(data: bytes) -> bool:
    """Whether a file still says all that the import wrote, and nothing else that an import writes."""
    document = parse(data)
    imported = document.get("imported")
    if not isinstance(imported, dict):
        return False
    return imported.get("hash") == digest_of(document)


def digest_of(document: Document) -> str:
    """The digest of what a file says now."""
    fields = {entry.key: entry.value for entry in document.entries if entry.key in _KEYS}
    return _digest(fields, document.body.replace("\r\n", "\n"))
