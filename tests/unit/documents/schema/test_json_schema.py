"""The schemas that editors get: about every key, and never stricter than coworkd itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from coworkd.core.errors import DocumentError
from coworkd.core.model import Kind
from coworkd.documents.decoding import decode, kind_of
from coworkd.documents.markdown import parse, parse_yaml, split
from coworkd.documents.schema.json_schema import json_schema
from coworkd.documents.schema.tables import SCHEMAS

EXAMPLES = Path(__file__).parents[4] / "examples/workspace/.cowork"
DOCUMENTS = sorted(p.relative_to(EXAMPLES).as_posix() for p in EXAMPLES.rglob("*") if p.suffix in (".md", ".yaml"))


def as_an_editor_reads(path: str, data: bytes) -> Any:
    header = data.decode() if path == "config.yaml" else split(data).header
    return yaml.safe_load(header)


def complaints(path: str, data: bytes) -> list[str]:
    kind = kind_of(path)
    assert kind is not None
    validator = Draft202012Validator(json_schema(kind))
    return [error.message for error in validator.iter_errors(as_an_editor_reads(path, data))]


def accepted(path: str, data: bytes) -> bool:
    try:
        decode(path, parse_yaml(data) if path == "config.yaml" else parse(data))
    except DocumentError:
        return False
    return True


@pytest.mark.parametrize("kind", Kind)
def test_is_a_schema_that_tells_every_key(kind: Kind) -> None:
    schema = json_schema(kind)
    Draft202012Validator.check_schema(schema)
    assert set(schema["properties"]) >= {field.name for field in SCHEMAS[kind].fields} | {"cowork"}
    assert all(entry["description"] for entry in schema["properties"].values())


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_examples_are_valid(path: str) -> None:
    assert complaints(path, (EXAMPLES / path).read_bytes()) == []


FOLDERS = {"task": "tasks/x.md", "agent": "agents/x.md", "review": "reviews/x.md", "message": "messages/t/x.md"}


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("task", "title: 2024"),
        ("task", "title:"),
        ("task", "status: To Do"),
        ("task", "status: READY"),
        ("task", "status: In-Progress"),
        ("task", "labels: ui"),
        ("task", "labels: [1.10, no]"),
        ("task", "tags: [ui]"),
        ("task", "depends_on: [0123]"),
        ("task", "priority: High"),
        ("task", "priority: 1.5"),
        ("task", "max_attempts: '2'"),
        ("task", "timeout: 1h30m"),
        ("task", "timeout: 90"),
        ("task", "pattern: Team"),
        ("task", "pattern: {name: red-team, members: [a, b], judges: c, rounds: '2', risk: High, critique: 0}"),
        ("task", "approve: merge"),
        ("task", "approve: []"),
        ("task", "budget: {usd: 2.5, tokens: 4000, minutes: }"),
        ("task", "my own key: {a: [b]}"),
        ("task", "cowork: {id: x, rev: 2}"),
        ("agent", "command: my-agent --flag"),
        ("agent", "sandbox: auto"),
        ("agent", "sandbox: {mode: Require, network: [a.example]}"),
        ("agent", "limits: {output: 10MB, stall: 90, concurrency: 2}"),
        ("agent", "env: {A: 1, B: }"),
        ("message", "draft: Yes"),
        ("review", "approval: approved"),
    ],
)  # fmt: skip
def test_accepts_what_coworkd_accepts(kind: str, line: str) -> None:
    data = f"---\n{line}\n---\nDo it.\n".encode()
    assert accepted(FOLDERS[kind], data)
    assert complaints(FOLDERS[kind], data) == []


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("task", "status: banana"),
        ("task", "title: [a]"),
        ("task", "labels: {a: b}"),
        ("task", "priority: soon"),
        ("task", "mode: biuld"),
        ("task", "max_attempts: 0"),
        ("task", "timeout: later"),
        ("task", "approve: [all]"),
        ("task", "budget: 3"),
        ("agent", "limits: {stall: ever}"),
        ("agent", "env: [A]"),
        ("message", "draft: perhaps"),
    ],
)
def test_underlines_what_coworkd_refuses(kind: str, line: str) -> None:
    data = f"---\n{line}\n---\nDo it.\n".encode()
    assert not accepted(FOLDERS[kind], data)
    assert complaints(FOLDERS[kind], data)


@pytest.mark.parametrize("word", ["Approved", "yes", "\u0430pproved"])  # the last begins with a Cyrillic letter
def test_an_approval_is_one_exact_word(word: str) -> None:
    assert complaints("reviews/x.md", f"---\napproval: {word}\n---\n".encode())
