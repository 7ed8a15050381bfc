"""What is read out of the protocol's messages, whatever an agent puts into them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.agents.drivers.acp import messages as acp
from coworkd.agents.drivers.acp.calls import parse_tool_call
from coworkd.agents.drivers.acp.errors import error_report
from coworkd.agents.drivers.acp.messages import OptionKind
from coworkd.agents.port import ErrorKind
from coworkd.core.model import Usage

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["code", "data", "usage", "kind", "rawInput"]), inner)
    ),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("tool", "call"),
    [
        ({"kind": "execute", "rawInput": {"command": "npm test"}}, "run(npm test)"),
        ({"kind": "execute", "rawInput": {"command": ["git", "push"]}}, "run(git push)"),
        ({"kind": "execute", "title": "make all"}, "run(make all)"),
        ({"kind": "edit", "locations": [{"path": "/w/src/a.py"}]}, "write(src/a.py)"),
        ({"kind": "edit", "rawInput": {"file_path": "src/a.py"}}, "write(src/a.py)"),
        ({"kind": "delete", "rawInput": {"path": "/etc/passwd"}}, "write(/etc/passwd)"),
        ({"kind": "edit", "rawInput": {"path": "../x"}}, "write(../x)"),
        ({"kind": "read", "rawInput": {"path": "/w/a"}}, "read(a)"),
        ({"kind": "fetch", "rawInput": {"url": "https://example.com/x?y"}}, "net(example.com:443)"),
        ({"kind": "fetch", "rawInput": {"url": "http://[::1"}}, "net(http://[::1)"),
        ({"kind": "other", "title": "server.tool"}, "mcp(server.tool)"),
        ({}, "mcp"),
    ],
)
def test_the_call_that_a_permission_is_about(tool: dict[str, Any], call: str) -> None:
    assert str(parse_tool_call(tool, "/w")) == call


@pytest.mark.parametrize(
    ("error", "kind", "wait"),
    [
        ({"code": 429, "message": "slow", "data": {"retryAfter": 7}}, ErrorKind.RATE_LIMIT, 7.0),
        ({"code": -32603, "message": "x", "data": {"status": 529}}, ErrorKind.OVERLOADED, None),
        ({"code": -32603, "message": "x", "data": {"errorKind": "quota"}}, ErrorKind.QUOTA, None),
        ({"code": -32000, "message": "Authentication required"}, ErrorKind.AUTH, None),
        ({"code": -32603, "message": "I was told about rate limit 429"}, ErrorKind.OTHER, None),
        ("nonsense", ErrorKind.OTHER, None),
    ],
)
def test_errors_are_typed_by_their_fields(error: Any, kind: ErrorKind, wait: float | None) -> None:
    report = error_report(error)
    assert (report.kind, report.retry_after) == (kind, wait)
    assert report.message


def test_options_are_chosen_by_kind_alone() -> None:
    asked: Any = {"options": [{"optionId": "1", "name": "Allow", "kind": "reject_once"},
                         {"optionId": "2", "name": "Reject", "kind": "allow_always"}]}  # fmt: skip
    assert acp.find_option(asked, (OptionKind.ALLOW_ONCE, OptionKind.ALLOW_ALWAYS)) == "2"
    assert acp.find_option(asked, (OptionKind.REJECT_ONCE,)) == "1"
    assert acp.find_option({"options": 7}, (OptionKind.REJECT_ONCE,)) == ""


def test_usage_counts_what_was_cached_as_input() -> None:
    said: Any = {"usage": {"inputTokens": 5, "cachedReadTokens": 10, "cachedWriteTokens": 1, "outputTokens": 3}}
    assert acp.parse_usage(said) == Usage(input_tokens=16, cached_tokens=10, output_tokens=3)
    assert acp.parse_usage({"_meta": {"quota": {"token_count": {"input_tokens": 4, "output_tokens": 2}}}}) == Usage(
        input_tokens=4, output_tokens=2
    )
    assert acp.parse_usage({"usage": {"inputTokens": -5, "outputTokens": True}}) == Usage()
    assert acp.parse_usage({"stopReason": "end_turn"}) is None


@given(ANYTHING)
def test_nothing_that_an_agent_says_breaks_a_reader(said: Any) -> None:
    parse_tool_call(said, "/w")
    error_report(said)
    acp.parse_usage(said)
    acp.parse_capabilities(said)
    acp.find_option(said, (OptionKind.ALLOW_ONCE,))
