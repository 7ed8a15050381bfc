from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.documents.markdown import Value
from coworkd.sync.merging.three_way import (
    NO_MAP,
    SET_FIELDS,
    BaseVersion,
    DocumentVersion,
    choose_base,
    merge_text,
    plan_merge,
)


def version(body: str = "", **fields: Value) -> DocumentVersion:
    return DocumentVersion(fields=fields, body=body)


def told(file: Value, base: Value, wanted: Value, name: str = "agent") -> tuple[Value, bool]:
    """What one field becomes, and whether it clashes."""
    made = plan_merge(
        *(DocumentVersion(fields={} if value is None else {name: value}, body="") for value in (file, base, wanted))
    )
    return made.merged.fields.get(name), name in made.clashes


@pytest.mark.parametrize(
    ("file", "base", "wanted", "merged", "clash"),
    [
        ("a", "b", "b", "a", False),
        ("b", "b", "a", "a", False),
        ("a", "b", "a", "a", False),
        ("a", "a", "a", "a", False),
        ("a", "b", "c", "a", True),
        (None, "b", "b", None, False),
        ("b", "b", None, None, False),
        (None, "b", "c", None, True),
        ("a", "b", None, "a", True),
        ("a", None, "c", "a", True),
        ("a", None, None, "a", False),
    ],
)
def test_one_field(file: Value, base: Value, wanted: Value, merged: Value, clash: bool) -> None:
    assert told(file, base, wanted) == (merged, clash)


DOMAIN: tuple[Value, ...] = (None, "a", "b")


@pytest.mark.parametrize(("file", "base", "wanted"), list(product(DOMAIN, DOMAIN, DOMAIN)))
def test_every_small_case(file: Value, base: Value, wanted: Value) -> None:
    merged, clash = told(file, base, wanted)
    assert clash == (file != base and wanted not in (base, file))
    assert merged == (wanted if file == base else file)


@pytest.mark.parametrize("name", sorted(SET_FIELDS))
@pytest.mark.parametrize(
    ("file", "base", "wanted", "merged"),
    [
        (["a", "x"], ["a"], ["a", "y"], ["a", "x", "y"]),
        (["a"], ["a", "b"], ["a", "b", "c"], ["a", "c"]),
        (["b", "a"], ["a"], [], ["b"]),
        (["x"], None, ["y"], ["x", "y"]),
        ("x", ["a"], ["a", "y"], ["x", "y"]),
        (["a", "b", "x"], ["a", "b"], ["b"], ["b", "x"]),
    ],
)
def test_sets_merge_element_by_element(name: str, file: Value, base: Value, wanted: Value, merged: Value) -> None:
    assert told(file, base, wanted, name) == (merged, False)


ELEMENTS = st.lists(st.sampled_from("abcde"), unique=True)


@given(file=ELEMENTS, base=ELEMENTS, wanted=ELEMENTS)
def test_a_set_keeps_what_was_added_and_drops_what_was_taken(
    file: list[Value], base: list[Value], wanted: list[Value]
) -> None:
    merged, _ = told(file, base, wanted, "labels")
    assert isinstance(merged, list)
    for element in "abcde":
        sides = (element in file, element in wanted)
        expected = any(sides) if element not in base else all(sides)
        assert (element in merged) == expected


FIELDS = st.dictionaries(st.sampled_from(["agent", "plan", "labels"]), st.sampled_from(["a", "b", "c"]))
VERSIONS = st.builds(DocumentVersion, fields=FIELDS, body=st.sampled_from(["", "one\n", "two\n", "one\ntwo\n"]))


@given(VERSIONS, VERSIONS, VERSIONS)
def test_planning_twice_changes_nothing(file: DocumentVersion, base: DocumentVersion, wanted: DocumentVersion) -> None:
    first = plan_merge(file, base, wanted)
    again = plan_merge(first.merged, first.merged, first.merged)
    assert again.merged == first.merged
    assert not again.lacking | again.touched | again.clashes


@given(VERSIONS, VERSIONS)
def test_what_was_not_touched_turns_nothing_back(file: DocumentVersion, wanted: DocumentVersion) -> None:
    """A stale save, equal to its base, carries no wish of its own."""
    made = plan_merge(file, file, wanted)
    assert made.merged == wanted
    assert not made.touched | made.clashes


@given(VERSIONS, VERSIONS)
def test_without_news_from_the_other_side_the_file_is_taken(file: DocumentVersion, base: DocumentVersion) -> None:
    made = plan_merge(file, base, base)
    assert made.merged == file
    assert not made.lacking | made.clashes


@pytest.mark.parametrize(("base", "wanted"), [(None, version("x")), (version("x"), None), (None, None)])
def test_at_first_sight_the_file_is_taken(base: DocumentVersion | None, wanted: DocumentVersion | None) -> None:
    file = version("text\n", agent="a")
    made = plan_merge(file, base, wanted)
    assert made.merged == file
    assert made.touched == {"agent", "body"}
    assert not made.lacking


def person(rev: int, data: bytes) -> BaseVersion:
    return BaseVersion(rev=rev, by_user=True, data=data)


def daemon(rev: int, data: bytes) -> BaseVersion:
    return BaseVersion(rev=rev, by_user=False, data=data)


FIRST, SECOND, OURS = person(NO_MAP, b"first"), person(4, b"second"), daemon(4, b"ours")


@pytest.mark.parametrize(
    ("rev", "kept", "chosen"),
    [
        pytest.param(4, [OURS, FIRST], OURS, id="a stale save while nothing has changed since: what the daemon wrote"),
        pytest.param(4, [daemon(5, b"later"), OURS], OURS, id="a stale save after a later write: the one it names"),
        pytest.param(4, [SECOND, OURS], SECOND, id="two saves from one buffer: the person's own last save"),
        pytest.param(4, [OURS, SECOND], SECOND, id="whichever was kept later"),
        pytest.param(NO_MAP, [OURS, FIRST], FIRST, id="no map: the file as it was first seen"),
        pytest.param(NO_MAP, [OURS], None, id="no map, never seen without one"),
        pytest.param(9, [SECOND, OURS, FIRST], None, id="an unknown revision"),
        pytest.param(4, [], None, id="nothing kept"),
    ],
)
def test_the_base_is_what_the_author_had_before_their_eyes(
    rev: int, kept: list[BaseVersion], chosen: BaseVersion | None
) -> None:
    assert choose_base(rev, kept) == chosen


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "e\n"]), max_size=8).map("".join)


@given(LINES, LINES, LINES)
def test_merging_text_is_symmetric(mine: str, base: str, theirs: str) -> None:
    assert merge_text(mine, base, theirs) == merge_text(theirs, base, mine)


@given(LINES, LINES)
def test_one_changed_side_is_taken_whole(changed: str, base: str) -> None:
    assert merge_text(changed, base, base) == merge_text(base, base, changed) == changed


UNIQUE = st.lists(st.integers(0, 30), unique=True, max_size=10)


@given(base=UNIQUE, data=st.data())
def test_no_line_that_one_side_added_is_dropped(base: list[int], data: st.DataObject) -> None:
    """Every line is its own token, so that each one's fate can be told."""

    def edited(side: str) -> list[str]:
        kept = [f"{n}\n" for n in base if data.draw(st.booleans())]
        for n in range(data.draw(st.integers(0, 3))):
            kept.insert(data.draw(st.integers(0, len(kept))), f"{side}{n}\n")
        return kept

    old = [f"{n}\n" for n in base]
    mine, theirs = edited("mine"), edited("theirs")
    merged = merge_text("".join(mine), "".join(old), "".join(theirs))
    if merged is None:
        return
    lines = merged.splitlines(True)
    for line in {*mine, *theirs} - set(old):
        assert lines.count(line) == 1
    for line in old:
        assert (line in lines) == (line in mine and line in theirs)


@pytest.mark.parametrize(
    ("mine", "theirs", "merged"),
    [
        ("A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"),
        ("A\nb\nc\n", "B\nb\nc\n", None),
        ("A\nb\nc\n", "A\nb\nc\n", "A\nb\nc\n"),
        ("a\nb\nc\nmine\n", "a\nb\nc\ntheirs\n", None),
        ("a\nb\nc", "A\nb\nc\n", "A\nb\nc"),
        ("", "a\nb\nC\n", None),
    ],
)
def test_merging_text(mine: str, theirs: str, merged: str | None) -> None:
    assert merge_text(mine, "a\nb\nc\n", theirs) == merged
