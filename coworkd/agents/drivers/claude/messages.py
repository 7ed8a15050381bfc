"""What is said to Claude Code and what it says: made and read. Pure.

Seen with versions 2.1.x. What it says is read with suspicion: what is not of the expected shape reads as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from coworkd.agents.json_codec import Json
from coworkd.agents.protocols.json_access import part, text

Message = Mapping[str, Json]

HOOK = "coworkd"
"""The id under which it asks before every call of a tool."""
_HOOK_PATIENCE = 3600
"""Seconds that it waits for a word on a call; the word comes at once, whatever a person has yet to decide."""


class Kind(StrEnum):
    """The types of its lines that matter here; any other is passed over."""

    SYSTEM = "system"
    ASSISTANT = "assistant"
    USER = "user"
    STREAM = "stream_event"
    RESULT = "result"
    LIMIT = "rate_limit_event"
    ASKS = "control_request"
    WITHDRAWS = "control_cancel_request"


class Subtype(StrEnum):
    INIT = "init"
    API_RETRY = "api_retry"
    CAN_USE_TOOL = "can_use_tool"
    HOOK_CALLBACK = "hook_callback"
    INITIALIZE = "initialize"
    INTERRUPT = "interrupt"


class Word(StrEnum):
    """What may become of a call before it is made; by PASS its own rules apply."""

    PASS = ""
    ASK = "ask"
    DENY = "deny"


def initialize() -> Message:
    """The first word: it is to ask before every call of a tool."""
    hook: dict[str, Json] = {"matcher": "*", "hookCallbackIds": [HOOK], "timeout": _HOOK_PATIENCE}
    return _control(Subtype.INITIALIZE, {"hooks": {"PreToolUse": [hook]}})


def interrupt() -> Message:
    return _control(Subtype.INTERRUPT, {})


def user(words: str, number: str) -> Message:
    """A message of the user; `number` is a UUID, by which it says that the message has been heard."""
    return {"type": Kind.USER.value, "uuid": number, "message": {"role": "user", "content": words}}


def heard(message: Message) -> str:
    """The number of the user's message that this line repeats; empty: it is another line."""
    return text(message, "uuid") if message.get("isReplay") is True else ""


def reply(to: str, content: Message) -> Message:
    """The answer to one of its control requests."""
    return {
        "type": "control_response",
        "response": {"subtype": "success", "request_id": to, "response": dict(content)},
    }


def refusal(to: str, why: str) -> Message:
    return {"type": "control_response", "response": {"subtype": "error", "request_id": to, "error": why}}


def word(chosen: Word, reason: str) -> Message:
    """The content of the answer to a hook."""
    if chosen is Word.PASS:
        return {}
    said: dict[str, Json] = {
        "hookEventName": "PreToolUse",
        "permissionDecision": chosen.value,
        "permissionDecisionReason": reason,
    }
    return {"hookSpecificOutput": said}


def allowed(given: Json) -> Message:
    """The content of a yes to a call, with the arguments it was asked for."""
    return {"behavior": "allow", "updatedInput": given}


def denied(why: str) -> Message:
    return {"behavior": "deny", "message": why}


def answered(given: Json, said: str) -> Message:
    """The content of the answer to its questions: the same words for each of them."""
    asked = part(given, "questions")
    questions = [text(one, "question") for one in asked] if isinstance(asked, list) else []
    answers: dict[str, Json] = dict.fromkeys(questions, said)
    return allowed({**(given if isinstance(given, dict) else {}), "answers": answers})


def _control(subtype: Subtype, content: Mapping[str, Json]) -> Message:
    request: dict[str, Json] = {"subtype": subtype.value, **content}
    return {"type": Kind.ASKS.value, "request_id": f"coworkd-{subtype}", "request": request}
