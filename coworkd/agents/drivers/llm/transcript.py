"""The conversation of a session on disk: JSON lines, each safely there before anything follows from it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, get_args

from coworkd.agents.json_codec import decode_tagged, encode_tagged


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a run was started with."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What was said to the model in between."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedCall:
    id: str
    tool: str
    arguments: str
    """JSON, as the model wrote it: perhaps none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model said, and what it wants done."""

    text: str
    calls: tuple[RequestedCall, ...] = ()
    used: int = 0
    """Tokens of the conversation up to its end, as the provider counted them; 0: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A call that changes something is about to run; without a `Result` it is not known how far it came."""

    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a call."""

    call: str
    text: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """Everything before is replaced by this summary, but for what people said."""

    summary: str


Record: TypeAlias = Prompt | Words | Reply | Begun | Result | Compacted

_RECORDS: Mapping[str, type[Record]] = {record.__name__: record for record in get_args(Record)}


class Transcript:
    """A session's file and what is in it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self.records: list[Record] = self._load()

    def add(self, *records: Record) -> None:
        """Write records down, for good."""
        os.write(self._fd, b"".join(encode_tagged(record) for record in records))
        os.fsync(self._fd)
        self.records += records

    def close(self) -> None:
        os.close(self._fd)

    def _load(self) -> list[Record]:
        """What was written whole; the torn end of a write that was cut short is taken off."""
        with os.fdopen(os.dup(self._fd), "rb") as file:
            file.seek(0)
            content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(self._fd, whole)
        found = (decode_tagged(_RECORDS, line) for line in content[:whole].splitlines())
        return [record for record in found if record is not None]


def pending_calls(records: Sequence[Record]) -> tuple[RequestedCall, ...]:
    """The calls of the last reply that have no result yet."""
    done = {record.call for record in records if isinstance(record, Result)}
    last = next((record for record in reversed(records) if isinstance(record, Reply)), None)
    return tuple(call for call in last.calls if call.id not in done) if last else ()


def was_started(records: Sequence[Record], call: RequestedCall) -> bool:
    """Whether an earlier start began to run this call."""
    return any(isinstance(record, Begun) and record.call == call.id for record in records)


def earlier_answers(records: Sequence[Record], call: RequestedCall) -> int:
    """How many calls of the same tool with the same arguments were answered before this one."""
    done = {record.call for record in records if isinstance(record, Result)}
    same = (each for record in records if isinstance(record, Reply) for each in record.calls)
    return sum((each.tool, each.arguments) == (call.tool, call.arguments) and each.id in done for each in same)


def last_count(records: Sequence[Record]) -> tuple[int, int]:
    """The provider's last count of the conversation, and how many records it covers; zeros: there is none."""
    for at in range(len(records) - 1, -1, -1):
        record = records[at]
        if isinstance(record, Compacted):
            break
        if isinstance(record, Reply) and record.used:
            return record.used, at + 1
    return 0, 0


def visible_records(records: Sequence[Record]) -> list[Record]:
    """What the model is shown: after a compaction what people said, the summary, and what followed."""
    at = max((place for place, record in enumerate(records) if isinstance(record, Compacted)), default=-1)
    if at < 0:
        return list(records)
    kept = [record for record in records[:at] if isinstance(record, Prompt | Words)]
    return [*kept, *_asked(records[:at]), *records[at:]]


def _asked(records: Sequence[Record]) -> list[Words]:
    """Questions to people with their answers, word for word."""
    results = {record.call: record.text for record in records if isinstance(record, Result)}
    calls = [call for record in records if isinstance(record, Reply) for call in record.calls if call.tool == "ask"]
    return [
        Words(text=f"You asked: {call.arguments}\nThe answer: {results[call.id]}")
        for call in calls
        if call.id in results
    ]
