"""The glossary cannot go stale: what it names exists, every key and command has a term, and no term is listed twice."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from coworkd.cli.app import COMMANDS
from coworkd.core.model import Kind
from coworkd.documents.schema.tables import SCHEMAS

DOCS = Path(__file__).parents[2] / "docs"
FORMAT = (DOCS / "format.md").read_text(encoding="utf-8")
KEYS = [(kind, field.name) for kind, schema in SCHEMAS.items() for field in schema.fields]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of a table of the glossary."""

    section: str
    term: str
    files: list[str]
    commands: list[str]
    code: list[str]


def entries() -> list[Entry]:
    """The rows of all tables, in their order."""
    found: list[Entry] = []
    section = ""
    for line in (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| ") and not line.startswith(("| term ", "| --- ")):
            term, _, files, commands, code = (cell.strip() for cell in line.strip("|").split("|"))
            found.append(
                Entry(section=section, term=term, files=_names(files), commands=_names(commands), code=_names(code))
            )
    return found


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


ENTRIES = entries()


@pytest.mark.parametrize("name", sorted({name for entry in ENTRIES for name in entry.code}))
def test_every_name_in_the_code_exists(name: str) -> None:
    if find_spec_of(f"coworkd.{name}"):
        return
    module, _, attribute = f"coworkd.{name}".rpartition(".")
    assert attribute in vars(import_module(module))


def find_spec_of(module: str) -> bool:
    """Whether there is such a module; false also where its parent is none."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("name", sorted({name for entry in ENTRIES for name in entry.files}))
def test_every_key_and_path_exists(name: str) -> None:
    kind, colon, key = name.partition(": ")
    if colon:
        assert (Kind(kind), key) in KEYS
    elif name.startswith("cowork."):
        assert re.search(rf"`{re.escape(name)}`|\b{name.removeprefix('cowork.')}\b", FORMAT)
    else:
        assert name in FORMAT


def test_every_command_exists_and_has_a_term() -> None:
    assert {name for entry in ENTRIES for name in entry.commands} == set(COMMANDS)


@pytest.mark.parametrize(("kind", "key"), KEYS, ids=str)
def test_every_key_has_a_term(kind: Kind, key: str) -> None:
    assert any(f"{kind}: {key}" in entry.files for entry in ENTRIES)


def test_every_term_is_listed_once_and_in_order() -> None:
    assert [term for term, times in Counter(entry.term.lower() for entry in ENTRIES).items() if times > 1] == []
    for section in {entry.section for entry in ENTRIES}:
        terms = [entry.term.strip("`").lower() for entry in ENTRIES if entry.section == section]
        assert terms == sorted(terms)


def test_every_term_has_a_name_in_the_code() -> None:
    assert [entry.term for entry in ENTRIES if not entry.code] == []
