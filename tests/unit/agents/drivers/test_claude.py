"""What Claude Code says, read; what it is told and how it is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.agents.drivers.claude import messages
from coworkd.agents.drivers.claude.calls import call_summary, identifying_arguments, parse_tool_call, questions_text
from coworkd.agents.drivers.claude.driver import arguments
from coworkd.agents.drivers.claude.errors import parse_retry, requested_delay, result_error, seconds_until_reset
from coworkd.agents.drivers.claude.usage import UsageTracker
from coworkd.agents.json_codec import Json
from coworkd.agents.port import ContextUsed, ErrorKind, UsageReported
from coworkd.core.model import AgentSpec, Budget, Mode, Usage
from coworkd.core.policy.tool_permissions import ToolCall, ToolName
from tests.sessions import assignment


@pytest.mark.parametrize(
    ("tool", "given", "expected"),
    [
        ("Read", {"file_path": "/w/src/a.py"}, ToolCall(tool=ToolName.READ, subject="src/a.py")),
        ("Grep", {"pattern": "x"}, ToolCall(tool=ToolName.READ, subject="x")),
        ("Edit", {"file_path": "/etc/passwd"}, ToolCall(tool=ToolName.WRITE, subject="/etc/passwd")),
        ("Write", {"file_path": "/w/../x"}, ToolCall(tool=ToolName.WRITE, subject="/w/../x")),
        ("Write", {"file_path": "/h/.claude/plans/a.md"}, None),
        (
            "Write",
            {"file_path": "/h/.claude/plans/../a"},
            ToolCall(tool=ToolName.WRITE, subject="/h/.claude/plans/../a"),
        ),
        ("Bash", {"command": "npm test"}, ToolCall(tool=ToolName.RUN, subject="npm test")),
        ("WebFetch", {"url": "https://a.example/x"}, ToolCall(tool=ToolName.NET, subject="a.example:443")),
        ("WebSearch", {"query": "x"}, ToolCall(tool=ToolName.NET)),
        ("mcp__git_hub__list__all", {}, ToolCall(tool=ToolName.MCP, subject="git_hub.list__all")),
        ("Brandnew", {}, ToolCall(tool=ToolName.MCP, subject="claude.Brandnew")),
        ("Task", {"prompt": "x"}, None),
        ("Bash", None, ToolCall(tool=ToolName.RUN)),
    ],
)
def test_its_tools_have_common_names(tool: str, given: Json, expected: ToolCall | None) -> None:
    assert parse_tool_call(tool, given, "/w", "/h") == expected


def test_a_description_does_not_make_another_call() -> None:
    assert identifying_arguments({"command": "ls", "description": "one"}) == identifying_arguments(
        {"command": "ls", "description": "two"}
    )
    assert identifying_arguments({"command": "ls"}) != identifying_arguments({"command": "ls -l"})


def test_a_summary_is_one_line() -> None:
    assert call_summary("Bash", {"command": "a\nb", "description": "two lines"}) == "a"
    assert call_summary("Unknown", {}) == "Unknown"


def test_questions_are_shown_with_their_choices() -> None:
    asked: Json = {
        "questions": [
            {
                "question": "Which?",
                "multiSelect": True,
                "options": [{"label": "A", "description": "first"}, {"label": "B"}],
            },
            {"question": "Why?"},
        ]
    }
    assert questions_text(asked) == "Which? (several may be chosen)\n\n- A: first\n- B\n\nWhy?"
    assert questions_text({"questions": 7}) == "(the request contains no question)"
    assert messages.answer_questions(asked, "so")["updatedInput"] == {
        **({"questions": asked["questions"]} if isinstance(asked, dict) else {}),
        "answers": {"Which?": "so", "Why?": "so"},
    }


@pytest.mark.parametrize(
    ("word", "status", "reason", "kind"),
    [
        ("rate_limit", 429, "completed", ErrorKind.RATE_LIMIT),
        ("server_error", 529, "completed", ErrorKind.OVERLOADED),
        ("server_error", 500, "completed", ErrorKind.OTHER),
        ("server_error", None, "completed", ErrorKind.NETWORK),
        ("authentication_failed", 401, "completed", ErrorKind.AUTH),
        ("billing_error", 400, "completed", ErrorKind.QUOTA),
        ("invalid_request", 400, "prompt_too_long", ErrorKind.CONTEXT),
        ("invalid_request", 400, "completed", ErrorKind.OTHER),
        ("", None, "", ErrorKind.OTHER),
    ],
)
def test_errors_have_kinds_by_their_fields(word: str, status: int | None, reason: str, kind: ErrorKind) -> None:
    prose = "rate limit overloaded authentication prompt is too long"
    result = {"api_error_status": status, "terminal_reason": reason, "result": prose}
    report = result_error(result, word, 7.0)
    assert (report.kind, report.message) == (kind, prose)
    waits = kind in (ErrorKind.RATE_LIMIT, ErrorKind.OVERLOADED, ErrorKind.QUOTA)
    assert report.retry_after == (7.0 if waits else None)


def test_only_a_pause_that_the_provider_asked_for_is_its_word() -> None:
    assert requested_delay({"retry_delay_ms": 7000}) == 7.0
    assert requested_delay({"retry_delay_ms": 542.67}) is None
    assert requested_delay({"retry_delay_ms": 610}) is None
    assert parse_retry({"retry_delay_ms": 610.5, "error_status": None, "error": "unknown"}) == (ErrorKind.NETWORK, 0.61)


def test_a_limit_that_was_reached_says_when_it_is_lifted() -> None:
    reached: Json = {"rate_limit_info": {"status": "rejected", "resetsAt": 1060}}
    assert seconds_until_reset(reached, 1000.0) == 60.0
    assert seconds_until_reset(reached, 2000.0) == 0.0
    assert seconds_until_reset({"rate_limit_info": {"status": "allowed_warning", "resetsAt": 1060}}, 1000.0) is None


def test_sums_become_differences() -> None:
    bill = UsageTracker()
    seen: list[object] = []
    bill.start_reply({"input_tokens": 10, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 10})
    seen += bill.end_reply({"output_tokens": 20})
    turn = {"usage": {"input_tokens": 30, "cache_read_input_tokens": 80, "output_tokens": 25}, "total_cost_usd": 0.5,
            "modelUsage": {"a": {"inputTokens": 1, "contextWindow": 5}, "b": {"inputTokens": 9, "contextWindow": 1000}}}  # fmt: skip
    seen += bill.end_turn(turn)
    seen += bill.end_turn({"usage": {"input_tokens": 7}, "total_cost_usd": 0.75})
    assert seen == [
        UsageReported(usage=Usage(input_tokens=100, cached_tokens=80, output_tokens=20)),
        UsageReported(usage=Usage(input_tokens=10, cached_tokens=0, output_tokens=5, cost_usd=0.5)),
        ContextUsed(used=120, window=1000),
        UsageReported(usage=Usage(input_tokens=7, cost_usd=0.25)),
    ]


def test_it_is_started_for_what_the_run_is(tmp_path: Path) -> None:
    agent = AgentSpec(name="c", driver="claude", model="anthropic/claude-x", prompt="Be brief.\n")
    order = assignment(tmp_path, "t", agent=agent, mode=Mode.PLAN, budget=Budget(usd=0.5))
    line = " ".join(arguments(order, "SID"))
    assert line.startswith("claude -p --output-format stream-json --input-format stream-json")
    assert "--permission-mode plan" in line
    assert "--model claude-x" in line
    assert "--resume SID" in line
    assert "--append-system-prompt Be brief." in line
    assert "--max-budget-usd 0.500000" in line
    plain = " ".join(arguments(assignment(tmp_path, "t", agent=AgentSpec(name="c", driver="claude")), ""))
    assert "--permission-mode acceptEdits" in plain
    asked = assignment(tmp_path, "t", agent=AgentSpec(name="c", driver="claude"), mode=Mode.ANSWER)
    assert "--permission-mode default" in " ".join(arguments(asked, ""))
    assert not {"--model", "--resume", "--append-system-prompt", "--max-budget-usd"} & set(plain.split())
