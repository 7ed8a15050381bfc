"""The messages of Codex' app server, by name. Pure. Seen with version 0.171."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from coworkd import __version__
from coworkd.agents.json_codec import Json
from coworkd.core.model import Mode

Message = Mapping[str, Json]
Fields = dict[str, Json]


class CodexMethod(StrEnum):
    """Requests to it, requests from it, and its notifications."""

    INITIALIZE = "initialize"
    INITIALIZED = "initialized"
    START = "thread/start"
    RESUME = "thread/resume"
    TURN = "turn/start"
    STEER = "turn/steer"
    INTERRUPT = "turn/interrupt"
    APPROVE_COMMAND = "item/commandExecution/requestApproval"
    APPROVE_CHANGE = "item/fileChange/requestApproval"
    APPROVE_PERMISSIONS = "item/permissions/requestApproval"
    QUESTION = "item/tool/requestUserInput"
    RESOLVED = "serverRequest/resolved"
    ERROR = "error"
    TURN_STARTED = "turn/started"
    TURN_COMPLETED = "turn/completed"
    ITEM_STARTED = "item/started"
    ITEM_COMPLETED = "item/completed"
    TEXT = "item/agentMessage/delta"
    USAGE = "thread/tokenUsage/updated"
    LIMITS = "account/rateLimits/updated"


def initialize_params() -> Message:
    return {"clientInfo": {"name": "coworkd", "title": "coworkd", "version": __version__}, "capabilities": None}


def thread_params(worktree: str, model: str, instructions: str, mode: Mode) -> Fields:
    """The parameters of a thread: it asks before everything that it does not know to be harmless."""
    fields: Fields = {
        "cwd": worktree,
        "approvalPolicy": "untrusted",
        "sandbox": "read-only" if mode.reads_only else "danger-full-access",
    }
    named: Fields = {"model": model, "developerInstructions": instructions}
    return fields | {key: value for key, value in named.items() if value}


def turn_input(text: str) -> list[Json]:
    """Input of a turn."""
    return [{"type": "text", "text": text, "text_elements": []}]


def decision(*, allowed: bool) -> Message:
    return {"decision": "accept" if allowed else "decline"}


def no_permissions() -> Message:
    """The response to a request for wider permissions: none are given."""
    return {"permissions": {}, "scope": "turn"}


def answers(questions: tuple[Json, ...], said: str) -> Message:
    """The same text for each of its questions."""
    ids = [one["id"] for one in questions if isinstance(one, dict) and isinstance(one.get("id"), str)]
    given: Fields = {str(name): {"answers": [said]} for name in ids}
    return {"answers": given}
