"""The audit's chain: nothing in it can be changed, left out, or put into another order."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.errors import DocumentError
from coworkd.history.hash_chain import ChainEnd, chain_lines, event_hash, flaw_reason, parse_entry
from coworkd.store import EventRow


def event(number: int, **data: object) -> EventRow:
    text = json.dumps(data, ensure_ascii=False)
    return EventRow(id=number, at=1000.25 + number, actor="daemon", kind="status", task="a", data=text)


EVENTS = [event(1, old="draft", new="ready"), event(2, reason="\u00e9\n"), event(5, sha="0a", share=0.1)]


def flaws(data: bytes) -> list[str]:
    found, before = list[str](), None
    for line in data.splitlines():
        entry = parse_entry(line)
        found.append(flaw_reason(entry, before))
        before = ChainEnd(id=entry.event.id, hash=entry.hash)
    return found


def test_a_whole_chain_has_no_flaw_and_says_what_happened() -> None:
    data, end = chain_lines(ChainEnd(), EVENTS)
    assert flaws(data) == ["", "", ""]
    first = parse_entry(data.splitlines()[0])
    assert json.loads(first.event.data) == {"old": "draft", "new": "ready"}
    assert event_hash(EVENTS[0], "") == first.hash
    assert end == ChainEnd(id=5, hash=parse_entry(data.splitlines()[2]).hash)


def test_batches_make_the_same_chain() -> None:
    first, link = chain_lines(ChainEnd(), EVENTS[:1])
    second, end = chain_lines(link, EVENTS[1:])
    assert (first + second, end) == chain_lines(ChainEnd(), EVENTS)


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
    lines = harm(chain_lines(ChainEnd(), EVENTS)[0].splitlines())
    assert [what.partition(":")[0] for what in flaws(b"\n".join(lines))] == found


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b"\xff", b"[" * 50_000, b'{"id": 1}'])
def test_what_is_no_entry_is_refused(line: bytes) -> None:
    with pytest.raises(DocumentError):
        parse_entry(line)


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text()))
def test_whatever_an_event_says_is_read_back(data: dict[str, object]) -> None:
    lines, end = chain_lines(ChainEnd(hash="x"), [event(1, data=data)])
    entry = parse_entry(lines)
    assert (entry.prev, entry.hash) == ("x", end.hash)
    assert flaw_reason(entry, None) == ""
