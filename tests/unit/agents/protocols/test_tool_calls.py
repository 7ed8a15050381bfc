from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.agents.protocols.tool_calls import call_context, host_and_port, permission_text, relative_path
from coworkd.core.model import ToolRules
from coworkd.core.policy.tool_permissions import ToolCall, ToolName, ToolPermission, decide_tool_call
from coworkd.system.sandbox.policy import Confinement, SandboxCapabilities
from tests.sessions import assignment


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/w/a", "a"),
        ("a/b", "a/b"),
        ("../x", "../x"),
        ("/w/../x", "/w/../x"),
        ("/etc/x", "/etc/x"),
        ("..x", "..x"),
        ("", ""),
    ],
)
def test_a_path_is_told_from_the_worktree(path: str, expected: str) -> None:
    assert relative_path(path, "/w") == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.b/x", "a.b:443"),
        ("http://a.b:81", "a.b:81"),
        ("a.b", "a.b"),
        ("http://[::1", "http://[::1"),
        ("ftp://a", "ftp://a"),
    ],
)
def test_a_url_leads_to_a_host_and_a_port(url: str, expected: str) -> None:
    assert host_and_port(url) == expected


def test_what_is_local_to_a_sandbox_needs_no_one(tmp_path: Path) -> None:
    order = assignment(tmp_path, "t")
    held = replace(order, confinement=Confinement(means=SandboxCapabilities(), run="r", workdir="/w"))
    make, reach = ToolCall(tool=ToolName.RUN, subject="make"), ToolCall(tool=ToolName.NET, subject="a.b:443")
    assert decide_tool_call(make, ToolRules(), call_context(order, requested=True)).decision is ToolPermission.ASK
    assert decide_tool_call(make, ToolRules(), call_context(held, requested=True)).decision is ToolPermission.ALLOW
    assert decide_tool_call(reach, ToolRules(), call_context(held, requested=True)).decision is ToolPermission.ASK
    assert (
        decide_tool_call(make, ToolRules(ask=("run",)), call_context(held, requested=True)).decision
        is ToolPermission.ASK
    )


def test_a_petition_shows_what_it_is_about() -> None:
    shown = permission_text(ToolCall(tool=ToolName.WRITE, subject="a.txt"), "a file", "x" * 5000, "it asks")
    assert "The agent wants to write (a file):\n\n    a.txt" in shown
    assert "1000 characters more" in shown
    assert shown.endswith("It is asked about because it asks.")
