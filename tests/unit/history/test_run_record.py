"""Records of runs: what is written is read again, and nothing else is believed."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.errors import DocumentError
from coworkd.core.model import Check
from coworkd.history.run_record import (
    Origin,
    Receipt,
    RecordedDecision,
    RecordedSubmission,
    RunRecord,
    decode,
    encode,
    run_id_of,
)

KEY, ANNA = b"k" * 32, "anna-0001"
RECORD = RunRecord(
    instance=ANNA, run="5ba47c3f", task="a", attempt=2, agent="scribe", model="", started=1_700_000_000.0,
    ended=1_700_000_060.0, reason="done", level="none", base="8c1f", input_tokens=None, output_tokens=7,
    cost_usd=0.25, estimated=True,
    decisions=(
        RecordedDecision(request="r1", kind="tool", tool="run", path="approvals/a-1.md", digest="d", state="used",
                 answer="approved", by="file", asked=1_700_000_010.0),
    ),
    receipts=(Receipt(path="messages/a/1.md", digest="e"),),
    submission=RecordedSubmission(number=1, commit="c0", tree="t0"), checks=(Check(command="true", exit=0, seconds=0.5),),
)  # fmt: skip
PATH = "log/2023-11/5ba47c3f.json"


def test_what_was_written_is_read_and_believed() -> None:
    assert RECORD.path == PATH
    data = encode(RECORD, KEY)
    assert decode(data, PATH, ANNA, KEY) == (RECORD, Origin.OURS)
    assert (told := json.loads(data))["model"] is None
    assert told["usage"] == {"input_tokens": None, "output_tokens": 7}


def test_the_layout_of_the_file_is_free() -> None:
    squeezed = json.dumps(json.loads(encode(RECORD, KEY)), sort_keys=True).encode()
    assert decode(squeezed, PATH, ANNA, KEY)[1] is Origin.OURS


@pytest.mark.parametrize(
    ("key", "value"),
    [("task", "b"), ("cost_usd", 0.0), ("receipts", []), ("ended", "2023-11-14T22:14:21Z"), ("mac", ""), ("more", 1)],
)
def test_a_changed_record_is_believed_in_nothing(key: str, value: object) -> None:
    told = json.loads(encode(RECORD, KEY)) | {key: value}
    assert decode(json.dumps(told).encode(), PATH, ANNA, KEY)[1] is Origin.BROKEN


def test_others_and_copies_are_not_ours() -> None:
    data = encode(RECORD, KEY)
    assert decode(data, PATH, "bob-7777", KEY)[1] is Origin.THEIRS
    assert decode(data, PATH, ANNA, b"x" * 32)[1] is Origin.BROKEN
    assert decode(data, "log/2023-11/other.json", ANNA, KEY)[1] is Origin.BROKEN


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"record": 2}', b" " * 1_100_000,
     encode(RECORD, KEY).replace(b'"attempt": 2', b'"attempt": -2'),
     encode(RECORD, KEY).replace(b'"cost_usd": 0.25', b'"cost_usd": NaN'),
     encode(RECORD, KEY).replace(b'"task": "a"', b'"task": 5')],
)  # fmt: skip
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError, match="no record of a run"):
        decode(data, PATH, ANNA, KEY)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda v: st.dictionaries(st.text(), v)))
def test_no_json_does_worse_than_be_refused(value: object) -> None:
    told = json.loads(encode(RECORD, KEY))
    for key in told:
        text = json.dumps(told | {key: value}).encode()
        with suppress(DocumentError):
            assert decode(text, PATH, ANNA, KEY)[1] is not Origin.OURS or value == told[key]


@pytest.mark.parametrize("path", ["log/a.json", "log/2023-11/.x.json", "log/2023-11/a.md", "log/2023-11/a/b.json"])
def test_names_that_no_record_has(path: str) -> None:
    assert run_id_of(path) == ""
