from __future__ import annotations

import json

from coworkd.agents.drivers.replay.recorder import ResultFile, render_recording
from coworkd.agents.drivers.replay.recording import parse_recording
from coworkd.agents.port import AgentEvent, Asked, AskKind, Ended, EndReason, TextWritten, ToolEnded, UsageReported
from coworkd.core.model import Usage

QUESTION = Asked(request="q.md", kind=AskKind.QUESTION, text="Which?")
PERMISSION = Asked(request="p.md", kind=AskKind.PERMISSION, text="May I?", tool="run", arguments="make")
EVENTS: list[AgentEvent] = [
    TextWritten(text="I "),
    TextWritten(text="look.\n"),
    ToolEnded(call="1", ok=True),
    UsageReported(usage=Usage(input_tokens=5, cached_tokens=1, output_tokens=2)),
    QUESTION,
    QUESTION,
    PERMISSION,
    TextWritten(text="Done."),
    Ended(reason=EndReason.DONE),
]


def steps(events: list[AgentEvent], *files: ResultFile) -> list[dict[str, object]]:
    text = render_recording(events, files, "me", "")
    assert parse_recording(text, "x.jsonl")
    header, *found = (json.loads(line) for line in text.splitlines())
    assert header == {"recording": 1, "agent": "me", "model": "none"}
    return found


def test_what_was_said_and_asked_is_played_in_its_order() -> None:
    assert steps(EVENTS) == [
        {"say": "I look."},
        {"usage": {"input": 5, "cached": 1, "output": 2, "cost_usd": None}},
        {"ask": "Which?", "name": "q.md"},
        {"permit": "May I?", "tool": "run", "arguments": "make", "name": "p.md", "otherwise": []},
        {"say": "Done."},
        {"end": "done"},
    ]


def test_files_are_written_as_they_were_left() -> None:
    files = (
        ResultFile(path="a b.sh", mode="100755", content=b"echo\n"),
        ResultFile(path="old", mode=""),
        ResultFile(path="d/bin", mode="100644", content=b"\xff\x00"),
        ResultFile(path="link", mode="120000", content=b"a b.sh"),
    )
    assert steps([], *files)[:-1] == [
        {"write": "a b.sh", "text": "echo\n"},
        {"run": "chmod +x -- 'a b.sh'", "expect": 0},
        {"run": "rm -f -- old", "expect": 0},
        {"run": 'mkdir -p -- "$(dirname -- d/bin)"; printf %s /wA= | base64 -d > d/bin', "expect": 0},
        {"run": "mkdir -p -- \"$(dirname -- link)\"; ln -sfn -- 'a b.sh' link", "expect": 0},
    ]


def test_a_run_that_failed_fails_again() -> None:
    assert steps([Ended(reason=EndReason.FAILED, message="exit 3")]) == [{"end": "failed", "message": "exit 3"}]
    assert steps([Ended(reason=EndReason.CRASHED)]) == [{"end": "failed", "message": "crashed"}]
