"""Reading and composing documents: what is text stays text, what is refused says where and why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.errors import DocumentError
from coworkd.documents.markdown import MAX_FILE, MAX_HEADER, Value, compose, normalise_key, parse, parse_yaml
from coworkd.documents.yaml_reader import MAX_DEPTH

ROOT = Path(__file__).parents[3]


def headed(header: str, body: str = "") -> bytes:
    return f"---\n{header}\n---\n{body}".encode()


def value_of(text: str) -> Value:
    return parse(headed(f"key: {text}")).get("key")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("no", "no"),
        ("0123", "0123"),
        ("12:30", "12:30"),
        ("1.10", "1.10"),
        ("2024-02-30", "2024-02-30"),
        ("9" * 5000, "9" * 5000),
        ("<<", "<<"),
        ("=", "="),
        ("<promise>DONE</promise>", "<promise>DONE</promise>"),
        ("", None),
        ("  # only a comment", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ('"null"', "null"),
        ("'~'", "~"),
        ('""', ""),
        ("'it''s'", "it's"),
        (r'"a\tb\u00e9"', "a\tbé"),
        ("word # comment", "word"),
        ("word#no comment", "word#no comment"),
        ("one\n  two", "one two"),
        ("|\n  one\n  two\n", "one\ntwo\n"),
        (">-\n  one\n  two\n", "one two"),
        ("[]", []),
        ("[a, [b], {c: no}]", ["a", ["b"], {"c": "no"}]),
        ("\n  - a\n  -\n  - 'null'", ["a", None, "null"]),
        ("\n- a\n- b", ["a", "b"]),
        ("{a: 1, b: , c}", {"a": "1", "b": None, "c": None}),
        ("\n  a: 1\n  b:\n    c: ~", {"a": "1", "b": {"c": None}}),
    ],
)
def test_scalars_are_text(written: str, read: Value) -> None:
    assert value_of(written) == read


def test_a_document_has_entries_with_their_lines_and_a_body() -> None:
    document = parse(b"---\n# note\ntitle: A\n\nlist:\n  - x\nlast: z\n---\n\nBody\n")
    assert [(e.key, e.value, e.line) for e in document.entries] == [
        ("title", "A", 3),
        ("list", ["x"], 5),
        ("last", "z", 7),
    ]
    assert (document.body, document.body_line, document.has_header) == ("\nBody\n", 9, True)
    assert document.get("Ti-tle") == "A"
    assert document.get("nothing") is None


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_mark_and_line_endings(bom: bytes, newline: str) -> None:
    text = "---\ntitle: Größe\nlist: [a,\n  b]\nlast: |\n  x\n---\nBody  \n\tend".replace("\n", newline)
    document = parse(bom + text.encode())
    assert {e.key: (e.value, e.line) for e in document.entries} == {
        "title": ("Größe", 2),
        "list": (["a", "b"], 3),
        "last": ("x\n", 5),
    }
    assert document.body == f"Body  {newline}\tend"
    assert (document.newline, document.bom, document.body_line) == (newline, bool(bom), 8)


def test_mixed_line_endings_stay_in_the_body() -> None:
    document = parse(b"---\r\na: 1\nb: 2\r\n---\nx\r\ny\n")
    assert [e.value for e in document.entries] == ["1", "2"]
    assert (document.body, document.newline) == ("x\r\ny\n", "\r\n")


@pytest.mark.parametrize(
    "data", [b"", b"Hello", b"\n---\na: 1\n---\n", b"----\na: 1\n", b"--- x\n", b"\xef\xbb\xbfHello"]
)
def test_without_a_fence_on_the_first_line_all_is_body(data: bytes) -> None:
    document = parse(data)
    assert (document.has_header, document.entries, document.body_line) == (False, (), 1)
    assert document.body.encode() == data.removeprefix(b"\xef\xbb\xbf")


@pytest.mark.parametrize("data", [b"---\n---\n", b"---\n---", b"---\n# only a comment\n---\n", b"---  \n\n---\t\n"])
def test_a_header_may_be_empty(data: bytes) -> None:
    document = parse(data)
    assert (document.has_header, document.entries, document.body) == (True, (), "")


def test_a_line_of_dashes_in_the_body_is_no_fence() -> None:
    assert parse(b"---\na: 1\n---\nx\n---\ny\n").body == "x\n---\ny\n"


def test_a_line_separator_inside_a_value_does_not_shift_line_numbers() -> None:
    assert parse('---\na: "x\u2028y"\nb: 1\n---\n'.encode()).entries[1].line == 3


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"---\ntitle: caf\xe9\n---\n", 2, "UTF-8"),
        ("---\ntitle: x\n---\n".encode("utf-16"), 1, "UTF-8"),
        (b"---\na: 1\n---\nbody\0\n", 4, "NUL"),
        (b"---\na: 1\nbody\n", 1, "never ends"),
        (b"---", 1, "never ends"),
        (b"---\n- a\n- b\n---\n", 2, "key: value"),
        (b"---\njust words\n---\n", 2, "key: value"),
        (b"---\n~\n---\n", 2, "key: value"),
        (b"---\na: 1\n<<<<<<< HEAD: 1\nb: 2\n---\n", 3, "conflict"),
        (b"---\na: 1\n=======\nb: 2\n---\n", 3, "conflict"),
        (b"---\na: 1\n>>>>>>> topic\n---\n", 3, "conflict"),
        (b"---\na: 1\n---\nx\n<<<<<<< HEAD\none\n=======\ntwo\n>>>>>>> topic\n", 5, "conflict"),
        (b"<<<<<<< HEAD\n---\na: 1\n---\n=======\n>>>>>>> topic\n", 1, "conflict"),
        (b"---\na: 1\nb: 2\na: 3\n---\n", 4, "`a` is here twice, first on line 2"),
        (b"---\na:\n  b: 2\n  b: 3\n---\n", 4, "`b` is here twice"),
        (b"---\na: [{b: 2, b: 3}]\n---\n", 2, "`b` is here twice"),
        (b"---\na: &x 1\n---\n", 2, "anchors"),
        (b"---\na: 1\nb: *x\n---\n", 3, "anchors"),
        (b"---\n&x a: 1\n---\n", 2, "anchors"),
        (b"---\na: &x [1]\n---\n", 2, "anchors"),
        (b"---\n&x\na: 1\n---\n", 2, "anchors"),
        (b"---\na: !!int 1\n---\n", 2, "tags"),
        (b"---\na: ! 1\n---\n", 2, "tags"),
        (b"---\na: !x {b: 1}\n---\n", 2, "tags"),
        (b"---\na: !x\n  - 1\n---\n", 2, "tags"),
        (b"---\n!x a: 1\n---\n", 2, "tags"),
        (b"---\na: 1\n[b]: 1\n---\n", 3, "a key has to be a word"),
        (b"---\n? {b: 1}\n: 1\n---\n", 2, "a key has to be a word"),
        (b"---\na: 1\nb:\n\tc: 1\n---\n", 4, "a tab"),
        (b"---\na: 1\ntitle: Fix: the bug\n---\n", 3, "in quotes"),
        (b"---\na: @user\n---\n", 2, "cannot start with `@`"),
        (b"---\na: 1\njust words\n---\n", 3, "key: value"),
        (b"---\na: 'open\nb: 1\n---\n", 2, "quote"),
        (b"---\na: [x, y\nb: 1\n---\n", 2, "bracket"),
        (b"---\na: {x: 1\nb: 1\n---\n", 2, "bracket"),
        (b'---\na: "x" y\n---\n', 2, "quote a value as a whole"),
        (b"---\na:\n  b: 1\n c: 1\n---\n", 4, "same column"),
        (b"---\na: - x\n---\n", 2, "list"),
        (b'---\na: "C:\\dir"\n---\n', 2, "backslash"),
        ("---\né: 1\na: \x07\n---\n".encode(), 3, "U+0007"),
        (b"---\na: 1\n--- # again\nb: 2\n---\n", 3, "second YAML document"),
        (b"---\na: %x\n---\n", 2, "cannot start with `%`"),
    ],
)
def test_what_cannot_be_read_says_where_and_what_to_write(data: bytes, line: int, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse(data)
    assert (caught.value.line, words in caught.value.message) == (line, True), caught.value.message


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_error_lines_count_from_the_start_of_the_file(newline: bytes) -> None:
    with pytest.raises(DocumentError) as caught:
        parse(b"\xef\xbb\xbf" + b"---\na: 1\nb: 2\nc: [\n\n---\nbody\n".replace(b"\n", newline))
    assert caught.value.line == 4


@pytest.mark.parametrize(
    "body",
    [
        "Title\n=======\n",
        "<<<<<<< only one\n",
        ">>>>>>> quoted\n\n<<<<<<< x\n",
        " <<<<<<< a\n >>>>>>> b\n",
        "=======\n",
    ],
)
def test_only_a_pair_of_markers_in_the_body_is_a_conflict(body: str) -> None:
    assert parse(headed("a: 1", body)).body == body


def nested(depth: int) -> str:
    return "a: " + "[" * (depth - 1) + "]" * (depth - 1)


def test_nesting_is_bounded() -> None:
    assert parse(headed(nested(MAX_DEPTH))).entries[0].key == "a"
    with pytest.raises(DocumentError, match="nested deeper than 16"):
        parse(headed(nested(MAX_DEPTH + 1)))


@pytest.mark.parametrize(
    "bomb", ["a: " + "[" * 60_000, "a:\n" + "- " * 30_000, "{a: " * 15_000, "a: " + "{? " * 20_000]
)
def test_a_header_nested_without_end_is_an_error_and_no_crash(bomb: str) -> None:
    with pytest.raises(DocumentError):
        parse(headed(bomb))


def test_sizes_are_bounded() -> None:
    assert len(parse(headed("a: 1", "x" * (MAX_FILE - 13))).body) == MAX_FILE - 13
    with pytest.raises(DocumentError, match="1 MiB"):
        parse(headed("a: 1", "x" * (MAX_FILE - 12)))
    assert value_of("x" * (MAX_HEADER - 6)) == "x" * (MAX_HEADER - 6)
    with pytest.raises(DocumentError, match="64 KiB"):
        value_of("x" * (MAX_HEADER - 5))


def test_a_settings_file_is_all_header() -> None:
    document = parse_yaml(b"\xef\xbb\xbf# settings\r\nquiet: 1\r\nbudget: {usd_per_day: 2.50}\r\n")
    assert [(e.key, e.value, e.line) for e in document.entries] == [
        ("quiet", "1", 2),
        ("budget", {"usd_per_day": "2.50"}, 3),
    ]
    assert (document.body, document.has_header, document.newline) == ("", True, "\r\n")


@pytest.mark.parametrize("data", [b"", b"\n", b"# nothing\n", b"---\n"])
def test_a_settings_file_may_be_empty(data: bytes) -> None:
    assert parse_yaml(data).entries == ()


@pytest.mark.parametrize(
    "data", [b"- a\n", b"---\n---\na: 1\n", b"a: 1\n<<<<<<< HEAD\n", b"a: 1\nA: 1\na: 2\n", b"null"]
)
def test_a_settings_file_is_read_as_strictly(data: bytes) -> None:
    with pytest.raises(DocumentError):
        parse_yaml(data)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_a_document_or_a_document_error(data: bytes) -> None:
    for read in (parse, parse_yaml):
        try:
            read(data)
        except DocumentError as error:
            assert 0 <= error.line <= data.count(b"\n") + 1


SYNTAX = st.text(st.sampled_from("ab:-?[]{},#&*!|>'\"%@` \n\r\t\\~=<.é\u2028\ufeff\x85\x07"), max_size=60)


@given(SYNTAX)
def test_arbitrary_yaml_is_a_document_or_a_document_error(header: str) -> None:
    data = headed(header)
    try:
        document = parse(data)
    except DocumentError as error:
        assert 1 <= error.line <= data.count(b"\n") + 1
    else:
        assert data.decode().endswith(document.body)


VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.text(max_size=20) | SYNTAX | st.sampled_from(["null", "~", "", "a: b", "# x", "- a", "---", "007"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=8) | SYNTAX, VALUES, max_size=5), st.text(max_size=80), st.text(max_size=30))
def test_what_is_composed_reads_back(fields: dict[str, Value], body: str, note: str) -> None:
    document = parse(compose(fields, body, note))
    assert {e.key: e.value for e in document.entries} == fields
    assert [e.key for e in document.entries] == list(fields)
    assert document.body == body.replace("\0", "\ufffd")


@pytest.mark.parametrize("key", ["<<<<<<<", "=======", ">>>>>>>", "---", "- x", "? x", "# x", "", "null", "a: b"])
def test_a_key_that_looks_like_something_else_is_quoted(key: str) -> None:
    assert [(e.key, e.value) for e in parse(compose({key: key}, "")).entries] == [(key, key)]


def test_a_composed_document_looks_like_one_written_by_hand() -> None:
    fields: dict[str, Value] = {
        "approval": "pending",
        "comment": None,
        "labels": ["ui", "a, b"],
        "cowork": {"id": "x", "rev": "7", "tokens": {"input": "812", "output": "44"}},
    }
    assert compose(fields, "Body\n", "written by coworkd,\nnot by hand").decode() == (
        "---\n# written by coworkd, not by hand\napproval: pending\ncomment: null\n"
        'labels: [ui, "a, b"]\ncowork:\n  id: x\n  rev: 7\n  tokens: {input: 812, output: 44}\n---\nBody\n'
    )


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ("see\n<<<<<<< a\n=======\n>>>>>>> b\n", "see\n <<<<<<< a\n=======\n >>>>>>> b\n"),
        ("nul \0 here", "nul \ufffd here"),
        ("lone \ud800 half", "lone \ufffd\ufffd\ufffd half"),
    ],
)
def test_a_body_that_no_document_may_hold_is_made_readable(body: str, read: str) -> None:
    assert parse(compose({"a": "1"}, body)).body == read


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("dependsOn", "depends_on", True),
        ("Depends-On", "depends on", True),
        ("status", "STATUS", True),
        ("cowork", "cowor\u212a", False),
        ("depends", "depends_on", False),
    ],
)
def test_keys_are_compared_without_case_and_separators(one: str, other: str, same: bool) -> None:
    assert (normalise_key(one) == normalise_key(other)) is same


def test_a_missing_libyaml_is_named() -> None:
    script = (
        "import sys; sys.modules['yaml._yaml'] = None\n"
        "from coworkd.core import errors\nfrom coworkd.documents import markdown\n"
        "try: markdown.parse(b'---\\na: {b: 1}\\n---\\n')\n"
        "except errors.CoworkError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "libyaml" in done.stdout
