from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.agents.worker.text_stream import BATCH_BYTES, BATCH_SECONDS, TextStream

MARK = "is cut, but for its end"


def said(stream: TextStream, chunks: list[bytes], now: float = 0.0) -> str:
    pieces: list[str] = []
    for chunk in chunks:
        stream.feed(chunk)
        now += BATCH_SECONDS
        pieces += [event.text for event in stream.take(now)]
    return "".join(pieces + [event.text for event in stream.close()])


def test_what_comes_after_a_pause_comes_out_at_once() -> None:
    stream = TextStream(100_000)
    for now in (10.0, 11.0):
        stream.feed(b"a")
        assert stream.due(now) == 0.0
        assert [event.text for event in stream.take(now)] == ["a"]


def test_a_batch_waits_for_more() -> None:
    stream = TextStream(100_000)
    stream.feed(b"first")
    stream.take(10.0)
    stream.feed(b"a")
    assert stream.take(10.0 + BATCH_SECONDS / 2) == []
    assert stream.due(10.0) == pytest.approx(BATCH_SECONDS)
    stream.feed(b"b")
    assert [event.text for event in stream.take(10.01 + BATCH_SECONDS)] == ["ab"]
    assert stream.due(20.0) is None


def test_a_full_batch_does_not_wait() -> None:
    stream = TextStream(100_000)
    stream.feed(b"a" * BATCH_BYTES)
    assert [event.text for event in stream.take(0.0)] == ["a" * BATCH_BYTES]


@given(text=st.text(max_size=50), cuts=st.lists(st.integers(0, 200)))
def test_what_fits_comes_whole_however_it_is_torn(text: str, cuts: list[int]) -> None:
    content = text.encode()
    places = sorted({min(cut, len(content)) for cut in cuts} | {0, len(content)})
    chunks = [content[a:b] for a, b in pairwise(places)]
    assert said(TextStream(len(content)), chunks) == text


@given(chunks=st.lists(st.binary(max_size=30)), limit=st.integers(0, 100))
def test_the_limit_holds_and_the_cut_is_marked_once(chunks: list[bytes], limit: int) -> None:
    whole = b"".join(chunks)
    text = said(TextStream(limit), chunks)
    if len(whole) <= limit:
        assert text == whole.decode("utf-8", "replace")
    else:
        assert text.count(MARK) == 1
        head, tail = limit - limit // 2, limit // 2
        assert text.startswith(whole[:head].decode("utf-8", "replace"))
        assert text.endswith(whole[len(whole) - tail :].decode("utf-8", "replace"))


def test_the_cut_is_told_when_it_happens() -> None:
    stream = TextStream(10)
    stream.feed(b"0123456789abcdef")
    assert [event.text for event in stream.take(1.0)] == ["01234"]
    (mark,) = stream.take(1.0)
    assert MARK in mark.text
    assert stream.take(2.0) == []
    assert [event.text for event in stream.close()] == ["bcdef"]
