"""A transcript as the chat messages that a model is sent. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from coworkd.agents.drivers.llm.transcript import (
    Begun,
    Compacted,
    Prompt,
    Record,
    Reply,
    RequestedCall,
    Result,
    Words,
    visible_records,
)
from coworkd.agents.json_codec import Json
from coworkd.agents.prompt.templates import Template, render

_MAX_RESULT_IN_SUMMARY = 1500
"""Characters of a tool's result that are shown where only a summary is wanted."""


def chat_messages(records: Sequence[Record]) -> list[Json]:
    """The messages for the next reply."""
    shown = [_message(record) for record in visible_records(records)]
    return [
        {"role": "system", "content": render(Template.MODEL_SYSTEM)},
        *(message for message in shown if message is not None),
    ]


def summary_messages(records: Sequence[Record]) -> list[Json]:
    """The messages for a summary: results are clipped, so that they fit where the whole did not."""
    clipped = [
        Result(call=record.call, text=clip(record.text, _MAX_RESULT_IN_SUMMARY), ok=record.ok)
        if isinstance(record, Result)
        else record
        for record in records
    ]
    return [*chat_messages(clipped), {"role": "user", "content": render(Template.MODEL_SUMMARY)}]


def clip(text: str, most: int) -> str:
    """The beginning and the end of a text, with the cut marked."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters cut ...]\n{text[-half:]}"


def _message(record: Record) -> Json:
    match record:
        case Prompt(text=text) | Words(text=text):
            return {"role": "user", "content": text}
        case Compacted(summary=summary):
            return {"role": "user", "content": render(Template.MODEL_AFTER_SUMMARY, summary=summary)}
        case Reply(text=text, calls=calls):
            said: dict[str, Json] = {"role": "assistant", "content": text or None}
            if calls:
                said["tool_calls"] = [_call(call) for call in calls]
            return said
        case Result():
            return {"role": "tool", "tool_call_id": record.call, "content": record.text or "(nothing)"}
        case Begun():
            return None


def _call(call: RequestedCall) -> Json:
    return {"id": call.id, "type": "function", "function": {"name": call.tool, "arguments": _valid(call.arguments)}}


def _valid(arguments: str) -> str:
    """Some providers refuse a conversation in which a model once wrote what is not an object."""
    try:
        whole: Json = json.loads(arguments or "{}")
    except ValueError:
        whole = None
    return arguments or "{}" if isinstance(whole, dict) else json.dumps({"unreadable": arguments})
