"""The tool calls of a run as its live message shows them: the latest, oldest first.

Pure. It is kept as JSON in the run's row.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from coworkd.core.text_formats import shorten

MAX_CALLS = 12
"""Calls that are kept."""
MAX_SUMMARY = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineCall:
    """One call."""

    call: str
    tool: str
    summary: str
    began: float
    ended: float = 0.0
    """0: it goes on."""
    ok: bool = True


def read_calls(kept: str) -> tuple[TimelineCall, ...]:
    return tuple(TimelineCall(**step) for step in json.loads(kept))


def call_started(kept: str, call: str, tool: str, summary: str, now: float) -> str:
    """With one more call."""
    step = TimelineCall(call=call, tool=tool[:MAX_SUMMARY], summary=_line(summary), began=now)
    return _dumped([*read_calls(kept), step][-MAX_CALLS:])


def call_ended(kept: str, call: str, now: float, *, ok: bool) -> str:
    """With that call at its end; one that is not known any more changes nothing."""
    return _dumped([replace(step, ended=now, ok=ok) if step.call == call else step for step in read_calls(kept)])


def _line(text: str) -> str:
    return shorten(" ".join(text.split()), MAX_SUMMARY)


def _dumped(steps: Sequence[TimelineCall]) -> str:
    return json.dumps([asdict(step) for step in steps], ensure_ascii=False)
