"""Edits change the bytes of the value and no others; what was edited reads back as asked."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.errors import DocumentError
from coworkd.documents.editing import Changes, Delete, edit, tick
from coworkd.documents.markdown import Value, normalise_key, parse

GONE = Delete()
TASK = """\
---
# top
title: "x"   # t
Status:   # go
labels:   # one
  - a # A
  # mid
  - "b" # B
  - c # C
# after
flat:
- x
- y   # Y
text: |
  foo

  bar

map: {a: 1, b: "2"} # m
cowork:  # cw
  id: x
  # inner
  rev: 7   # r

# end
---
Body  \n
\tno newline"""


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        pytest.param({("status",): "running"}, "Status:   # go", "Status: running   # go", id="fills an empty value"),
        pytest.param({("title",): "y"}, '"x"   # t', "y   # t", id="keeps the comment"),
        pytest.param({("title",): "a: b"}, '"x"', '"a: b"', id="quotes where needed"),
        pytest.param({("title",): "null"}, '"x"', '"null"', id="quotes a word that means nothing"),
        pytest.param({("title",): None}, '"x"', "null", id="writes nothing as null"),
        pytest.param({("title",): "a\nb"}, '"x"', r'"a\nb"', id="escapes line ends"),
        pytest.param({("title",): "007"}, '"x"', "007", id="leaves numbers bare"),
        pytest.param({("cowork", "rev"): "8"}, "rev: 7   # r", "rev: 8   # r", id="nested"),
        pytest.param({("Co-Work", "REV"): "8"}, "rev: 7", "rev: 8", id="matches keys loosely"),
        pytest.param({("cowork", "by"): "me"}, "# r\n", "# r\n  by: me\n", id="inserts at the end of a map"),
        pytest.param({("map", "c"): "x, y"}, '"2"}', '"2", c: "x, y"}', id="inserts into a flow map"),
        pytest.param({("map", "a"): "[x"}, "a: 1", 'a: "[x"', id="replaces in a flow map"),
        pytest.param(
            {("cowork", "tokens"): {"input": "812", "output": "44"}},
            "# r\n",
            "# r\n  tokens: {input: 812, output: 44}\n",
            id="inserts a small map in flow style",
        ),
        pytest.param({("new",): "1"}, "# end\n", "# end\nnew: 1\n", id="a new key is the last header line"),
        pytest.param({("new", "deep"): "1"}, "# end\n", "# end\nnew:\n  deep: 1\n", id="creates a block map"),
        pytest.param(
            {("new", "a"): "1", ("new", "b"): ["x"]}, "# end\n", "# end\nnew:\n  a: 1\n  b: [x]\n", id="two at once"
        ),
        pytest.param({("labels",): ["a", "b", "c", "d"]}, "# C\n", "# C\n  - d\n", id="appends to a block list"),
        pytest.param(
            {("labels",): ["z", "a", "b", "c"]}, "  - a # A", "  - z\n  - a # A", id="prepends to a block list"
        ),
        pytest.param({("labels",): ["a", "c"]}, '  - "b" # B\n', "", id="removes one item of a block list"),
        pytest.param({("flat",): ["x"]}, "- y   # Y\n", "", id="a list without indentation"),
        pytest.param({("flat",): "q"}, "flat:\n- x\n- y   # Y\n", "flat: q   # Y\n", id="a list becomes a word"),
        pytest.param(
            {("labels",): []},
            'labels:   # one\n  - a # A\n  # mid\n  - "b" # B\n  - c # C\n',
            "labels: []   # one # C\n",
            id="an emptied list keeps the comments around it",
        ),
        pytest.param({("text",): "hey"}, "|\n  foo\n\n  bar\n", "hey\n", id="a block scalar becomes a word"),
        pytest.param({("title",): GONE}, 'title: "x"   # t\n', "", id="deletes a line"),
        pytest.param({("text",): GONE}, "text: |\n  foo\n\n  bar\n\n", "", id="deletes all lines of a value"),
        pytest.param({("map", "a"): GONE}, "a: 1, ", "", id="deletes the first of a flow map"),
        pytest.param({("map", "b"): GONE}, ', b: "2"', "", id="deletes the last of a flow map"),
        pytest.param({("map", "a"): GONE, ("map", "b"): GONE}, '{a: 1, b: "2"}', "{}", id="deletes all of a flow map"),
        pytest.param({("cowork", "id"): GONE}, "  id: x\n", "", id="deletes in a block map"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_an_edit_changes_these_bytes_alone(changes: Changes, old: str, new: str, newline: str, bom: str) -> None:
    assert TASK.count(old) == 1

    def data(text: str) -> bytes:
        return (bom + text.replace("\n", newline)).encode()

    assert edit(data(TASK), changes).decode() == data(TASK.replace(old, new)).decode()


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ("a:", {("a",): "1"}, "a: 1"),
        ("a: ~ # c", {("a",): "1"}, "a: 1 # c"),
        ("cowork: # mine", {("cowork", "rev"): "1", ("cowork", "by"): "x"}, "cowork: # mine\n  rev: 1\n  by: x"),
        ("cowork: {}", {("cowork", "rev"): "1"}, "cowork: {rev: 1}"),
        ("cowork: broken", {("cowork", "rev"): "1"}, "cowork: {rev: 1}"),
        ("m: {a, b: , c: 1,}", {("m", "a"): "1", ("m", "b"): "2"}, "m: {a: 1, b:  2, c: 1,}"),
        ("m: {c: 1,}", {("m", "d"): "2"}, "m: {c: 1, d: 2,}"),
        ("m: {a: 1, # one\n  b: 2 # two\n  }", {("m", "c"): "3"}, "m: {a: 1, # one\n  b: 2, c: 3 # two\n  }"),
        ("{a: 1}", {("cowork", "rev"): "1"}, "{a: 1, cowork: {rev: 1}}"),
        ("  a: 1", {("cowork", "rev"): "1"}, "  a: 1\n  cowork:\n    rev: 1"),
        ("a: one\n  two # c\nb: 1", {("a",): "x"}, "a: x # c\nb: 1"),
        ("a: [1,\n  2] # c\nb: 1", {("a",): "x"}, "a: x # c\nb: 1"),
        ("a:\n  'x' # c", {("a",): "y"}, "a:\n  y # c"),
        ("a: >-\n  x\n  y\n# c\nb: 1", {("a",): "z"}, "a: z\n# c\nb: 1"),
        ("m:\n  k: |+\n    x\n\n# c", {("m", "j"): "1"}, "m:\n  k: |+\n    x\n\n  j: 1\n# c"),
        ("m:\n  a: 1\nb: 2", {("m", "a"): GONE}, "m: {}\nb: 2"),
        ("m:\n  a:\n    - x\n    - y\n  b: 1", {("m", "a"): "z"}, "m:\n  a: z\n  b: 1"),
        ("m:\n  a:\n    b: 1 # c\nz: 1", {("m", "a"): {"b": "2"}}, "m:\n  a: {b: 2} # c\nz: 1"),
        ("l:\n  - {a: 1}\n  - [x]", {("l",): [{"a": "1"}, "y"]}, "l:\n  - {a: 1}\n  - y"),
        ("l:\n  -\n    a\n  - b\nz: 1", {("l",): ["c", "b"]}, "l: [c, b]\nz: 1"),
        ('"quoted key" : 1', {("quoted_key",): "2"}, '"quoted key" : 2'),
        ("a: 1\nA: 2", {("A",): "3"}, "a: 1\nA: 3"),
        ("a:\t1", {("a",): "2"}, "a:\t2"),
        ("a: 1", {("b",): None}, "a: 1\nb: null"),
        ("a: 1", {("b",): {}, ("c",): []}, "a: 1\nb: {}\nc: []"),
        ("a: 1", {("b",): GONE, ("a", "b"): GONE, ("c", "d"): GONE}, "a: 1"),
        ("a: 1 # gone\n# stays", {("a",): GONE}, "# stays"),
    ],
)
def test_layouts(before: str, changes: Changes, after: str) -> None:
    data = edit(f"---\n{before}\n---\nBody".encode(), changes)
    assert data.decode() == f"---\n{after}\n---\nBody"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "---\ncowork:\n  rev: 1\n---\n"),
        ("Body", "---\ncowork:\n  rev: 1\n---\nBody"),
        ("\ufeffBody\r\n", "\ufeff---\r\ncowork:\r\n  rev: 1\r\n---\r\nBody\r\n"),
        ("---\n---\nBody", "---\ncowork:\n  rev: 1\n---\nBody"),
        ("---\n# c\n---", "---\n# c\ncowork:\n  rev: 1\n---"),
    ],
)
def test_a_header_is_made_where_there_is_none(before: str, after: str) -> None:
    assert edit(before.encode(), {("cowork", "rev"): "1"}).decode() == after


def test_nothing_is_put_in_front_of_a_body_for_nothing() -> None:
    assert edit(b"Body", {}) == b"Body"
    assert edit(b"Body", {("status",): GONE}) == b"Body"


@pytest.mark.parametrize("data", [b"---\na: 1\na: 2\n---\n", b"---\na: [\n---\n", b"---\na: 1\n", b"\xff", b"x\0"])
def test_what_does_not_parse_is_not_edited(data: bytes) -> None:
    with pytest.raises(DocumentError):
        edit(data, {("b",): "1"})


@pytest.mark.parametrize("header", ["? a\n? b", "a: 1\n..."])
def test_a_layout_that_would_not_read_back_is_refused_not_damaged(header: str) -> None:
    with pytest.raises(DocumentError):
        edit(f"---\n{header}\n---\n".encode(), {("a",): "x", ("c",): "y"})


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "item", ["- [ ] it", "* [ ] it", "+ [ ] it", "1. [ ] it", "12) [ ] it", "   - [ ] [ ] it", "\t- [ ] it"]
)
def test_a_box_is_ticked(item: str, newline: str) -> None:
    text = f"\ufeff---\na: 1\n---\n- [ ] first\n{item}\nlast".replace("\n", newline)
    ticked = text.replace(item, item.replace("[ ]", "[x]", 1))
    assert tick(text.encode(), 1).decode() == ticked


@pytest.mark.parametrize(
    ("body", "line"), [("- [x] a", 0), ("- [ ]a", 0), ("[ ] a", 0), ("- [ ] a", 1), ("- [ ] a", -1)]
)
def test_only_an_open_box_is_ticked(body: str, line: int) -> None:
    with pytest.raises(DocumentError):
        tick(f"---\na: 1\n---\n{body}".encode(), line)


# Generated documents: a header is a list of chunks, one for each key, so that an edit of one key can be checked against
# the bytes of all the others.

WORDS = st.sampled_from(
    ["x", "ready", "no", "1.10", "a b", "null", "a: b", "# c", "it's", '"q"', "é\u2028", "- d", "[", "~x"]
)
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none() | WORDS | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["k", "l", "m n"]), inner, max_size=3),
    max_leaves=5,
)
SHAPES = [
    "{key}: plain{comment}",
    "{key} :  plain words{comment}",
    "{key}: 'it''s'{comment}",
    '{key}: "d\\"q"{comment}',
    "{key}:{comment}",
    "{key}: ~{comment}",
    "{key}: plain\n  goes on{comment}",
    "{key}: [a, 'b', {{c: d}}]{comment}",
    "{key}: [a,{comment}\n  b,\n  ]{comment}",
    "{key}: {{a: 1, b c: [x], d: }}{comment}",
    "{key}: {{}}{comment}",
    "{key}:{comment}\n  - a{comment}\n  - 'b'{comment}",
    "{key}:\n- a{comment}\n- # nothing\n- c",
    "{key}:\n  - x: 1\n    y: 2\n  - [z]{comment}",
    "{key}:\n  -\n    a\n  - b",
    "{key}:{comment}\n  a: 1{comment}\n{note}\n  b:\n    - x\n    - y{comment}\n  c: [1]",
    "{key}:\n    k:\n      l: deep{comment}\n\n    m-n:",
    "{key}: |\n  one\n\n    two{comment}\n",
    "{key}: >-\n  one\n  two\n\n",
    "{key}: |+\n  one\n\n\n",
    "{key}:\n  k: |\n    text\n  l: |-\n    more\n\n",
    "{key}:\n  'on the next line'{comment}",
    "'{key}': 1{comment}",
]
KEYS = ["Status", "labels", "x-mine", "co work", "title", "é"]


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[tuple[str, str]], str]:
    """Opening, one (key, lines) for each key, closing fence and body."""
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    chunks: list[tuple[str, str]] = []
    for key in draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=4)):
        shape = draw(st.sampled_from(SHAPES))
        text = shape.format(key=key, comment=draw(st.sampled_from(["", " # why", "\t# é: [x"])), note="  # note") + "\n"
        chunks.append((key, text.replace("\n", newline)))
    opening = draw(st.sampled_from(["", "\ufeff"])) + "---" + newline + draw(st.sampled_from(["", "# top" + newline]))
    body = draw(st.sampled_from(["", "Body", "\r\n---\nx\n", "- [ ] a\n"]))
    return opening, chunks, draw(st.sampled_from(["", "# end" + newline])) + "---" + newline + body


def paths() -> st.SearchStrategy[tuple[str, ...]]:
    top = st.sampled_from([*KEYS, "STATUS", "co-work", "new"])
    inner = st.sampled_from(["a", "b", "B-C", "k", "l", "m_n", "new"])
    return st.tuples(top) | st.tuples(top, inner) | st.tuples(top, inner, inner)


def applied(values: dict[str, Value], path: Sequence[str], value: Value | Delete) -> dict[str, Value]:
    """The oracle: the change on values."""
    values = copy.deepcopy(values)
    name = (
        path[0]
        if path[0] in values
        else next((k for k in values if normalise_key(k) == normalise_key(path[0])), path[0])
    )
    inner = values.get(name)
    if len(path) > 1 and isinstance(value, Delete):
        if isinstance(inner, dict):
            values[name] = applied(inner, path[1:], value)
    elif len(path) > 1:
        values[name] = applied(inner if isinstance(inner, dict) else {}, path[1:], value)
    elif isinstance(value, Delete):
        values.pop(name, None)
    else:
        values[name] = value
    return values


def read(data: bytes) -> dict[str, Value]:
    return {entry.key: entry.value for entry in parse(data).entries}


@given(documents(), st.dictionaries(paths(), VALUES | st.just(GONE), min_size=1, max_size=3))
def test_an_edit_reads_back_as_asked(
    document: tuple[str, list[tuple[str, str]], str], changes: dict[tuple[str, ...], Value | Delete]
) -> None:
    opening, chunks, closing = document
    data = (opening + "".join(text for _, text in chunks) + closing).encode()
    expected = read(data)
    for path, value in changes.items():
        expected = applied(expected, path, value)
    result = edit(data, changes)
    assert read(result) == expected
    assert parse(result).body == parse(data).body
    for path, value in changes.items():
        assert edit(edit(result, {path: value}), {path: value}) == edit(result, {path: value})


@given(documents(), st.integers(0, 3), VALUES | st.just(GONE), st.sampled_from([(), ("a",), ("new",)]))
def test_an_edit_leaves_the_bytes_of_all_other_keys(
    document: tuple[str, list[tuple[str, str]], str], at: int, value: Value | Delete, inner: tuple[str, ...]
) -> None:
    opening, chunks, closing = document
    if at >= len(chunks):
        return
    data = (opening + "".join(text for _, text in chunks) + closing).encode()
    before = opening + "".join(text for _, text in chunks[:at])
    after = "".join(text for _, text in chunks[at + 1 :]) + closing
    result = edit(data, {(chunks[at][0], *inner): value}).decode()
    assert result.startswith(before)
    assert result.endswith(after)
    assert len(result) >= len(before) + len(after)
    assert ("\r\n" in opening) or "\r" not in result.removesuffix(closing)


@given(documents(), st.data())
def test_equal_values_change_nothing(document: tuple[str, list[tuple[str, str]], str], data: st.DataObject) -> None:
    opening, chunks, closing = document
    text = (opening + "".join(text for _, text in chunks) + closing).encode()
    values = read(text)
    changes = {(key,): value for key, value in values.items() if data.draw(st.booleans())}
    assert edit(text, changes) == text
