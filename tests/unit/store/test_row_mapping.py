"""Records of any shape come back from their cells as they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from coworkd.store.row_mapping import columns_of, inserter, loader


@dataclass(frozen=True)
class Note:
    label: str = ""
    text: str = ""


@dataclass(frozen=True)
class SingleRow:
    name: str


@dataclass(frozen=True)
class NotedRow:
    name: str
    note: Note | None = None


@dataclass(frozen=True)
class TypedRow:
    done: bool
    seconds: float


@pytest.mark.parametrize(
    "record",
    [
        SingleRow("one plain field alone"),
        TypedRow(done=True, seconds=2.0),
        NotedRow("without a note"),
        NotedRow("first field empty", Note(text="the second is not")),
        NotedRow("with a note", Note("a", "b")),
    ],
)
def test_a_record_comes_back_from_its_cells(record: Any) -> None:
    cells = list(inserter(type(record))[1](record))
    assert len(cells) == len(columns_of(type(record)))
    assert loader(type(record))(cells) == record
