"""The messages of the Agent Client Protocol, made and parsed. Pure.

Names and shapes are those of the protocol's schema, version 1: https://agentclientprotocol.com/protocol/schema
Nothing from an agent is trusted: what does not have the expected shape reads as absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from coworkd import __version__
from coworkd.agents.json_codec import Json
from coworkd.agents.protocols.json_access import items_at, number_at, text_at, value_at
from coworkd.core.model import Usage

Message = Mapping[str, Json]

VERSION = 1


class AcpMethod(StrEnum):
    """What coworkd asks of an agent, and what it hears from it."""

    INITIALIZE = "initialize"
    AUTHENTICATE = "authenticate"
    NEW = "session/new"
    LOAD = "session/load"
    RESUME = "session/resume"
    SET_MODE = "session/set_mode"
    SET_MODEL = "session/set_model"
    PROMPT = "session/prompt"
    CANCEL = "session/cancel"
    UPDATE = "session/update"
    PERMISSION = "session/request_permission"


class StopReason(StrEnum):
    """Why a turn ended."""

    END_TURN = "end_turn"
    MAX_TOKENS = "max_tokens"
    MAX_TURNS = "max_turn_requests"
    REFUSAL = "refusal"
    CANCELLED = "cancelled"


class OptionKind(StrEnum):
    ALLOW_ONCE = "allow_once"
    ALLOW_ALWAYS = "allow_always"
    REJECT_ONCE = "reject_once"
    REJECT_ALWAYS = "reject_always"


AUTH_REQUIRED = -32000


def initialize_params() -> Message:
    """The parameters of `initialize`: neither files nor terminals are offered."""
    return {
        "protocolVersion": VERSION,
        "clientCapabilities": {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False},
        "clientInfo": {"name": "coworkd", "title": "coworkd", "version": __version__},
    }


def prompt_params(session: str, text: str) -> Message:
    return {"sessionId": session, "prompt": [{"type": "text", "text": text}]}


def select_option(option: str) -> Message:
    return {"outcome": {"outcome": "selected", "optionId": option}}


def cancel_permission() -> Message:
    return {"outcome": {"outcome": "cancelled"}}


# ---- reading


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCapabilities:
    """What an agent says that it can do."""

    can_resume: bool
    can_load: bool
    auth_methods: tuple[str, ...]
    """Ids of its ways to sign in."""


def parse_capabilities(answer: Json) -> AgentCapabilities:
    """Read the answer to `initialize`."""
    capabilities = value_at(answer, "agentCapabilities")
    return AgentCapabilities(
        can_resume=isinstance(value_at(capabilities, "sessionCapabilities", "resume"), dict),
        can_load=value_at(capabilities, "loadSession") is True,
        auth_methods=tuple(text_at(way, "id") for way in items_at(answer, "authMethods")),
    )


def parse_usage(answer: Json) -> Usage | None:
    """Usage of a turn, from the answer to `session/prompt`, cached input included; None: it is not reported."""
    found = value_at(answer, "usage")
    if isinstance(found, dict):
        cached = number_at(found, "cachedReadTokens")
        return Usage(
            input_tokens=number_at(found, "inputTokens") + cached + number_at(found, "cachedWriteTokens"),
            cached_tokens=cached,
            output_tokens=number_at(found, "outputTokens") + number_at(found, "thoughtTokens"),
        )
    quota = value_at(answer, "_meta", "quota", "token_count")  # as gemini has it
    if isinstance(quota, dict):
        return Usage(input_tokens=number_at(quota, "input_tokens"), output_tokens=number_at(quota, "output_tokens"))
    return None


def find_option(asked: Json, kinds: Sequence[OptionKind]) -> str:
    """The id of the first option of one of these kinds, in the order of the kinds; empty: there is none."""
    offered = {text_at(one, "kind"): text_at(one, "optionId") for one in reversed(items_at(asked, "options"))}
    return next((offered[kind] for kind in kinds if offered.get(kind)), "")
