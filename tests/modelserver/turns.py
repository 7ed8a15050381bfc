"""What a scripted model says: replies, refusals and flaws, in no provider's format."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A request for a reply, as far as scripts look at it."""

    dialect: str
    model: str
    turn: int
    """How many replies of the model the conversation holds already."""
    stream: bool
    tools: tuple[str, ...]
    """The names of the tools on offer; a request without any is a side question of its program."""
    system: str
    said: tuple[str, ...]
    """What the user and the tools said, oldest first."""
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Tokens as a provider counts them; `input` includes what was cached."""

    input: int = 100
    cached: int = 0
    output: int = 20
    reasoning: int = 0
    unasked: bool = False
    """Told also to those who did not ask for it, as some of those do who speak OpenAI's format."""


class Action(StrEnum):
    """What a call is for, where the script leaves the tool to what is on offer."""

    WRITE = "write"
    RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a tool by its name; `raw` stands in for the arguments where they are to be no JSON."""

    name: str
    arguments: Mapping[str, object] = field(default_factory=dict[str, object])
    raw: str | None = None

    @property
    def text(self) -> str:
        return json.dumps(self.arguments) if self.raw is None else self.raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A call that takes whichever tool is on offer for its action."""

    action: Action
    subject: str
    text: str = ""


class Flaw(StrEnum):
    """What goes wrong with a reply on its way."""

    DROPPED = "dropped"
    """The connection closes in the middle."""
    HELD = "held"
    """After the first piece nothing comes until the server is told to `release`."""
    MALFORMED = "malformed"
    """In the middle comes what is not JSON."""
    UNCOUNTED = "uncounted"
    """No usage is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply of the model: text first, then its calls."""

    text: str = ""
    calls: tuple[Call | Wish, ...] = ()
    spent: Spent = field(default_factory=Spent)
    cut: bool = False
    """It ended because it became too long."""
    flaw: Flaw | None = None
    pause: float = 0.0
    """Seconds between the pieces of a stream, for use by hand."""


class Trouble(StrEnum):
    """Why a provider refuses; each format has its own words for it."""

    RATE_LIMIT = "rate-limit"
    QUOTA = "quota"
    OVERLOADED = "overloaded"
    AUTH = "auth"
    CONTEXT = "context"
    BROKEN = "broken"
    """An internal error of the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    trouble: Trouble
    retry_after: float | None = None
    """Seconds, told in the way of the format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A response as it is, in no format at all."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Turn: TypeAlias = Reply | Refusal | Raw
Script: TypeAlias = Callable[[Query], Turn]

_WRITERS: Mapping[str, tuple[str, str]] = {
    "Write": ("file_path", "content"),
    "write_file": ("file_path", "content"),
    "write": ("path", "text"),
}
_RUNNERS: Mapping[str, str] = {
    "Bash": "command",
    "run_shell_command": "command",
    "run": "command",
    "bash": "command",
    "exec_command": "cmd",
    "shell_command": "command",
}


def write(path: str, text: str) -> Wish:
    """A call that writes a file, by whichever tool the agent has for it."""
    return Wish(action=Action.WRITE, subject=path, text=text)


def run(command: str) -> Wish:
    """A call that runs a command line, by whichever tool the agent has for it."""
    return Wish(action=Action.RUN, subject=command)


def steps(*turns: Turn, aside: str = "ok") -> Script:
    """One turn after the other, told by how many replies the conversation holds; the last one again and again.

    A request that offers no tools is a side question and gets `aside`, if the script has any call in it.
    """
    calling = any(isinstance(turn, Reply) and turn.calls for turn in turns)

    def script(query: Query) -> Turn:
        if calling and not query.tools:
            return Reply(text=aside)
        return turns[min(query.turn, len(turns) - 1)]

    return script


def after(*first: Turn, then: Script) -> Script:
    """The turns in `first`, each for one request of whatever conversation; from then on the script `then`."""
    left = iter(first)
    counter = itertools.count()  # the next of an iterator is taken in one step, also by several threads

    def script(query: Query) -> Turn:
        return next(left) if next(counter) < len(first) else then(query)

    return script


def chosen(call: Call | Wish, query: Query) -> Call:
    """The call by a tool that is on offer."""
    if isinstance(call, Call):
        return call
    known = _WRITERS if call.action is Action.WRITE else _RUNNERS
    name = next((tool for tool in query.tools if tool in known), call.action.value)
    if call.action is Action.WRITE:
        path, text = _WRITERS[name]
        return Call(name=name, arguments={path: call.subject, text: call.text})
    described = {"description": "a command"} if name in ("Bash", "run_shell_command") else {}
    return Call(name=name, arguments={_RUNNERS[name]: call.subject, **described})


def pieces(text: str, size: int = 12) -> list[str]:
    """A text as it is streamed; a line that is huge comes whole, as some providers do it."""
    if len(text) > 4000:
        return [text]
    return [text[at : at + size] for at in range(0, len(text), size)]
