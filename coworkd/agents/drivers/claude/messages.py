"""The messages of Claude Code's two-way mode, made and parsed. Pure.

Seen with versions 2.1.x. Nothing from it is trusted: what does not have the expected shape reads as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from coworkd.agents.json_codec import Json
from coworkd.agents.protocols.json_access import text_at, value_at

Message = Mapping[str, Json]

HOOK_ID = "coworkd"
"""The id under which it asks before every call of a tool."""
_HOOK_TIMEOUT = 3600
"""Seconds that it waits for a hook; the hook is answered at once, also where a person decides later."""


class MessageType(StrEnum):
    """The types of its lines that matter here; any other is passed over."""

    SYSTEM = "system"
    ASSISTANT = "assistant"
    USER = "user"
    STREAM = "stream_event"
    RESULT = "result"
    RATE_LIMIT = "rate_limit_event"
    CONTROL_REQUEST = "control_request"
    CONTROL_CANCEL = "control_cancel_request"


class Subtype(StrEnum):
    INIT = "init"
    API_RETRY = "api_retry"
    CAN_USE_TOOL = "can_use_tool"
    HOOK_CALLBACK = "hook_callback"
    INITIALIZE = "initialize"
    INTERRUPT = "interrupt"


class HookDecision(StrEnum):
    """The hook's answer to a call; after PASS its own rules apply."""

    PASS = ""
    ASK = "ask"
    DENY = "deny"


def initialize() -> Message:
    """The first message: it registers a hook that is asked before every call of a tool."""
    hook: dict[str, Json] = {"matcher": "*", "hookCallbackIds": [HOOK_ID], "timeout": _HOOK_TIMEOUT}
    return _control(Subtype.INITIALIZE, {"hooks": {"PreToolUse": [hook]}})


def interrupt() -> Message:
    return _control(Subtype.INTERRUPT, {})


def user_message(words: str, number: str) -> Message:
    """A message of the user; `number` is a UUID, which it repeats when it has read the message."""
    return {"type": MessageType.USER.value, "uuid": number, "message": {"role": "user", "content": words}}


def replayed_id(message: Message) -> str:
    """The number of the user's message that this line repeats; empty: it is another line."""
    return text_at(message, "uuid") if message.get("isReplay") is True else ""


def control_response(to: str, content: Message) -> Message:
    """The answer to one of its control requests."""
    return {
        "type": "control_response",
        "response": {"subtype": "success", "request_id": to, "response": dict(content)},
    }


def control_error(to: str, why: str) -> Message:
    return {"type": "control_response", "response": {"subtype": "error", "request_id": to, "error": why}}


def hook_decision(chosen: HookDecision, reason: str) -> Message:
    """The content of the answer to a hook."""
    if chosen is HookDecision.PASS:
        return {}
    said: dict[str, Json] = {
        "hookEventName": "PreToolUse",
        "permissionDecision": chosen.value,
        "permissionDecisionReason": reason,
    }
    return {"hookSpecificOutput": said}


def allow(given: Json) -> Message:
    """The content that allows a call, with the arguments that were asked for."""
    return {"behavior": "allow", "updatedInput": given}


def deny(why: str) -> Message:
    return {"behavior": "deny", "message": why}


def answer_questions(given: Json, said: str) -> Message:
    """The content of the answer to its questions: the same text for each of them."""
    asked = value_at(given, "questions")
    questions = [text_at(one, "question") for one in asked] if isinstance(asked, list) else []
    answers: dict[str, Json] = dict.fromkeys(questions, said)
    return allow({**(given if isinstance(given, dict) else {}), "answers": answers})


def _control(subtype: Subtype, content: Mapping[str, Json]) -> Message:
    request: dict[str, Json] = {"subtype": subtype.value, **content}
    return {"type": MessageType.CONTROL_REQUEST.value, "request_id": f"coworkd-{subtype}", "request": request}
