"""What is seen of a run while it works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import (
    AgentEvent,
    Asked,
    AskKind,
    Assignment,
    ContextUsed,
    TextWritten,
    ToolEnded,
    ToolStarted,
    UsageReported,
)
from coworkd.agents.testing import Script, ScriptSteps
from coworkd.board.views.live_messages import live_deadline, live_messages
from coworkd.core.model import Usage
from tests.integration.dispatchkit import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, tells())
    bench.config("")
    bench.agent(model="anthropic/sonnet")
    yield bench
    bench.close()


def tells(*events: AgentEvent) -> Script:
    def script(_: Assignment) -> ScriptSteps:
        yield from events
        while True:
            yield None

    return script


def begin(bench: Bench, *events: AgentEvent) -> None:
    bench.script = tells(*events)
    bench.task()
    bench.turn()


def shown(bench: Bench, later: float = 0.0) -> str:
    (text,) = live_messages(bench.db, bench.now + later).values()
    return text.decode()


def test_the_status_line_says_who_works_since_when_for_how_much(bench: Bench) -> None:
    usage = Usage(input_tokens=81_000, output_tokens=233, cost_usd=0.41)
    begin(bench, TextWritten(text="Looking."), UsageReported(usage=usage, estimated=True))
    text = shown(bench)
    assert "state: streaming" in text
    for fact in ("_working, attempt 1, anthropic/sonnet, started ", "81,233 tokens, ~$0.41_", "\nLooking.\n"):
        assert fact in text
    assert "at work for 3 min" in shown(bench, 185)


def test_silence_is_shown_after_two_seconds_and_when_it_lasts(bench: Bench) -> None:
    begin(bench, TextWritten(text="x"))
    heard = bench.runs()[0].live.last_event_at
    assert live_deadline(bench.db, heard + 1) == heard + 2
    assert "silent" not in shown(bench, 1.9)
    assert "_working, silent since " in shown(bench, 2.0)
    assert shown(bench, 2.0) == shown(bench, 9.0), "a silent run costs one version, not one every two seconds"
    assert "_stalled: no sign of life since " in shown(bench, 200)
    assert live_deadline(bench.db, heard + 2) is None


def test_the_timeline_of_tools_and_what_was_written(bench: Bench) -> None:
    begin(
        bench, ToolStarted(call="1", tool="run", summary="npm test\n--watch"), ToolEnded(call="1", ok=False),
        ToolStarted(call="2", tool="write", summary="src/a`b.py"), ToolEnded(call="2", ok=True),
        ToolEnded(call="nobody", ok=True), ToolStarted(call="3", tool="read", summary=""),
    )  # fmt: skip
    text = shown(bench)
    assert " run `npm test --watch` (failed)\n" in text
    assert " write `src/a'b.py` (ok)\n" in text
    assert " read (…)\n" in text
    assert "Wrote: `src/a`b.py`" in text


def test_only_the_latest_calls_are_kept(bench: Bench) -> None:
    begin(bench, *(ToolStarted(call=str(n), tool="read", summary=f"file-{n}") for n in range(40)))
    assert shown(bench).count("read `file-") == 12
    assert "file-39" in shown(bench)


def test_what_it_asks_is_a_link(bench: Bench) -> None:
    begin(bench, Asked(request="q", kind=AskKind.QUESTION, text="Which?"))
    text = shown(bench)
    assert "_waits for a person" in text
    assert f"Asks: [{bench.requests()[0].path}](../../messages/a/" in text


@pytest.mark.parametrize(("used", "words"), [(79, ""), (80, "context is 80% full"), (95, "about to forget")])
def test_a_context_that_fills_up_is_warned_of(bench: Bench, used: int, words: str) -> None:
    begin(bench, ContextUsed(used=10, window=100), ContextUsed(used=used, window=100), ContextUsed(used=5, window=0))
    text = shown(bench)
    assert f"context {used}% full" in text
    assert ("**" in text) is bool(words)
    assert words in text
    assert [event["full"] for event in bench.events("context")] == [mark for mark in (0.8, 0.9) if used >= mark * 100]
