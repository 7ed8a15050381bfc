from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.errors import DocumentError
from coworkd.interchange.located_json import Json, JsonObject, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def plain(value: Json) -> object:
    if isinstance(value, JsonObject):
        return {name: plain(one) for name, one in value.values.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


@given(VALUES, st.sampled_from([None, 2]))
def test_it_reads_what_the_standard_library_writes(value: object, indent: int | None) -> None:
    assert plain(read_json(json.dumps(value, indent=indent))) == value


def test_an_object_knows_its_line() -> None:
    found = read_json('[\n  {"a": 1},\n\n  {"b": {"c": 2}}\n]')
    assert isinstance(found, list)
    assert [one.line for one in found if isinstance(one, JsonObject)] == [2, 4]


@pytest.mark.parametrize(
    ("text", "line"), [("", 1), ("{", 1), ('{"a" 1}', 1), ("[1\n2]", 2), ('{"a": tru}', 1), ("1 2", 1), ('\n"a', 2)]
)
def test_what_is_no_json_has_its_line(text: str, line: int) -> None:
    with pytest.raises(DocumentError) as caught:
        read_json(text)
    assert caught.value.line == line
