"""Commands of the daemon to a worker during a run: one JSON line each, on the worker's standard input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from coworkd.agents.json_codec import decode_tagged, encode_tagged
from coworkd.agents.port import Agent, InboxAnswer
from coworkd.core.machine_faults import MachineFault


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFault:
    """The daemon has seen that no file could be written: what fails soon after may fail for that."""

    fault: MachineFault


WorkerCommand = GiveAnswer | Deliver | Cancel | Kill | NoteFault

_COMMANDS: Mapping[str, type[WorkerCommand]] = {control.__name__: control for control in get_args(WorkerCommand)}


def encode_command(control: WorkerCommand) -> bytes:
    return encode_tagged(control)


def decode_command(line: bytes) -> WorkerCommand | None:
    """None for a line that this version does not know."""
    return decode_tagged(_COMMANDS, line)


def apply_command(agent: Agent, control: WorkerCommand) -> None:
    """Pass the command to the agent. `NoteFault` is the worker's own."""
    match control:
        case GiveAnswer():
            agent.answer(control.request, control.answer)
        case Deliver():
            agent.deliver(control.name, control.text)
        case Cancel():
            agent.cancel()
        case Kill():
            agent.kill()
        case NoteFault():
            pass
