"""Readers for how several agents work on a task: `pattern` in a task, `patterns` in the settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from coworkd.core.errors import DocumentError
from coworkd.core.model import Decide, PatternName, PatternRequest, RiskLevel
from coworkd.documents.schema.readers import EnumReader, IntReader, MappingReader, Reader, TextListReader

MAX_SEATS = 10
"""Members, and judges, of one task: what fans out further costs more than anybody has measured a use of."""
MAX_ROUNDS = 10

_SEATS_AND_RULES: Mapping[str, Reader] = {
    "members": TextListReader(MAX_SEATS),
    "judges": TextListReader(MAX_SEATS),
    "rounds": IntReader(1, MAX_ROUNDS),
    "risk": EnumReader(RiskLevel),
    "decide": EnumReader(Decide),
    "critique": IntReader(0, 1),
}


def _request(name: PatternName | None = None, **given: Any) -> PatternRequest:
    if name is None:
        raise DocumentError("the pattern is missing; write `{name: team, ...}`")
    return PatternRequest(name=name, **given, given=frozenset(given))


def _defaults(**by_name: PatternRequest) -> tuple[PatternRequest, ...]:
    return tuple(by_name.values())


def _defaults_reader(name: PatternName) -> MappingReader:
    return MappingReader(partial(_request, name), _SEATS_AND_RULES, closed=True)


PATTERN = MappingReader(_request, {"name": EnumReader(PatternName), **_SEATS_AND_RULES}, shorthand="name", closed=True)
"""A pattern by its name, or a map with its name."""
PATTERN_DEFAULTS = MappingReader(_defaults, {str(name): _defaults_reader(name) for name in PatternName}, closed=True)
"""By pattern, what tasks leave open."""
