"""Workspace documents by kind: which file is what, what it says in the model's terms, and what is wrong with it.

Pure. A document is taken whole or refused whole: a wrong type raises, and nothing of the file counts. A key that is
almost a known one is a problem that keeps the document from starting anything; any other unknown key is the user's own
and is left alone. It must never let a word that merely resembles an approval count as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from coworkd.core.errors import DocumentError
from coworkd.core.model import Kind, Mode, PatternRequest, Problem, UserSettings
from coworkd.core.task_ids import is_task_id, qualify, task_id
from coworkd.core.task_rules import contradiction
from coworkd.documents.body import answer_section, criteria
from coworkd.documents.markdown import Document, HeaderEntry, Value, normalise_key, parse, parse_yaml
from coworkd.documents.misplaced_header import misplaced_header
from coworkd.documents.misplaced_words import misplaced_words, word_hint
from coworkd.documents.schema.builders import Spec, SpecParts, user_spec
from coworkd.documents.schema.fields import Field, Owner, Schema
from coworkd.documents.schema.readers import read_as
from coworkd.documents.schema.settings_tables import USER
from coworkd.documents.schema.tables import SCHEMAS
from coworkd.documents.typos import near_miss

__all__ = [
    "Cowork",
    "Decoded",
    "Owner",
    "Spec",
    "answer_section",
    "criteria",
    "decode",
    "is_note",
    "kind_of",
    "qualify",
    "read_document",
    "task_id",
]

CONFIG = "config.yaml"

_PATH = re.compile(r"(?:[^/.#][^/]*/)*[^/.#][^/]*\.md", re.DOTALL)
"""Neither the name nor a folder begins like a temporary file."""
_DEPTHS = {
    Kind.TASK: (2, 99),
    Kind.PLAN: (2, 99),
    Kind.MESSAGE: (3, 3),
    Kind.APPROVAL: (2, 2),
    Kind.REVIEW: (2, 3),
    Kind.AGENT: (2, 2),
}
"""How many parts a path of the kind has, at least and at most."""
_KIND_OF_FOLDER = {SCHEMAS[kind].folder: kind for kind in _DEPTHS}
Wanted = TypeVar("Wanted")
_MARKED_OWN = re.compile(r"x[-_]", re.IGNORECASE)
"""`x-priority`: a key that says itself that it is the user's own."""
_NOTES = frozenset({"readme.md", "index.md"})
_TYPED = frozenset({"id", "rev", "by", "attempt", "landed", "request", "run", "task"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cowork:
    """The daemon's own map. A value in another format reads as empty: no typo there stops a task."""

    id: str = ""
    rev: int | None = None
    """The daemon's writes of this file so far; None: unknown."""
    by: str = ""
    """The instance that works on it, `NAME-XXXX`."""
    attempt: int = 0
    landed: str = ""
    """The landing commit."""
    request: str = ""
    run: str = ""
    task: str = ""
    values: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """Everything else in the map, by key as written."""
    written: Mapping[str, Value] | None = None
    """The whole map as it stands in the file; None where there is none."""


_NO_MAP = Cowork()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A document in the model's terms."""

    path: str
    """Relative to `.cowork/`."""
    kind: Kind
    spec: Spec
    cowork: Cowork
    fields: Mapping[str, Value]
    """What people own, by canonical name, each value in the one form that is compared; absent where it says nothing."""
    keys: Mapping[str, str]
    """The key as written in the file, by canonical name: where an edit has to go (`tags` for `labels`)."""
    problems: tuple[Problem, ...]
    blocked: bool
    """A problem keeps the document from starting anything."""
    notices: tuple[Problem, ...] = ()
    """Words that have no effect where they stand; the document counts all the same."""

    def of(self, spec: type[Wanted]) -> Wanted:
        """The spec as the type its kind has; asking for another one is a mistake in the program."""
        if not isinstance(self.spec, spec):
            raise TypeError(f"{self.path} is a {self.kind}, not a {spec.__name__}")
        return self.spec


def kind_of(path: str) -> Kind | None:
    """The kind of document at a path relative to `.cowork/`; None: not a document."""
    if path == CONFIG:
        return Kind.CONFIG
    kind = _KIND_OF_FOLDER.get(path.partition("/")[0])
    if kind is None or not _DEPTHS[kind][0] <= path.count("/") + 1 <= _DEPTHS[kind][1] or not _PATH.fullmatch(path):
        return None
    if kind is Kind.REVIEW and path.count("/") == 2 and not path.rpartition("/")[0].endswith(".d"):
        return None
    return None if kind is Kind.MESSAGE and path.endswith(".live.md") else kind


def stem(path: str) -> str:
    """The name of a document's file without its ending."""
    return path.rpartition("/")[2].rpartition(".")[0]


def read_document(path: str, data: bytes) -> Document:
    """The text of a document, header and body.

    Raises DocumentError, with the line, also for a header that stands where it is not read.
    """
    if path == CONFIG:
        return parse_yaml(data)
    document, kind = parse(data), kind_of(path)
    if kind is None or document.entries or path.rpartition("/")[2].lower() in _NOTES:
        return document
    if misplaced := misplaced_header(kind, document.body, document.body_line):
        raise misplaced
    return document


def is_note(path: str, document: Document, adopt_notes: bool) -> bool:
    """Whether the file is listed and never acted on: README.md, index.md, empty files, tasks without a header.

    With `adopt_notes` a task file needs no header, only a body.
    """
    folder, _, name = path.rpartition("/")
    if name.lower() in _NOTES:
        return True
    if path != CONFIG and not document.entries and not document.body.strip():
        return True
    return folder.split("/")[0] == "tasks" and not document.has_header and not adopt_notes


def decode(path: str, document: Document) -> Decoded:
    """What the document at `path` (relative to `.cowork/`) says.

    Raises DocumentError with path, line and key for what cannot be meant: a wrong type, an unknown word, two keys that
    come to the same.
    """
    kind = kind_of(path)
    if kind is None:
        raise DocumentError("no document belongs here", path=path)
    try:
        return _decode_document(path, kind, document)
    except DocumentError as error:
        raise DocumentError(error.message, line=error.line, field=error.field, path=path) from error


def _decode_document(path: str, kind: Kind, document: Document) -> Decoded:
    schema = SCHEMAS[kind]
    entries = _by_name(schema, document)
    known_entries = [(schema.by_name[name], entry) for name, entry in entries.items() if name in schema.by_name]
    values = {known.name: _read_field(known, entry, kind) for known, entry in known_entries if entry.value is not None}
    cowork = _read_cowork_map(entries["cowork"].value if "cowork" in entries else None)
    problems = (*_unknown_key_problems(path, schema, entries), *_misplaced_key_problems(path, known_entries, values))
    if kind is Kind.TASK:
        problems += tuple(_contradictions(path, entries, values))
    if kind is Kind.TASK and cowork.id and not is_task_id(cowork.id):
        # It becomes part of paths and refs: from here on nothing knows it.
        problems += (_unusable_id(path, cowork.id, entries["cowork"].line),)
        cowork = replace(cowork, id="")
    return Decoded(
        path=path,
        kind=kind,
        spec=schema.build(SpecParts(path=path, values=values, body=document.body, request=cowork.request)),
        cowork=cowork,
        fields={known.name: known.canonical(entry.value) for known, entry in known_entries if entry.value is not None},
        keys={known.name: entry.key for known, entry in known_entries},
        problems=problems,
        blocked=bool(problems),
        notices=tuple(misplaced_words(path, kind, document)),
    )


def _by_name(schema: Schema, document: Document) -> dict[str, HeaderEntry]:
    """Known keys by canonical name, others by their normal form."""
    found: dict[str, HeaderEntry] = {}
    for entry in document.entries:
        key = normalise_key(entry.key)
        name = schema.by_key[key].name if key in schema.by_key else key
        if name in found:
            first = found[name]
            what = f"`{entry.key}` is the same key as `{first.key}` on line {first.line}; keep one"
            raise DocumentError(what, line=entry.line, field=name)
        found[name] = entry
    return found


def _read_field(known: Field, entry: HeaderEntry, kind: Kind | None = None) -> Any:
    try:
        return read_as(known.read, entry.value, known.name)
    except DocumentError as error:
        written = ".".join([entry.key, *error.field.split(".")[1:]])
        hint = word_hint(kind, known.name, entry.value) if kind and isinstance(entry.value, str) else ""
        raise DocumentError(f"`{written}`: {error.message}{hint}", line=entry.line, field=error.field) from error


def _unknown_key_problems(path: str, schema: Schema, entries: Mapping[str, HeaderEntry]) -> Iterator[Problem]:
    for key, entry in entries.items():
        if key in schema.by_name or key == "cowork" or _MARKED_OWN.match(entry.key):
            continue
        if meant := near_miss(key, schema.known):
            name = schema.by_key[meant].name if meant in schema.by_key else meant
            message = f"`{entry.key}` is not known here and looks like `{name}`; write that, or rename your own key"
            yield Problem(path=path, line=entry.line, message=message)


def _unusable_id(path: str, written: str, line: int) -> Problem:
    message = f"`cowork.id` {written!a} cannot be the id of a task; write `id: {task_id(written)}`, or remove it"
    return Problem(path=path, line=line, message=message)


def _misplaced_key_problems(
    path: str, known_entries: Iterable[tuple[Field, HeaderEntry]], values: Mapping[str, Any]
) -> Iterator[Problem]:
    for known, entry in known_entries:
        if known.misplaced and values.get(known.name):
            yield Problem(path=path, line=entry.line, message=f"`{entry.key}` {known.misplaced}")


def _contradictions(path: str, entries: Mapping[str, HeaderEntry], values: Mapping[str, Any]) -> Iterator[Problem]:
    """What a task's keys say against each other, at the line of the first that it has."""
    pattern: PatternRequest = values.get("pattern", PatternRequest())
    found = contradiction(values.get("mode", Mode.BUILD), pattern.name, loop="loop" in values)
    if found is not None:
        line = next((entries[key].line for key in found.keys if key in entries), 0)
        yield Problem(path=path, line=line, message=found.reason)


def user_settings(document: Document) -> UserSettings:
    """What the user's own settings file says. Raises DocumentError with line and key, for near misses as well."""
    entries = _by_name(USER, document)
    for slip in _unknown_key_problems("", USER, entries):
        raise DocumentError(slip.message, line=slip.line)
    known_entries = ((USER.by_name[name], entry) for name, entry in entries.items() if name in USER.by_name)
    values = {known.name: _read_field(known, entry) for known, entry in known_entries if entry.value is not None}
    return user_spec(SpecParts(path="", values=values, body="", request=""))


def _read_cowork_map(value: Value) -> Cowork:
    if value is None:
        return _NO_MAP
    texts = dict.fromkeys(_TYPED, "")
    rest: dict[str, Value] = {}
    seen: set[str] = set()
    for key, item in value.items() if isinstance(value, dict) else ():
        name = normalise_key(key)
        if name not in _TYPED:
            rest[key] = item
            continue
        # There twice it means two things, which is nothing.
        texts[name] = item if isinstance(item, str) and name not in seen else ""
        seen.add(name)
    rev, attempt = _parse_count(texts.pop("rev")), _parse_count(texts.pop("attempt")) or 0
    written = value if isinstance(value, dict) else None
    return Cowork(**texts, rev=rev, attempt=attempt, values=rest, written=written)


def _parse_count(written: str) -> int | None:
    return int(written) if re.fullmatch("[0-9]{1,15}", written) else None
