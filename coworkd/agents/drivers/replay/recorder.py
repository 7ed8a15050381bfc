"""A run as a recording that the driver `replay` can play: what was said and asked, and how the files ended up.

Pure. The log of a run says which tools were used, not all that they wrote; so the files are written as the run left
them, at the end, and commands are not repeated.
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from coworkd.agents.drivers.replay.recording import VERSION
from coworkd.agents.json_codec import Json
from coworkd.agents.port import AgentEvent, Asked, AskKind, Ended, EndReason, TextWritten, UsageReported
from coworkd.core.model import Usage

_EXECUTABLE = "100755"
_LINK = "120000"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """A file as a run left it."""

    path: str
    mode: str
    """As git has it; empty: the file is gone."""
    content: bytes = b""


def render_recording(events: Sequence[AgentEvent], files: Sequence[ResultFile], agent: str, model: str) -> str:
    """The lines of a recording."""
    header: Json = {"recording": VERSION, "agent": agent, "model": model or "none"}
    steps = [*_said(events), *(step for file in files for step in _made(file))]
    ends = [event for event in events if isinstance(event, Ended)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (header, *steps, _end(ends)))


def _said(events: Iterable[AgentEvent]) -> Iterator[Json]:
    """What people saw of the run. What was asked again after a restart was asked once."""
    text: list[str] = []
    asked: set[str] = set()
    for event in events:
        if isinstance(event, TextWritten):
            text.append(event.text)
            continue
        step = _step(event, asked)
        if step is not None:
            yield from _paragraph(text)
            yield step
    yield from _paragraph(text)


def _paragraph(text: list[str]) -> Iterator[Json]:
    words = "".join(text).strip()
    text.clear()
    if words:
        yield {"say": words}


def _step(event: AgentEvent, asked: set[str]) -> Json:
    match event:
        case Asked() if event.request not in asked:
            asked.add(event.request)
            return _question(event)
        case UsageReported(usage=usage):
            return {"usage": _tokens(usage)}
        case _:
            return None


def _question(asked: Asked) -> Json:
    if asked.kind is AskKind.QUESTION:
        return {"ask": asked.text, "name": asked.request}
    return {
        "permit": asked.text,
        "tool": asked.tool,
        "arguments": asked.arguments,
        "name": asked.request,
        "otherwise": [],
    }


def _tokens(usage: Usage) -> Json:
    return {
        "input": usage.input_tokens,
        "cached": usage.cached_tokens,
        "output": usage.output_tokens,
        "cost_usd": usage.cost_usd,
    }


def _made(file: ResultFile) -> Iterator[Json]:
    """The steps that make a file what it was."""
    path = shlex.quote(file.path)
    if not file.mode:
        yield {"run": f"rm -f -- {path}", "expect": 0}
    elif file.mode == _LINK:
        yield {"run": f"{_folder(path)}ln -sfn -- {shlex.quote(file.content.decode())} {path}", "expect": 0}
    else:
        yield _written(file, path)
        if file.mode == _EXECUTABLE:
            yield {"run": f"chmod +x -- {path}", "expect": 0}


def _written(file: ResultFile, path: str) -> Json:
    try:
        return {"write": file.path, "text": file.content.decode()}
    except UnicodeDecodeError:
        coded = base64.b64encode(file.content).decode()
        return {"run": f"{_folder(path)}printf %s {coded} | base64 -d > {path}", "expect": 0}


def _folder(path: str) -> str:
    return f'mkdir -p -- "$(dirname -- {path})"; '


def _end(ends: Sequence[Ended]) -> Json:
    if not ends or ends[-1].reason is EndReason.DONE:
        return {"end": "done"}
    return {"end": "failed", "message": ends[-1].message or ends[-1].reason.value}
