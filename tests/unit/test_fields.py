"""Typed readers: what is meant, or what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd import fields
from coworkd.core.errors import DocumentError
from coworkd.core.model import Budget, Gate, Mode, SandboxMode, SandboxSpec
from coworkd.fields import Reader
from coworkd.markdown import Value

BUDGET = fields.Record(Budget, {"usd": fields.number, "tokens": fields.Whole(0), "minutes": fields.number})
SANDBOX = fields.Record(SandboxSpec, {"mode": fields.Choice(SandboxMode), "network": fields.texts}, alone="mode")


@pytest.mark.parametrize(
    ("reader", "value", "read"),
    [
        (fields.text, "no", "no"),
        (fields.texts, "one", ("one",)),
        (fields.texts, ["one", "two"], ("one", "two")),
        (fields.texts, [], ()),
        (fields.command_line, "agent --flag 'a b'", ("agent", "--flag", "a b")),
        (fields.command_line, ["bash", "-c", "a b\n"], ("bash", "-c", "a b\n")),
        (fields.text_pairs, {"B": "1", "A": None}, (("B", "1"), ("A", ""))),
        *((fields.flag, word, True) for word in ("true", "True", "yes", "on")),
        *((fields.flag, word, False) for word in ("false", "FALSE", "no", "off")),
        (fields.number, "2.50", 2.5),
        (fields.number, "0", 0.0),
        (fields.Whole(1), "007", 7),
        (fields.duration, "45m", 2700.0),
        (fields.duration, "2h", 7200.0),
        (fields.duration, "90s", 90.0),
        (fields.duration, "1h30m", 5400.0),
        (fields.duration, "1h 30m", 5400.0),
        (fields.duration, "1d", 86400.0),
        (fields.duration, "1.5s", 1.5),
        (fields.duration, "90", 90.0),
        (fields.duration, "0", 0.0),
        (fields.time_limit, "2h", 7200.0),
        (fields.size, "10MB", 10_000_000),
        (fields.size, "10 mb", 10_000_000),
        (fields.size, "1.5k", 1500),
        (fields.size, "512KiB", 524_288),
        (fields.size, "1GiB", 1_073_741_824),
        (fields.size, "100", 100),
        (fields.size, "100B", 100),
        (fields.Choice(Mode), "Plan", Mode.PLAN),
        (fields.Option(("off", "auto")), "OFF", "off"),
        (fields.Subset(Gate), ["merge", "Tools"], frozenset({Gate.MERGE, Gate.TOOLS})),
        (fields.Subset(Gate), "merge", frozenset({Gate.MERGE})),
        (fields.Subset(Gate), [], frozenset[Gate]()),
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
        (fields.text, ["a"], "a list stands where a text belongs"),
        (fields.texts, {"a": "b"}, "write `[a, b]`"),
        (fields.texts, ["a", None], "nothing stands where"),
        (fields.texts, ["a", ["b"]], "a list stands where"),
        (fields.command_line, "say 'it", "open quote"),
        (fields.text_pairs, ["A=1"], "write `{NAME: value}`"),
        (fields.text_pairs, {"A": ["1"]}, "a list stands where"),
        (fields.flag, "perhaps", "write `true` or `false`"),
        (fields.number, "1e5", "not a number"),
        (fields.number, "-1", "not a number"),
        (fields.number, "٣", "not a number"),
        (fields.number, "9" * 5000, "not a number"),
        (fields.Whole(1), "0", "at least 1"),
        (fields.Whole(1), "1.0", "at least 1"),
        (fields.Whole(0), "9" * 5000, "not a whole number"),
        (fields.duration, "", "not a length of time"),
        (fields.duration, "soon", "write `45m`"),
        (fields.duration, "30m1h", "not a length of time"),
        (fields.duration, "-5m", "not a length of time"),
        (fields.time_limit, "0", "leaves no time"),
        (fields.time_limit, "0m", "leaves no time"),
        (fields.size, "10 meters", "write `10MB`"),
        (fields.size, "MB", "write `10MB`"),
        (fields.Choice(Mode), "biuld", "not one of build, plan; did you mean `build`?"),
        (fields.Option(("off", "auto")), "always", "not one of off, auto"),
        (fields.Subset(Gate), ["merge", "all"], "not one of plan, tools, merge"),
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
        fields.read_as(BUDGET, {"tokens": "many"}, "budget")
    assert caught.value.field == "budget.tokens"


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(DocumentError) as caught:
        fields.number("x" * 5000)
    assert len(caught.value.message) < 100


@given(st.text(max_size=12) | st.from_regex(r"[0-9 .hmsdkgib]*", fullmatch=True))
def test_readers_return_or_complain(written: str) -> None:
    for reader in (fields.duration, fields.size, fields.number, fields.Whole(0), fields.flag, fields.command_line):
        try:
            reader(written)
        except DocumentError:
            continue
