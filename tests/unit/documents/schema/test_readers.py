"""Typed readers: what is meant, or what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.errors import DocumentError
from coworkd.core.model import ApprovalPoint, Budget, Mode, SandboxMode, SandboxSpec
from coworkd.documents.markdown import Value
from coworkd.documents.schema import readers
from coworkd.documents.schema.readers import Reader

BUDGET = readers.MappingReader(
    Budget, {"usd": readers.number, "tokens": readers.IntReader(0), "minutes": readers.number}
)
SANDBOX = readers.MappingReader(
    SandboxSpec, {"mode": readers.EnumReader(SandboxMode), "network": readers.texts}, shorthand="mode"
)


@pytest.mark.parametrize(
    ("reader", "value", "read"),
    [
        (readers.text, "no", "no"),
        (readers.texts, "one", ("one",)),
        (readers.texts, ["one", "two"], ("one", "two")),
        (readers.texts, [], ()),
        (readers.command_line, "agent --flag 'a b'", ("agent", "--flag", "a b")),
        (readers.command_line, ["bash", "-c", "a b\n"], ("bash", "-c", "a b\n")),
        (readers.text_pairs, {"B": "1", "A": None}, (("B", "1"), ("A", ""))),
        *((readers.flag, word, True) for word in ("true", "True", "yes", "on")),
        *((readers.flag, word, False) for word in ("false", "FALSE", "no", "off")),
        (readers.number, "2.50", 2.5),
        (readers.number, "0", 0.0),
        (readers.IntReader(1), "007", 7),
        (readers.duration, "45m", 2700.0),
        (readers.duration, "2h", 7200.0),
        (readers.duration, "90s", 90.0),
        (readers.duration, "1h30m", 5400.0),
        (readers.duration, "1h 30m", 5400.0),
        (readers.duration, "1d", 86400.0),
        (readers.duration, "1.5s", 1.5),
        (readers.duration, "90", 90.0),
        (readers.duration, "0", 0.0),
        (readers.time_limit, "2h", 7200.0),
        (readers.size, "10MB", 10_000_000),
        (readers.size, "10 mb", 10_000_000),
        (readers.size, "1.5k", 1500),
        (readers.size, "512KiB", 524_288),
        (readers.size, "1GiB", 1_073_741_824),
        (readers.size, "100", 100),
        (readers.size, "100B", 100),
        (readers.EnumReader(Mode), "Plan", Mode.PLAN),
        (readers.WordReader(("off", "auto")), "OFF", "off"),
        (
            readers.EnumSetReader(ApprovalPoint),
            ["merge", "Tools"],
            frozenset({ApprovalPoint.MERGE, ApprovalPoint.TOOLS}),
        ),
        (readers.EnumSetReader(ApprovalPoint), "merge", frozenset({ApprovalPoint.MERGE})),
        (readers.EnumSetReader(ApprovalPoint), [], frozenset[ApprovalPoint]()),
        (BUDGET, {"USD": "2", "tokens": None, "mine": "x"}, Budget(usd=2.0)),
        (SANDBOX, "off", SandboxSpec(mode=SandboxMode.OFF)),
        (SANDBOX, {"network": "a.example"}, SandboxSpec(network=("a.example",))),
    ],
)
def test_values_read(reader: Reader, value: Value, read: Any) -> None:
    assert reader(value) == read


@pytest.mark.parametrize(
    ("reader", "value", "words"),
    [
        (readers.text, ["a"], "a list stands where a text belongs"),
        (readers.texts, {"a": "b"}, "write `[a, b]`"),
        (readers.texts, ["a", None], "nothing stands where"),
        (readers.texts, ["a", ["b"]], "a list stands where"),
        (readers.command_line, "say 'it", "open quote"),
        (readers.text_pairs, ["A=1"], "write `{NAME: value}`"),
        (readers.text_pairs, {"A": ["1"]}, "a list stands where"),
        (readers.flag, "perhaps", "write `true` or `false`"),
        (readers.number, "1e5", "not a number"),
        (readers.number, "-1", "not a number"),
        (readers.number, "٣", "not a number"),
        (readers.number, "9" * 5000, "not a number"),
        (readers.IntReader(1), "0", "at least 1"),
        (readers.IntReader(1), "1.0", "at least 1"),
        (readers.IntReader(0), "9" * 5000, "not a whole number"),
        (readers.duration, "", "not a length of time"),
        (readers.duration, "soon", "write `45m`"),
        (readers.duration, "30m1h", "not a length of time"),
        (readers.duration, "-5m", "not a length of time"),
        (readers.time_limit, "0", "leaves no time"),
        (readers.time_limit, "0m", "leaves no time"),
        (readers.size, "10 meters", "write `10MB`"),
        (readers.size, "MB", "write `10MB`"),
        (readers.EnumReader(Mode), "biuld", "not one of build, plan, answer; did you mean `build`?"),
        (readers.WordReader(("off", "auto")), "always", "not one of off, auto"),
        (readers.EnumSetReader(ApprovalPoint), ["merge", "all"], "not one of plan, tools, merge"),
        (BUDGET, "2", "write `{usd: ...}`"),
        (BUDGET, {"usd": "2", "USD": "3"}, "twice"),
        (BUDGET, {"toekns": "3"}, "did you mean `tokens`?"),
    ],
)
def test_what_cannot_be_meant_says_what_to_write(reader: Reader, value: Value, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        reader(value)
    assert words in caught.value.message


def test_a_nested_complaint_names_its_key() -> None:
    with pytest.raises(DocumentError) as caught:
        readers.read_as(BUDGET, {"tokens": "many"}, "budget")
    assert caught.value.field == "budget.tokens"


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(DocumentError) as caught:
        readers.number("x" * 5000)
    assert len(caught.value.message) < 100


@given(st.text(max_size=12) | st.from_regex(r"[0-9 .hmsdkgib]*", fullmatch=True))
def test_readers_return_or_complain(written: str) -> None:
    for reader in (
        readers.duration,
        readers.size,
        readers.number,
        readers.IntReader(0),
        readers.flag,
        readers.command_line,
    ):
        try:
            reader(written)
        except DocumentError:
            continue
