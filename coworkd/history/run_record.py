"""The record of one finished run as a value, and as the file that holds it.

Pure. What is read may have been written by anybody: it is bounded, typed, and says by itself only who claims to have
written it; whether that is believed is decided by its seal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from coworkd.core.clock import iso
from coworkd.core.errors import DocumentError
from coworkd.core.model import Check
from coworkd.core.signing import is_valid_signature, sign

VERSION = 1
MAX_BYTES = 1024 * 1024
_NAME = re.compile(r"log/\d{4}-\d{2}/(?P<run>[0-9A-Za-z_-]{1,64})\.json")

Item = TypeVar("Item")


class Origin(StrEnum):
    """Who wrote a record."""

    OURS = "ours"
    THEIRS = "theirs"
    """Another instance's: shown, never a grant, a receipt or a budget."""
    BROKEN = "broken"
    """It says that this instance wrote it, and its seal does not say so: shown, and believed in nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """A permission or question of the run, and what became of it."""

    request: str
    kind: str
    tool: str
    path: str
    digest: str
    """Of what was asked, in full."""
    state: str
    answer: str
    by: str
    """`file`, `terminal` or `policy`; empty: not answered."""
    asked: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A person's message that was handed to the run."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSubmission:
    number: int
    commit: str
    tree: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What is remembered of a run for good. None is unknown, never zero."""

    instance: str
    run: str
    task: str
    attempt: int
    agent: str
    model: str
    started: float
    ended: float
    reason: str
    level: str
    base: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    estimated: bool
    decisions: tuple[RecordedDecision, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    submission: RecordedSubmission | None = None
    checks: tuple[Check, ...] = ()

    @property
    def path(self) -> str:
        """Its place below `.cowork/`."""
        return f"log/{iso(self.ended)[:7]}/{self.run}.json"


def run_id_of(path: str) -> str:
    """The run whose record belongs at a path; empty when none does."""
    found = _NAME.fullmatch(path)
    return found["run"] if found else ""


# ---- writing


def encode(record: RunRecord, key: bytes) -> bytes:
    """The sealed file."""
    payload = _payload(record)
    text = json.dumps(payload | {"mac": sign(key, payload)}, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _payload(record: RunRecord) -> dict[str, Any]:
    return {
        "record": VERSION, "instance": record.instance, "run": record.run, "task": record.task,
        "attempt": record.attempt, "agent": record.agent, "model": record.model or None,
        "started": iso(record.started), "ended": iso(record.ended), "reason": record.reason, "sandbox": record.level,
        "base": record.base,
        "usage": {"input_tokens": record.input_tokens, "output_tokens": record.output_tokens},
        "cost_usd": record.cost_usd, "estimated": record.estimated,
        "decisions": [_decision_json(item) for item in record.decisions],
        "receipts": [{"path": item.path, "digest": item.digest} for item in record.receipts],
        "submission": _submission_json(record.submission) if record.submission else None,
        "checks": [{"command": c.command, "exit": c.exit, "seconds": round(c.seconds, 3)} for c in record.checks],
    }  # fmt: skip


def _decision_json(item: RecordedDecision) -> dict[str, Any]:
    return {
        "request": item.request, "kind": item.kind, "tool": item.tool or None, "path": item.path,
        "digest": item.digest, "state": item.state, "answer": item.answer or None, "by": item.by or None,
        "asked": iso(item.asked),
    }  # fmt: skip


def _submission_json(item: RecordedSubmission) -> dict[str, Any]:
    return {"number": item.number, "commit": item.commit, "tree": item.tree}


# ---- reading


def decode(data: bytes, path: str, instance: str, key: bytes) -> tuple[RunRecord, Origin]:
    """The record in a file and who wrote it. Raises DocumentError for what is no record."""
    try:
        if len(data) > MAX_BYTES:
            raise ValueError("too large")
        payload = json.loads(data)
        mac = str(payload.pop("mac", ""))
        record = _read_record(payload)
        ours = is_valid_signature(key, payload, mac)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise DocumentError(f"is no record of a run ({type(error).__name__}: {error})", path=path) from error
    if record.instance != instance:
        return record, Origin.THEIRS
    # A copy under another name says things twice.
    return record, Origin.OURS if ours and record.path == path else Origin.BROKEN


def _read_record(payload: dict[str, Any]) -> RunRecord:
    if payload["record"] != VERSION:
        raise ValueError(f"version {payload['record']!r}")
    usage = payload["usage"]
    return RunRecord(
        instance=_text(payload["instance"]), run=_text(payload["run"]), task=_text(payload["task"]),
        attempt=_count(payload["attempt"]), agent=_text(payload["agent"]), model=_text(payload["model"] or ""),
        started=_time(payload["started"]), ended=_time(payload["ended"]), reason=_text(payload["reason"]),
        level=_text(payload["sandbox"]), base=_text(payload["base"]),
        input_tokens=_or_none(_count, usage["input_tokens"]), output_tokens=_or_none(_count, usage["output_tokens"]),
        cost_usd=_or_none(_amount, payload["cost_usd"]),
        estimated=payload["estimated"] is True, decisions=tuple(_read_decision(item) for item in payload["decisions"]),
        receipts=tuple(Receipt(path=_text(i["path"]), digest=_text(i["digest"])) for i in payload["receipts"]),
        submission=_or_none(_read_submission, payload["submission"]),
        checks=tuple(
            Check(command=_text(i["command"]), exit=int(i["exit"]), seconds=_amount(i["seconds"]))
            for i in payload["checks"]
        ),
    )  # fmt: skip


def _read_decision(payload: dict[str, Any]) -> RecordedDecision:
    return RecordedDecision(
        request=_text(payload["request"]), kind=_text(payload["kind"]), tool=_text(payload["tool"] or ""),
        path=_text(payload["path"]), digest=_text(payload["digest"]), state=_text(payload["state"]),
        answer=_text(payload["answer"] or ""), by=_text(payload["by"] or ""), asked=_time(payload["asked"]),
    )  # fmt: skip


def _read_submission(payload: dict[str, Any]) -> RecordedSubmission:
    return RecordedSubmission(
        number=_count(payload["number"]), commit=_text(payload["commit"]), tree=_text(payload["tree"])
    )


def _or_none(read: Callable[[Any], Item], value: Any) -> Item | None:
    return None if value is None else read(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} stands where a text belongs")
    value.encode()
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError(f"{value!r:.40} is no count")
    return value


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise ValueError(f"{value!r:.40} is no amount")
    return float(value)


def _time(value: Any) -> float:
    return datetime.strptime(_text(value), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
