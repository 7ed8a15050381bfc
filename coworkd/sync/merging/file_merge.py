"""Three-way merge of a workspace document by fields, for git's own merges.

Pure: three versions of a file in, one out. Fields and body are merged by the table that sync itself uses
(`three_way.plan_merge`), so that git and the daemon agree on what a conflict is. Beyond that table, and only here, two
histories of the daemon's `cowork:` map meet. What a person has to choose stands between conflict markers, around the
lines of that one key. It must never drop words of either side silently, and never let an approval count for another
request than the one it was given to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from coworkd.core.errors import DocumentError
from coworkd.core.model import Answer, Kind, Status
from coworkd.core.task_states import ACTIVE
from coworkd.documents.decoding import CONFIG, kind_of
from coworkd.documents.editing import Changes, Delete, edit, replace_body
from coworkd.documents.markdown import Document, Value, normalise_key, parse, split
from coworkd.documents.schema.fields import Field
from coworkd.documents.schema.tables import SCHEMAS
from coworkd.documents.yaml_reader import outline
from coworkd.sync.merging.conflict_markers import Markers, merge_visibly
from coworkd.sync.merging.header_layout import apply_layout, common_layout, remove_layout
from coworkd.sync.merging.three_way import DocumentVersion, MergePlan, join_lines, merge_text, plan_merge, split_lines

_ANSWER_KINDS = frozenset({Kind.APPROVAL, Kind.REVIEW})
_OWNED_STATUSES = frozenset(str(status) for status in (*ACTIVE, Status.REVIEW))
"""Statuses in which a task belongs to the instance that `cowork.by` names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMerge:
    """The merged file."""

    data: bytes
    conflicts: tuple[str, ...] = ()
    """What a person has to choose: names of fields, `cowork`, `body`, or `file`; each is between markers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One version of the file."""

    data: bytes
    document: Document
    keys: Mapping[str, str]
    """The key as written, by canonical name."""
    values: Mapping[str, Value]
    """As written, by canonical name."""
    version: DocumentVersion
    """Everything, in the form that is compared."""

    @property
    def status(self) -> str:
        return str(self.version.fields.get("status", ""))

    def map_text(self, name: str) -> str:
        """One text of the `cowork:` map; empty where it has none."""
        held = self.values.get("cowork")
        value = held.get(name) if isinstance(held, dict) else None
        return value if isinstance(value, str) else ""

    @property
    def rev(self) -> int:
        return int(self.map_text("rev")) if re.fullmatch("[0-9]{1,15}", self.map_text("rev")) else -1


def merge_files(path: str, base: bytes, ours: bytes, theirs: bytes, markers: Markers) -> FileMerge | None:
    """Merge the document at `path` (relative to `.cowork/`); an empty base: both sides added it.

    None when that cannot be done by fields: no document of a known kind, or one of the three cannot be read.
    """
    kind = kind_of(path)
    if kind is None:
        return None
    try:
        texts = [remove_layout(data, fenced=path != CONFIG) for data in (base, ours, theirs)]
        sides = [_read_side(kind, text) for text in texts]
        merged = _merge(kind, sides[0], sides[1], sides[2], markers)
    except DocumentError:
        return None
    return replace(merged, data=apply_layout(merged.data, common_layout(base, ours, theirs), fenced=path != CONFIG))


def _read_side(kind: Kind, data: bytes) -> _Side:
    document = parse(data)
    schema = SCHEMAS[kind]
    keys: dict[str, str] = {}
    for entry in document.entries:
        known = schema.by_key.get(normalise_key(entry.key))
        name = known.name if known else normalise_key(entry.key)
        if name in keys:
            raise DocumentError(f"`{entry.key}` is the same key as `{keys[name]}`", line=entry.line)
        keys[name] = entry.key
    values = {name: document.get(key) for name, key in keys.items()}
    fields = {
        name: _canonical_value(schema.by_name.get(name), value) for name, value in values.items() if value is not None
    }
    return _Side(
        data=data,
        document=document,
        keys=keys,
        values=values,
        version=DocumentVersion(fields=fields, body=document.body),
    )


def _canonical_value(known: Field | None, value: Value) -> Value:
    try:
        return known.canonical(value) if known else value
    except DocumentError:
        return value  # an unknown word is still a word that a person wrote


def _merge(kind: Kind, base: _Side, ours: _Side, theirs: _Side, markers: Markers) -> FileMerge:
    if kind in _ANSWER_KINDS and _have_different_requests(base, ours, theirs):
        whole = markers.around(ours.data.decode(), theirs.data.decode())
        return FileMerge(data=whole.encode(), conflicts=("file",))
    plan = plan_merge(ours.version, base.version, theirs.version)
    wanted: dict[str, Value] = {name: _written_value(name, plan, ours, theirs) for name in plan.merged.fields}
    settled = _merge_daemon_fields(base, ours, theirs)
    clashes = plan.clashes - settled.keys() if settled else _fields_left_to_person(plan, ours, theirs)
    wanted |= settled
    wanted |= {name: ours.values[name] for name in clashes if name in ours.values}
    present = {name: value for name, value in wanted.items() if value is not None}
    header = _merge_header(present, bool(clashes), base, ours, theirs)
    return _mark_conflicts(replace_body(header, plan.merged.body), clashes, (base, ours, theirs), markers)


def _fields_left_to_person(plan: MergePlan, ours: _Side, theirs: _Side) -> frozenset[str]:
    """The fields in conflict. Between two owners the status is not merged either: it is that of one of them."""
    same = ours.version.fields.get("status") == theirs.version.fields.get("status")
    return plan.clashes | frozenset({"cowork"} if same else {"cowork", "status"})


def _have_different_requests(base: _Side, ours: _Side, theirs: _Side) -> bool:
    """Whether both sides have another request than before: only a person can say which of them counts."""
    return len({side.map_text("request") for side in (base, ours, theirs)}) == 3


def _written_value(name: str, plan: MergePlan, ours: _Side, theirs: _Side) -> Value:
    """A merged value as the side that it comes from has written it."""
    value = plan.merged.fields[name]
    sides = (side for side in (ours, theirs) if side.version.fields.get(name) == value)
    return next((side.values[name] for side in sides), value)


def _side_with_newer_map(base: _Side, ours: _Side, theirs: _Side) -> _Side | None:
    """The side whose `cowork:` map is kept; None: two owners, or two histories that cannot be told apart."""
    held = [side.values.get("cowork") for side in (base, ours, theirs)]
    if held[2] in (held[0], held[1]):
        return ours
    if held[1] == held[0]:
        return theirs
    owned = {ours.status, theirs.status} & _OWNED_STATUSES
    if (owned and ours.map_text("by") != theirs.map_text("by")) or ours.rev == theirs.rev:
        return None
    return max(ours, theirs, key=lambda side: side.rev)


def _merge_daemon_fields(base: _Side, ours: _Side, theirs: _Side) -> dict[str, Value]:
    """The map and the fields that follow it whatever the other side has; None removes a key. Empty: undecided."""
    winner = _side_with_newer_map(base, ours, theirs)
    if winner is None:
        return {}
    settled: dict[str, Value] = {"cowork": winner.values.get("cowork")}
    loser = theirs if winner is ours else ours
    if loser.map_text("request") != winner.map_text("request") and loser.values.get("approval") != Answer.REJECTED:
        settled["approval"] = winner.values.get("approval")
    both_wrote = base.rev < min(ours.rev, theirs.rev)
    if both_wrote and ours.map_text("by") == theirs.map_text("by") and "status" in winner.values:
        settled["status"] = winner.values["status"]
    return settled


def _merge_header(wanted: Mapping[str, Value], clashing: bool, base: _Side, ours: _Side, theirs: _Side) -> bytes:
    """Our file with the wanted values, and with what the other side did to comments, order and quotes."""
    kept = {name: key for side in (theirs, ours) for name, key in side.keys.items()}
    merged, old, other = (edit(side.data, _field_changes(side, wanted, kept)) for side in (ours, base, theirs))
    text = merge_text(_header(merged), _header(old), _header(other))
    if text is not None and not clashing:
        both = _with_header(merged, text)
        if _reads_the_same(both, merged):
            return both
    lost = set(_comments(other)) - set(_comments(merged)) - set(_comments(ours.data)) - set(_comments(base.data))
    added = [line for line in _comments(other) if line in lost]
    return _with_header(merged, join_lines([_header(merged), *added])) if added else merged


def _reads_the_same(one: bytes, other: bytes) -> bool:
    try:
        return _values(one) == _values(other)
    except DocumentError:
        return False


def _values(data: bytes) -> dict[str, Value]:
    return {entry.key: entry.value for entry in parse(data).entries}


def _comments(data: bytes) -> list[str]:
    return [line for line in split_lines(_header(data)) if line.lstrip().startswith("#")]


def _header(data: bytes) -> str:
    return split(data).header


def _with_header(data: bytes, header: str) -> bytes:
    source = split(data)
    if not source.fenced and header:
        raise DocumentError("one side has no header for what the other side says in its own")
    return (source.text[: source.start] + header + source.text[source.end :]).encode()


def _field_changes(side: _Side, wanted: Mapping[str, Value], keys: Mapping[str, str]) -> Changes:
    changes: dict[tuple[str, ...], Value | Delete] = {}
    for name in [*wanted, *(name for name in side.values if name not in wanted)]:
        key = side.keys.get(name) or keys[name]
        changes |= _map_changes(key, side.values.get(name), wanted.get(name), there=name in side.values)
    return changes


def _map_changes(key: str, old: Value, new: Value, *, there: bool) -> Changes:
    """A map is changed key by key, so that it keeps its shape."""
    if old == new:
        return {}
    if isinstance(old, dict) and isinstance(new, dict) and new:
        gone: dict[tuple[str, ...], Value | Delete] = {(key, inner): Delete() for inner in old if inner not in new}
        return {(key, inner): value for inner, value in new.items() if old.get(inner) != value} | gone
    if new is None:
        return {(key,): Delete()} if there else {}
    return {(key,): new}


def _mark_conflicts(
    data: bytes, clashes: frozenset[str], sides: tuple[_Side, _Side, _Side], markers: Markers
) -> FileMerge:
    """The file with both sides' lines of every clash."""
    base, ours, theirs = sides
    body = ours.document.body
    if "body" in clashes:
        body = merge_visibly(body, base.document.body, theirs.document.body, markers)
    fields = clashes - {"body"}
    merged = replace_body(data, "") if "body" in clashes else data
    if fields:
        merged = _with_header(merged, _mark_clashes(_header(merged), fields, ours, theirs, markers))
    merged += body.encode() if "body" in clashes else b""
    return FileMerge(data=merged, conflicts=tuple(sorted(clashes)))


def _mark_clashes(header: str, clashes: frozenset[str], ours: _Side, theirs: _Side, markers: Markers) -> str:
    """The header with the lines of each clash from both sides; from the last to the first, so that positions hold."""
    positions = [(_key_lines(header, ours.keys.get(name)), name) for name in clashes]
    for (start, end), name in sorted(positions, reverse=True):
        other = _header(theirs.data)
        first, last = _key_lines(other, theirs.keys.get(name))
        header = header[:start] + markers.around(header[start:end], other[first:last]) + header[end:]
    return header


def _key_lines(header: str, key: str | None) -> tuple[int, int]:
    """Where the lines of a top-level key are; the end of the header for a key that is not there."""
    root = outline(header)
    pair = next((pair for pair in root.pairs if pair.key == key), None) if root else None
    if root is None or pair is None:
        return len(header), len(header)
    if root.style == "flow":
        raise DocumentError("a header in braces has no lines of its own for each key")
    start, end = header.rfind("\n", 0, pair.start) + 1, pair.place.end
    return start, end if header[end - 1] == "\n" else header.index("\n", end) + 1
