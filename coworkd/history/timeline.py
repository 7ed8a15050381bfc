"""The history as people read it: who did what, when, and why.

Reads the audit's files and what the database has beyond them; writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coworkd.history.audit_log import entries
from coworkd.history.hash_chain import AuditEntry
from coworkd.store import Database, EventRow
from coworkd.store.events import events_after

_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One event in words."""

    id: int
    at: float
    who: str
    what: str
    why: str
    task: str
    kind: str
    data: Mapping[str, Any]


def read_timeline(db: Database, audit: Path, task: str = "", path: str = "") -> list[TimelineEntry]:
    """Everything that happened, oldest first; of one task, with its file, or all of it."""
    return [describe_event(event) for event in _events(db, audit) if not task or concerns(event, task, path)]


def _events(db: Database, audit: Path) -> Iterator[EventRow]:
    """Files first, for the database may have lost what they hold; then what is not written down yet."""
    last = 0
    for _, _, entry in entries(audit):
        if isinstance(entry, AuditEntry):
            last = entry.event.id
            yield entry.event
    yield from events_after(db, last)


def concerns(event: EventRow, task: str, path: str) -> bool:
    """Whether an event is about a task: by its id, or about one of its files."""
    if event.task == task:
        return True
    if event.task or '"path"' not in event.data:
        return False
    about = str(json.loads(event.data).get("path", ""))
    own = {path, f"reviews/{task}.md", f"plans/{task}.md"}
    return about in own or about.startswith((f"messages/{task}/", f"approvals/{task}-", f"reviews/{task}."))


def describe_event(event: EventRow) -> TimelineEntry:
    """An event in words; one that has none of its own says its kind."""
    data = json.loads(event.data)
    known = {key: str(value) for key, value in data.items()}
    words = _DESCRIPTIONS.get(event.kind, event.kind)
    if event.kind == "status" and known.get("old") == known.get("new"):
        words = "still {new}"
    what = words.format_map(_Known(known | {"task": event.task}))
    return TimelineEntry(
        id=event.id, at=event.at, who=_who(event.actor, known), what=" ".join(what.split()) + _unsandboxed_note(known),
        why=_why(known), task=event.task, kind=event.kind, data=data,
    )  # fmt: skip


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def _who(actor: str, data: Mapping[str, str]) -> str:
    """`person (file)`: how it was said belongs to who said it."""
    via = data.get("via", "")
    return f"{actor} ({via})" if via else actor


def _unsandboxed_note(data: Mapping[str, str]) -> str:
    """A decision that an agent could have written says so."""
    run = data.get("unsandboxed_run")
    return f", saved while run {run}, which had no sandbox, was at work" if run else ""


def _why(data: Mapping[str, str]) -> str:
    return next((data[key] for key in ("reason", "why", "summary", "message", "cause") if data.get(key)), "")


_DESCRIPTIONS: Mapping[str, str] = {
    "file": "saved {path}",
    "note": "saved the note {path}",
    "deleted": "deleted {path}",
    "wish": "asked for {wanted}",
    "wish refused": "asked for {wanted}, which was put back",
    "owned": "allowed a task received through git to start here",
    "taken": "took the task over from {was}",
    "trusted": "trusted the settings as they are",
    "status": "{old} to {new}",
    "run": "run {run} begins: attempt {attempt} by {agent} (sandbox {level})",
    "run again": "run {run} begins again",
    "run ended": "run {run} is over",
    "run stopped": "run {run} is stopped",
    "run waits": "run {run} waits",
    "run waits again": "run {run} could not go on, and waits",
    "run goes on": "run {run} goes on",
    "agent started": "run {run}: {agent} starts",
    "first output": "run {run}: its first output",
    "first text": "run {run}: the first text of its reply",
    "agent left": "run {run}: left while it waits (exit {exit})",
    "agent ended": "run {run}: ended (exit {exit})",
    "agent error": "run {run}: had an error",
    "asked": "run {run} asks: {path}",
    "asked again": "run {run} asks again",
    "answer not heard": "run {run} ended before it heard the answer",
    "answered": "answered {answer} {path}",
    "answer void": "an answer in {path} does not count",
    "used": "the answer was used by run {run}",
    "request void": "request {request} is no longer asked",
    "delivered": "{path} was handed to run {run}",
    "steered": "the edited text was handed to run {run}",
    "submitted": "run {run} handed in submission {number}",
    "submission retired": "submission {number} left the queue",
    "held": "submission {number} is held",
    "released": "submission {number} is verified again",
    "queued again": "submission {number} is verified again",
    "submission found again": "submission {number} was found again in its ref",
    "verifying": "submission {number} is being verified",
    "green": "submission {number} is verified on {tip}",
    "red": "submission {number} failed its verification",
    "conflict": "submission {number} conflicts",
    "conflict sent back": "the conflict went back to its author, round {round}",
    "conflict waits again": "the conflict waits for its author again",
    "conflict to a person": "the conflict waits for a person",
    "landing": "submission {number} lands",
    "landed": "submission {number} landed as {commit}",
    "landed again": "submission {number} was merged again as {commit}",
    "landing missing": "the landing {commit} is in neither branch any more",
    "landing found": "the landing {commit} is there again",
    "integration": "{said}",
    "landed in the target": "the integration branch landed as {commit}",
    "revert asked": "asked for {what}",
    "plan written": "run {run} wrote {path}",
    "fallback": "{agent} takes over from {instead_of}",
    "recorded": "run {run} is recorded in {path}",
    "record taken back": "run {run} was taken back from {path}",
    "committed": "committed {files} files as {commit}",
    "pruned": "pruned what was kept long enough",
    "repaired": "had the workspace repaired",
    "session taken up again": "run {run} goes on in its session",
    "available again": "{agent} is available again",
    "settled": "{tool} was settled by a rule: {request}",
    "shutdown": "coworkd was told to stop",
}  # fmt: skip
"""By kind of event; a value that an event does not have is left out."""
