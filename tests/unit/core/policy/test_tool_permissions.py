"""Allowed, asked about, denied: the table of tool calls."""

from __future__ import annotations

import pytest

from coworkd.core.model import Mode, ToolRules
from coworkd.core.policy.tool_permissions import (
    ToolCall,
    ToolContext,
    ToolName,
    ToolPermission,
    call_of,
    decide_tool_call,
    is_pattern,
    matches,
    narrows,
    proposal,
)

TEST = ToolCall(tool=ToolName.RUN, subject="npm test --watch")
PUSH = ToolCall(tool=ToolName.RUN, subject="git push origin")
WRITE = ToolCall(tool=ToolName.WRITE, subject="src/app.py")
READ = ToolCall(tool=ToolName.READ, subject="src/app.py")
NET = ToolCall(tool=ToolName.NET, subject="example.com:443")


@pytest.mark.parametrize(
    ("pattern", "line", "covered"),
    [
        ("run", "anything; at all", True),
        ("run(*)", "anything", True),
        ("run(npm test *)", "npm test --watch", True),
        ("run(npm test *)", "npm test", True),
        ("run(npm test *)", "npm tests", False),
        ("run(npm test *)", "npm test; rm -r x", False),
        ("run(npm test *)", "npm test $(rm -r x)", False),
        ("run(npm test *)", "npm test | sh", False),
        ("run(npm test *)", "npm test\nrm -r x", False),
        ("run(a; b)", "a; b", True),
        ("run(npm test)", "npm test --watch", False),
        ("write", "npm test", False),
        ("nonsense(", "npm test", False),
    ],
)
def test_what_a_grant_covers(pattern: str, line: str, covered: bool) -> None:
    assert matches(pattern, ToolCall(tool=ToolName.RUN, subject=line)) is covered


@pytest.mark.parametrize("line", ["git push", "git push origin", "true && git push origin", "a; git push"])
def test_what_holds_back_sees_each_command_of_a_line(line: str) -> None:
    assert matches("run(git push *)", ToolCall(tool=ToolName.RUN, subject=line), lenient=True)


def test_paths_and_hosts_match_by_pattern() -> None:
    assert matches("write(src/*)", WRITE)
    assert not matches("write(docs/*)", WRITE)
    assert matches("net(*.com:443)", NET)


RULES = ToolRules(allow=("run(npm test *)",), ask=("net", "run(git push *)"), deny=("run(rm *)",))


@pytest.mark.parametrize(
    ("call", "around", "decision"),
    [
        (TEST, ToolContext(ask_all=True), ToolPermission.ALLOW),
        (WRITE, ToolContext(), ToolPermission.ALLOW),
        (WRITE, ToolContext(ask_all=True), ToolPermission.ASK),
        (READ, ToolContext(ask_all=True), ToolPermission.ALLOW),
        (WRITE, ToolContext(requested=True), ToolPermission.ASK),
        (WRITE, ToolContext(requested=True, confined=True), ToolPermission.ALLOW),
        (NET, ToolContext(confined=True), ToolPermission.ASK),
        (PUSH, ToolContext(), ToolPermission.ASK),
        (PUSH, ToolContext(granted=("run(git push *)",)), ToolPermission.ALLOW),
        (ToolCall(tool=ToolName.RUN, subject="rm -r x"), ToolContext(granted=("run",)), ToolPermission.DENY),
        (WRITE, ToolContext(mode=Mode.PLAN, granted=("write",)), ToolPermission.DENY),
        (TEST, ToolContext(mode=Mode.PLAN), ToolPermission.DENY),
        (WRITE, ToolContext(mode=Mode.ANSWER, granted=("write",)), ToolPermission.DENY),
        (READ, ToolContext(mode=Mode.ANSWER), ToolPermission.ALLOW),
        (READ, ToolContext(mode=Mode.PLAN), ToolPermission.ALLOW),
    ],
)
def test_the_rules_in_the_order_of_safety(call: ToolCall, around: ToolContext, decision: ToolPermission) -> None:
    ruling = decide_tool_call(call, RULES, around)
    assert ruling.decision is decision
    assert ruling.reason


def test_a_person_may_narrow_a_grant_but_not_past_the_call() -> None:
    assert narrows("run(npm test *)", TEST)
    assert not narrows("run(npm run *)", TEST)
    assert not narrows("npm test", TEST)
    assert is_pattern("mcp(server.tool)")
    assert not is_pattern("shell(x)")


@pytest.mark.parametrize(
    ("tool", "arguments", "grant"),
    [
        ("run", "npm install left-pad", "run(npm install *)"),
        ("Run", "git push origin main", "run(git push *)"),
        ("run", "npm", "run(npm)"),
        ("run", "npm --version x", "run(npm --version x)"),
        ("run", "rm -rf build", "run(rm -rf build)"),
        ("run", "npm install a && rm -rf /", "run(npm install a && rm -rf /)"),
        ("run", "npm install $(cat x)", "run(npm install $(cat x))"),
        ("run(npm test)", "", "run(npm test *)"),
        ("write", "docs/a.md", "write(docs/a.md)"),
        ("write", "a[1].md", ""),
        ("net", "", "net"),
    ],
)
def test_the_grant_that_is_offered_covers_the_call_and_little_more(tool: str, arguments: str, grant: str) -> None:
    call = call_of(tool, arguments)
    assert call is not None
    assert proposal(call) == grant
    assert not grant or narrows(grant, call)


@pytest.mark.parametrize("tool", ["bash", "", "run npm", "runs(x)", "run(x"])
def test_what_is_no_common_name_describes_no_call(tool: str) -> None:
    assert call_of(tool, "x") is None
