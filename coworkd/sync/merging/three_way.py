"""The decision table of sync: what becomes of a file that may have changed on both sides.

Pure. `plan_merge(file, base, wanted)` compares three versions of a document field by field, and decides what the
document is from now on and what of it the file lacks. The base has been chosen before (`choose_base`): it is what the
author of the file started from, so a value equal to it was not edited and reverts nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coworkd.documents.markdown import Value

NO_MAP = -1
"""The revision of a file without a `cowork:` map."""

SET_FIELDS = frozenset({"labels", "depends_on", "touches"})
"""Fields merged element by element."""

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentVersion:
    """One side: its fields by canonical name, `status`, `approval` and the daemon's map left out, and its body."""

    fields: Mapping[str, Value]
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseVersion:
    """Bytes that were once in the file: saved by a person, or written by the daemon as that revision."""

    rev: int
    by_user: bool
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePlan:
    """What a merge comes to. `merged` is the document from now on."""

    merged: DocumentVersion
    touched: frozenset[str] = frozenset()
    """Fields that the author of the file changed; `body` for the text."""
    lacking: frozenset[str] = frozenset()
    """Fields whose merged value the file does not carry; `body` for the text."""
    clashes: frozenset[str] = frozenset()
    """Fields changed on both sides to different values: the file's value stands, the other is kept aside."""


def choose_base(rev: int, kept: Sequence[BaseVersion]) -> BaseVersion | None:
    """The version that the author of a file carrying `rev` started from; None for an unknown revision.

    The last bytes a person saved with that revision come first: a second save from the same buffer is no new wish.
    """
    same = [base for base in kept if base.rev == rev]
    by_person = [base for base in same if base.by_user]
    return (by_person or same or [None])[0]


def plan_merge(file: DocumentVersion, base: DocumentVersion | None, wanted: DocumentVersion | None) -> MergePlan:
    """Merge the file with what the database wants, over the base. No base or nothing wanted: the file is taken."""
    if wanted is None or base is None:
        return MergePlan(merged=file, touched=frozenset({*file.fields, "body"}))
    merged: dict[str, Value] = {}
    clashes: set[str] = set()
    for name in _field_names(file, base, wanted):
        value, clash = _merge_value(name, file.fields.get(name), base.fields.get(name), wanted.fields.get(name))
        clashes |= {name} if clash else set()
        if value is not None:
            merged[name] = value
    body = merge_text(file.body, base.body, wanted.body)
    if body is None:
        clashes.add("body")
    result = DocumentVersion(fields=merged, body=file.body if body is None else body)
    return MergePlan(
        merged=result,
        touched=_differing_fields(file, base),
        lacking=_differing_fields(file, result),
        clashes=frozenset(clashes),
    )


def _field_names(*versions: DocumentVersion) -> list[str]:
    return list(dict.fromkeys(name for version in versions for name in version.fields))


def _merge_value(name: str, file: Value, base: Value, wanted: Value) -> tuple[Value, bool]:
    if file == base:
        return wanted, False
    if wanted in (base, file):
        return file, False
    if name in SET_FIELDS:
        return _merge_sets(file, base, wanted), False
    return file, True


def _merge_sets(file: Value, base: Value, wanted: Value) -> Value:
    """Keep what either side added, drop what either side took away; the file's order first."""
    mine, old, theirs = _as_list(file), _as_list(base), _as_list(wanted)
    kept = [item for item in mine if item in theirs or item not in old]
    return [*kept, *(item for item in theirs if item not in mine and item not in old)]


def _as_list(value: Value) -> list[Value]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _differing_fields(one: DocumentVersion, other: DocumentVersion) -> frozenset[str]:
    names = {name for name in _field_names(one, other) if one.fields.get(name) != other.fields.get(name)}
    return frozenset(names | ({"body"} if one.body != other.body else set()))


def merge_text(mine: str, base: str, theirs: str) -> str | None:
    """Three-way merge by lines; None where both sides changed the same ones differently."""
    if mine == base:
        return theirs
    if theirs in (base, mine):
        return mine
    return _merge_lines(split_lines(mine), split_lines(base), split_lines(theirs))


def _merge_lines(mine: list[str], base: list[str], theirs: list[str]) -> str | None:
    """Walk the base once, taking each changed stretch from the side that changed it."""
    ours, others = _edits(base, mine), _edits(base, theirs)
    out: list[str] = []
    at = 0
    while ours or others:
        start = min(edits[0][0] for edits in (ours, others) if edits)
        out += base[at:start]
        left = ours.pop(0) if ours and ours[0][0] == start else None
        right = others.pop(0) if others and others[0][0] == start else None
        if left and right and left != right:
            return None
        taken = left or right
        assert taken is not None
        at = taken[1]
        if any(edits and edits[0][0] < at for edits in (ours, others)):
            return None
        out += taken[2]
    return join_lines([*out, *base[at:]])


def split_lines(text: str) -> list[str]:
    """With their endings; only a newline ends a line."""
    return _LINE.findall(text)


def join_lines(lines: Sequence[str]) -> str:
    """Where one side took away the final newline and the other wrote below it, two lines must not become one."""
    said = [line for line in lines if line]
    return "".join([*(line if line.endswith("\n") else f"{line}\n" for line in said[:-1]), *said[-1:]])


def _edits(base: list[str], changed: list[str]) -> list[tuple[int, int, tuple[str, ...]]]:
    """Stretches (from, to, new lines) of the base that `changed` replaces, in order."""
    matcher = difflib.SequenceMatcher(None, base, changed, autojunk=False)
    return [(a, b, tuple(changed[c:d])) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]
