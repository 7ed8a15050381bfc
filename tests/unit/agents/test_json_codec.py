from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.agents.json_codec import decode_assignment, decode_event, encode_assignment, encode_event
from coworkd.agents.port import (
    AgentEvent,
    AnswerDecision,
    Asked,
    AskKind,
    Ended,
    EndReason,
    ErrorKind,
    ErrorReported,
    InboxAnswer,
    InboxFile,
    TextWritten,
    UsageReported,
)
from coworkd.agents.worker_commands import Cancel, Deliver, GiveAnswer, Kill, decode_command, encode_command
from coworkd.core.errors import AgentError
from coworkd.core.model import AgentLimits, AgentSpec, SandboxMode, SandboxSpec, ToolRules, Usage
from tests.sessions import assignment

EVENTS: st.SearchStrategy[AgentEvent] = st.one_of(*(st.from_type(kind) for kind in get_args(AgentEvent)))


@given(event=EVENTS)
def test_events_come_back_as_they_were(event: AgentEvent) -> None:
    line = encode_event(event)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert repr(decode_event(line)) == repr(event)  # equal but for NaN, which is not itself


def test_an_assignment_comes_back_as_it_was(tmp_path: Path) -> None:
    agent = AgentSpec(
        name="tester",
        command=("agent", "--flag"),
        limits=AgentLimits(concurrency=2, timeout=1.5),
        sandbox=SandboxSpec(mode=SandboxMode.REQUIRE, network=("example.org",)),
        tools=ToolRules(allow=("run(make *)",)),
        env=(("NAME", "value"), ("OTHER", "")),
    )
    order = assignment(tmp_path, "task", agent=agent, inbox=(InboxFile(name="a.md", text="ä"),), timeout=3)
    assert decode_assignment(encode_assignment(order)) == order


@pytest.mark.parametrize(
    "control",
    [
        Cancel(),
        Kill(),
        Deliver(name="a.md", text="two\nlines"),
        GiveAnswer(request="a.md", answer=InboxAnswer(decision=AnswerDecision.CHANGES, comment="c", body="b")),
    ],
)
def test_controls_come_back_as_they_were(control: Cancel | Kill | Deliver | GiveAnswer) -> None:
    assert decode_command(encode_command(control)) == control


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (TextWritten(text="hi"), {"type": "TextWritten", "text": "hi"}),
        (
            Ended(reason=EndReason.DONE, exit_code=0),
            {"type": "Ended", "reason": "done", "message": "", "exit_code": 0, "undelivered_requests": [], "fault": ""},
        ),
        (
            ErrorReported(kind=ErrorKind.RATE_LIMIT, message="slow down", retry_after=2.0),
            {"type": "ErrorReported", "kind": "rate_limit", "message": "slow down", "retry_after": 2.0},
        ),
        (
            UsageReported(usage=Usage(input_tokens=3)),
            {
                "type": "UsageReported",
                "usage": {"input_tokens": 3, "cached_tokens": 0, "output_tokens": 0, "cost_usd": None},
                "estimated": False,
            },
        ),
    ],
)
def test_the_written_form(event: AgentEvent, line: dict[str, object]) -> None:
    assert json.loads(encode_event(event)) == line


def test_a_newer_writer_may_add_keys_and_leave_out_what_has_a_default() -> None:
    line = b'{"type": "Asked", "request": "a.md", "kind": "question", "text": "Which?", "urgency": 3}\n'
    assert decode_event(line) == Asked(request="a.md", kind=AskKind.QUESTION, text="Which?")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\n",
        b"[]\n",
        b"3\n",
        b'{"type": "Teleported"}\n',
        b'{"text": "hi"}\n',
        b'{"type": "TextWritten"}\n',
        b'{"type": "TextWritten", "text": 3}\n',
        b'{"type": "TextWritten", "text": null}\n',
        b'{"type": "Ended", "reason": "vanished"}\n',
        b'{"type": "Ended", "reason": "done", "exit_code": true}\n',
        b'{"type": "UsageReported", "usage": []}\n',
        b'{"type": ["TextWritten"], "text": "x"}\n',
    ],
)
def test_what_is_not_known_is_none(line: bytes) -> None:
    assert decode_event(line) is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"run": 3}', b"[1]"])
def test_a_broken_assignment_says_so(content: bytes) -> None:
    with pytest.raises(AgentError, match="not an assignment"):
        decode_assignment(content)
