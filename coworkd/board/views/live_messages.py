"""The live message of every run: what it does, what it asks, what it has said so far.

Pure but for reading the database: text out, nothing written.
"""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.board.generated_documents import GENERATED, message_path
from coworkd.board.views import tool_timeline
from coworkd.board.views.inbox import link_target
from coworkd.core.clock import iso
from coworkd.core.model import MessageState
from coworkd.core.terminal_text import plain_text
from coworkd.core.text_formats import format_duration, format_usd
from coworkd.documents.markdown import compose
from coworkd.store import Database, RequestRow, RunRow, RunState
from coworkd.store.requests import open_requests_of_run
from coworkd.store.runs import first_heard_since, shown_runs
from coworkd.store.usage import BILLED

SILENT_AFTER = 2.0
"""Seconds without a sign of an agent's life after which that is shown."""

STALLED_AFTER = 120.0
"""Seconds after which it looks as if none would come any more; what follows then is its `limits.stall`."""

_SHOWN_WORK = 60.0
"""Seconds of work from which on they are shown."""

MAX_REPLY = 20_000
"""Characters at the end of a reply that its live message shows."""


def live_path(run: RunRow) -> str:
    return message_path(run).removesuffix(".md") + ".live.md"


def live_messages(db: Database, now: float) -> dict[str, bytes]:
    """Path and text of the live message of every run at work."""
    runs = shown_runs(db)
    return {live_path(run): _live_message(run, _open_requests(db, run), now) for run in runs}


def live_deadline(db: Database, now: float) -> float | None:
    """When the silence of a run begins to be shown."""
    heard = first_heard_since(db, now - SILENT_AFTER)
    return None if heard is None else heard + SILENT_AFTER


def _open_requests(db: Database, run: RunRow) -> list[RequestRow]:
    if run.state.kind is not RunState.WAITING:
        return []
    return open_requests_of_run(db, run.id)


def _live_message(run: RunRow, asks: Sequence[RequestRow], now: float) -> bytes:
    steps = tool_timeline.read_calls(run.live.tool_calls)
    written = list(dict.fromkeys(step.summary for step in steps if step.tool == "write" and step.ended and step.ok))
    parts = [f"_{', '.join(_facts(run, now))}_", _warning(run), *(f"Asks: {_request_link(run, ask)}" for ask in asks)]
    parts.append("\n".join(_call_line(step) for step in steps))
    parts.append(f"Wrote: {', '.join(f'`{path}`' for path in written)}" if written else "")
    parts.append(run.reply[-MAX_REPLY:].strip())
    return compose(
        {"from": run.agent, "state": str(MessageState.STREAMING)},
        plain_text("\n\n".join(part for part in parts if part)) + "\n",
        note=f"{GENERATED}; it changes while the agent works",
    )


def _facts(run: RunRow, now: float) -> list[str]:
    """The status line: what it does, who does it, since when, what it used."""
    facts = [_state(run, now), f"attempt {run.attempt}"]
    facts += [f"round {run.iteration}"] if run.iteration else []
    facts += [run.model] if run.model else []
    facts += [f"instead of {run.fallback}"] if run.fallback else []
    facts.append(f"started {iso(run.started)}")
    worked = now - run.started - run.live.waiting_seconds
    facts += [f"at work for {format_duration(worked)}"] if worked >= _SHOWN_WORK else []
    facts += (
        [f"{run.usage.input_tokens + run.usage.output_tokens:,} tokens"]
        if run.usage.input_tokens or run.usage.output_tokens
        else []
    )
    if run.usage.cost_usd is not None:
        facts.append(format_usd(run.usage.cost_usd, estimated=run.usage.estimated or run.billing != BILLED))
    facts += [f"context {share:.0%} full"] if (share := run.live.context_share) else []
    return facts


def _state(run: RunRow, now: float) -> str:
    match run.state.kind:
        case RunState.WAITING:
            return "waits for a person"
        case RunState.SUBMITTING:
            return "its work is being brought in"
        case _ if run.live.last_event_at and now - run.live.last_event_at >= STALLED_AFTER:
            return f"stalled: no sign of life since {iso(run.live.last_event_at)}"
        case _ if run.live.last_event_at and now - run.live.last_event_at >= SILENT_AFTER:
            return f"working, silent since {iso(run.live.last_event_at)}"
        case _:
            return "working"


def _warning(run: RunRow) -> str:
    share = run.live.context_share
    if share >= 0.9:
        return f"**The context is {share:.0%} full: the agent is about to forget how it began.**"
    return f"**The context is {share:.0%} full.**" if share >= 0.8 else ""


def _request_link(run: RunRow, ask: RequestRow) -> str:
    folders = "../" * message_path(run).count("/")
    return f"[{ask.path}]({folders}{link_target(ask.path)})"


def _call_line(step: tool_timeline.TimelineCall) -> str:
    mark = "…" if not step.ended else "ok" if step.ok else "failed"
    took = f", {format_duration(step.ended - step.began)}" if step.ended - step.began >= 1 else ""
    shown = step.summary.replace("`", "'")
    summary = f" `{shown}`" if shown else ""
    return f"- {iso(step.began)[11:19]} {step.tool}{summary} ({mark}{took})"
