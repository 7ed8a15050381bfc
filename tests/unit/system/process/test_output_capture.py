from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.system.process.output_capture import Capture


def test_what_fits_is_kept_whole(tmp_path: Path) -> None:
    capture = Capture(10, str(tmp_path / "out"))
    for chunk in (b"01234", b"5678", b"9"):
        capture.feed(chunk)
    capture.close()
    assert (tmp_path / "out").read_bytes() == b"0123456789"
    assert not capture.truncated


def test_the_cut_lies_between_head_and_tail_and_is_marked(tmp_path: Path) -> None:
    capture = Capture(10, str(tmp_path / "out"))
    capture.feed(b"abcdefghijklmnopqrstuvwxyz")
    capture.close()
    assert (tmp_path / "out").read_bytes() == b"abcde\n[... 16 bytes cut ...]\nvwxyz"
    assert capture.truncated
    assert capture.tail(3) == "xyz"


def test_the_head_can_be_watched(tmp_path: Path) -> None:
    capture = Capture(10, str(tmp_path / "out"))
    capture.feed(b"abc")
    assert (tmp_path / "out").read_bytes() == b"abc"
    capture.close()


@pytest.mark.parametrize("size", [0, 2, 100])
def test_tail_without_a_file(size: int) -> None:
    capture = Capture(4)
    capture.feed(b"abcdef")
    assert capture.tail(size) == "abcdef"[6 - min(size, 4) :]


def test_a_torn_character_is_replaced() -> None:
    capture = Capture(100)
    capture.feed("ä".encode()[1:])
    assert capture.tail() == "\N{REPLACEMENT CHARACTER}"


@given(chunks=st.lists(st.binary(max_size=40)), limit=st.integers(0, 60))
def test_nothing_is_lost_uncounted(tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], limit: int) -> None:
    path = tmp_path_factory.mktemp("capture") / "out"
    capture = Capture(limit, str(path))
    for chunk in chunks:
        capture.feed(chunk)
    capture.close()
    whole, kept = b"".join(chunks), path.read_bytes()
    assert capture.truncated == (len(whole) > limit)
    if len(whole) <= limit:
        assert kept == whole
        return
    dropped = len(whole) - limit
    head, tail = limit - limit // 2, limit // 2
    assert kept == whole[:head] + b"\n[... %d bytes cut ...]\n" % dropped + whole[len(whole) - tail :]
