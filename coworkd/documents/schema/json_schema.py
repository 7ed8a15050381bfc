"""JSON Schemas (draft 2020-12) of the documents, made from the one table of what they may say.

Pure. A schema is for editors: it offers keys and words and underlines what coworkd would refuse. It must never refuse
what coworkd accepts: text may look like a number, keys of people's own are theirs, words count in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from coworkd.core.model import Answer, Kind, Status
from coworkd.documents.schema import readers, task_readers
from coworkd.documents.schema.fields import Field
from coworkd.documents.schema.readers import (
    EnumReader,
    EnumSetReader,
    IntReader,
    MappingReader,
    TextListReader,
    WordReader,
)
from coworkd.documents.schema.tables import SCHEMAS

Json: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Json = {"type": ["string", "number", "boolean"]}
"""Header values are text until their key gives them a type; an editor's YAML has typed them before."""
_TEXTS: Json = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_NUMBER: Json = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}]}
_LENGTH = r"^\s*([0-9]+(\.[0-9]+)?|([0-9]+[dD])?\s*([0-9]+[hH])?\s*([0-9]+[mM])?\s*([0-9]+(\.[0-9]+)?[sS])?)\s*$"
_DURATION: Json = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "minLength": 1, "pattern": _LENGTH}]}
_SIZE: Json = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\s*[0-9.]+\s*[kKmMgG]?[iI]?[bB]?\s*$"}]
}
_ORDER: Json = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)*\s*$"}]
}
_ANY: Json = {}


def _word_schema(words: Iterable[str], others: Iterable[str] = ()) -> Json:
    """Offered as they are, accepted in any case; `others` are accepted, also with gaps, and not offered."""
    offered = list(words)
    exact = ["".join(_in_any_case(word)) for word in offered]
    loose = ["[-_ ]?".join(_in_any_case(word)) for word in others]
    pattern = "|".join([*exact, *loose])
    return {"anyOf": [{"enum": offered}, {"type": "string", "pattern": rf"^\s*({pattern})\s*$"}]}


def _in_any_case(word: str) -> list[str]:
    return [f"[{c.upper()}{c.lower()}]" if c.isalpha() else c for c in word]


_FLAG: Json = {"anyOf": [{"type": "boolean"}, _word_schema(("true", "false", "yes", "no", "on", "off"))]}

_SHAPES: Mapping[object, Json] = {
    readers.raw: _ANY,
    readers.text: _TEXT,
    readers.texts: _TEXTS,
    readers.command_line: _TEXTS,
    readers.text_pairs: {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
    readers.counts: {
        "type": "object",
        "additionalProperties": {
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^\s*[0-9]+\s*$"}]
        },
    },
    readers.flag: _FLAG,
    readers.number: _NUMBER,
    readers.duration: _DURATION,
    readers.time_limit: _DURATION,
    readers.size: _SIZE,
    task_readers.status_word: _word_schema(map(str, Status), task_readers.STATUS_ALIASES),
    task_readers.priority_rank: {"anyOf": [_word_schema(task_readers.PRIORITIES), _NUMBER]},
    task_readers.clock_time: {
        "anyOf": [{"type": "string", "pattern": r"^\s*([01]?[0-9]|2[0-3]):[0-5][0-9]\s*$"}, {"type": "integer"}]
    },
    task_readers.ids_of: _TEXTS,
    task_readers.id_of: _TEXT,
    task_readers.order_of: _ORDER,
    task_readers.size_of: _NUMBER,
    task_readers.stem_of: _TEXT,
    task_readers.format_version: {"enum": [1, "1"]},
}
"""By reader; those with a parameter are in `_shape`."""


def _reader_schema(read: object) -> Json:
    match read:
        case IntReader():
            most = {} if read.maximum is None else {"maximum": read.maximum}
            number = {"type": "integer", "minimum": read.minimum, **most}
            return {"anyOf": [number, {"type": "string", "pattern": "^[0-9]+$"}]}
        case EnumReader() | WordReader():
            return _word_schema(read.offered)
        case TextListReader():
            return {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "maxItems": read.maximum}]}
        case EnumSetReader():
            one = _word_schema(read.offered)
            return {"anyOf": [one, {"type": "array", "items": one}]}
        case MappingReader():
            return _mapping_schema(read)
        case _:
            return _SHAPES[read]


def _mapping_schema(read: MappingReader) -> Json:
    whole = {
        "type": "object",
        "properties": {name: _or_nothing(_reader_schema(one)) for name, one in read.readers.items()},
    }
    return {"anyOf": [whole, _reader_schema(read.readers[read.shorthand])]} if read.shorthand else whole


def _or_nothing(shape: Json) -> Json:
    """A key without a value counts as absent."""
    return (
        {"anyOf": [*shape["anyOf"], {"type": "null"}]}
        if set(shape) == {"anyOf"}
        else {"anyOf": [shape, {"type": "null"}]}
    )


def _property_schema(known: Field) -> Json:
    if known.name == "approval":  # the one word that must be exact
        return {"description": known.help, "enum": list(map(str, Answer))}
    return {"description": known.help, **_or_nothing(_reader_schema(known.read))}


def json_schema(kind: Kind) -> Json:
    """The schema of a document's header; of the whole file for the settings."""
    schema = SCHEMAS[kind]
    properties = {known.name: _property_schema(known) for known in schema.fields}
    for known in schema.fields:
        for alias in known.aliases:
            properties[alias] = {"description": f"The same as `{known.name}`", "$ref": f"#/properties/{known.name}"}
    properties["cowork"] = {"description": "Written by coworkd alone", "type": ["object", "null"]}
    return {
        "$schema": DIALECT,
        "title": f"coworkd {kind}",
        "description": schema.help,
        "type": ["object", "null"],
        "properties": properties,
    }
