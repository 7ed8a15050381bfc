"""What the daemon says to a worker while a run goes on: one JSON line each, on the worker's standard input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from coworkd.agents.json_codec import decode_tagged, encode_tagged
from coworkd.agents.port import Agent, InboxAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveAnswer:
    request: str
    answer: InboxAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    pass


Control = GiveAnswer | Deliver | Cancel | Kill

_CONTROLS: Mapping[str, type[Control]] = {control.__name__: control for control in get_args(Control)}


def encode_control(control: Control) -> bytes:
    return encode_tagged(control)


def decode_control(line: bytes) -> Control | None:
    """None for a line that this version does not know."""
    return decode_tagged(_CONTROLS, line)


def obey(agent: Agent, control: Control) -> None:
    """Carry the word to the agent."""
    match control:
        case GiveAnswer():
            agent.answer(control.request, control.answer)
        case Deliver():
            agent.deliver(control.name, control.text)
        case Cancel():
            agent.cancel()
        case Kill():
            agent.kill()
