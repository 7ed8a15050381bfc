"""The audit's chain: nothing in it can be changed, left out, or put into another order."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.errors import DocumentError
from coworkd.history.hash_chain import Link, event_hash, flaw, linked, read
from coworkd.store import EventRow


def event(number: int, **data: object) -> EventRow:
    text = json.dumps(data, ensure_ascii=False)
    return EventRow(id=number, at=1000.25 + number, actor="daemon", kind="status", task="a", data=text)


EVENTS = [event(1, old="draft", new="ready"), event(2, reason="\u00e9\n"), event(5, sha="0a", share=0.1)]


def flaws(data: bytes) -> list[str]:
    found, before = list[str](), None
    for line in data.splitlines():
        entry = read(line)
        found.append(flaw(entry, before))
        before = Link(id=entry.event.id, hash=entry.hash)
    return found


def test_a_whole_chain_has_no_flaw_and_says_what_happened() -> None:
    data, end = linked(Link(), EVENTS)
    assert flaws(data) == ["", "", ""]
    first = read(data.splitlines()[0])
    assert json.loads(first.event.data) == {"old": "draft", "new": "ready"}
    assert event_hash(EVENTS[0], "") == first.hash
    assert end == Link(id=5, hash=read(data.splitlines()[2]).hash)


def test_batches_make_the_same_chain() -> None:
    first, link = linked(Link(), EVENTS[:1])
    second, end = linked(link, EVENTS[1:])
    assert (first + second, end) == linked(Link(), EVENTS)


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (lambda e: [e[0], e[2]], ["", "does not follow entry 1"]),
        (lambda e: [e[0], e[2], e[1]], ["", "does not follow entry 1", "does not follow entry 5"]),
        (lambda e: [e[0], e[1].replace(b"daemon", b"person"), e[2]], ["", "was changed", ""]),
        (lambda e: [e[0].replace(b"1001.25", b"1001.26"), e[1], e[2]], ["was changed", "", ""]),
        (lambda e: [e[0], e[0], e[1]], ["", "does not follow entry 1", ""]),
    ],
    ids=["left out", "reordered", "another actor", "another time", "twice"],
)  # fmt: skip
def test_harm_is_seen(harm: Callable[[list[bytes]], list[bytes]], found: list[str]) -> None:
    lines = harm(linked(Link(), EVENTS)[0].splitlines())
    assert [what.partition(":")[0] for what in flaws(b"\n".join(lines))] == found


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b"\xff", b"[" * 50_000, b'{"id": 1}'])
def test_what_is_no_entry_is_refused(line: bytes) -> None:
    with pytest.raises(DocumentError):
        read(line)


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text()))
def test_whatever_an_event_says_is_read_back(data: dict[str, object]) -> None:
    lines, end = linked(Link(hash="x"), [event(1, data=data)])
    entry = read(lines)
    assert (entry.prev, entry.hash) == ("x", end.hash)
    assert flaw(entry, None) == ""
