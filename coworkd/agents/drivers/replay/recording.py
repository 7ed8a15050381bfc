"""Recordings of agent sessions: JSON lines, each a step that the driver `replay` carries out.

Pure: text in, steps out. The first line is `{"recording": 1, "agent": ..., "model": ...}`; only its version is read. A
step is an object with exactly one verb among its keys: the name of the first field of one of the classes below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TypeAlias, get_args

from coworkd.agents.json_codec import Json, from_json
from coworkd.agents.port import InboxAnswer
from coworkd.core.errors import AgentError

VERSION = 1
SPEED = "COWORK_REPLAY_SPEED"
"""The environment variable by whose value the recorded pauses are divided."""

_HEADER = "recording"
_OTHERWISE = "otherwise"
_ANSWER = re.compile(r"\{\{answer:([^{}]+)\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    say: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    read: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    write: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replace `old`, which must occur exactly once in the file."""

    edit: str
    """The path of the file."""
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    run: str
    expect: int | None = None
    """The exit code of the command; with any other one the session fails. None: any will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    ask: str
    name: str
    """The name of the request, by which `{{answer:NAME}}` refers to its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Ask for a permission. Unless it is given, the steps of `otherwise` follow and end the session."""

    permit: str
    """The text of the request."""
    tool: str
    arguments: str
    """What `tool` would be used on."""
    name: str
    """The name of the request."""
    otherwise: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    input: int = 0
    cached: int = 0
    output: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportUsage:
    usage: Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitAll:
    commit: str
    """The message of the commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    pause: float
    """Seconds."""


class RecordedEnd(StrEnum):
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    end: RecordedEnd
    message: str = ""


ToolStep: TypeAlias = Read | Write | Edit | Run | CommitAll
Step: TypeAlias = Say | Read | Write | Edit | Run | Ask | Permit | ReportUsage | CommitAll | Pause | End

_VERBS: Mapping[str, type[Step]] = {fields(step)[0].name: step for step in get_args(Step)}
"""The classes of steps by their verbs."""


def parse_recording(text: str, path: str) -> tuple[Step, ...]:
    """The steps of a recording. Raises AgentError with the line of the mistake."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines or not _is_header(_object(lines[0][1], f"{path}:1")):
        raise AgentError(
            f'{path}:1: the first line of a recording must be {{"recording": {VERSION}, "agent": ..., "model": ...}}'
        )
    return tuple(_step(_object(line, f"{path}:{number}"), f"{path}:{number}") for number, line in lines[1:])


def describe(step: ToolStep) -> tuple[str, str]:
    """The verb of a step, and its value: a path, a command or a message."""
    verb = fields(step)[0].name
    return verb, getattr(step, verb)


def fill_answers(text: str, answers: Callable[[str], InboxAnswer | None]) -> str:
    """Replace each `{{answer:NAME}}` by the answer to that request, or by nothing if there is none."""

    def answer_text(found: re.Match[str]) -> str:
        answer = answers(found[1].strip())
        return (answer.body.strip() or answer.comment or answer.decision.value) if answer else ""

    return _ANSWER.sub(answer_text, text)


def fill_step(step: ToolStep, answers: Callable[[str], InboxAnswer | None]) -> ToolStep:
    """As `fill_answers`, for the text that a step writes, the command that it runs or its commit message."""
    match step:
        case Write():
            return replace(step, text=fill_answers(step.text, answers))
        case Edit():
            return replace(step, new=fill_answers(step.new, answers))
        case Run():
            return replace(step, run=fill_answers(step.run, answers))
        case CommitAll():
            return replace(step, commit=fill_answers(step.commit, answers))
        case Read():
            return step


def _is_header(data: dict[str, Json]) -> bool:
    return data.get(_HEADER) == VERSION


def _object(line: str, where: str) -> dict[str, Json]:
    try:
        data: Json = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise AgentError(f"{where}: this is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise AgentError(f"{where}: a step must be a JSON object")
    return data


def _step(data: dict[str, Json], where: str) -> Step:
    verbs = [verb for verb in _VERBS if verb in data]
    if len(verbs) != 1:
        found = f"{' and '.join(verbs)} together" if verbs else f"none in {', '.join(data) or 'an empty object'}"
        raise AgentError(f"{where}: a step needs exactly one of {', '.join(_VERBS)}; found {found}")
    kind = _VERBS[verbs[0]]
    if unknown := data.keys() - {field.name for field in fields(kind)}:
        raise AgentError(f"{where}: `{verbs[0]}` has no key {', '.join(sorted(unknown))}")
    try:
        step = from_json(kind, {key: value for key, value in data.items() if key != _OTHERWISE})
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise AgentError(f"{where}: {error}") from error
    return replace(step, otherwise=_otherwise(data, where)) if isinstance(step, Permit) else step


def _otherwise(data: dict[str, Json], where: str) -> tuple[Step, ...]:
    steps = data.get(_OTHERWISE, [])
    if not isinstance(steps, list):
        raise AgentError(f"{where}: `otherwise` must be an array of steps")
    return tuple(_step(step, where) if isinstance(step, dict) else _no_step(where) for step in steps)


def _no_step(where: str) -> Step:
    raise AgentError(f"{where}: every item of `otherwise` must be a step")
