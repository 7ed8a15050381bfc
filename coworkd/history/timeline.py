"""The history as people read it: who did what, when, and why.

Reads the audit's files and what the database has beyond them; writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coworkd.core.event_kinds import EventKind
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
    """An event in words; one that a newer coworkd recorded says its kind."""
    data = json.loads(event.data)
    known = {key: str(value) for key, value in data.items()}
    words = _DESCRIPTIONS.get(event.kind, event.kind)
    if event.kind == EventKind.STATUS_CHANGED and known.get("old") == known.get("new"):
        words = "still {new}"
    what = words.format_map(_EventData(known | {"task": event.task}))
    return TimelineEntry(
        id=event.id, at=event.at, who=_who(event.actor, known), what=" ".join(what.split()) + _unsandboxed_note(known),
        why=_why(known), task=event.task, kind=event.kind, data=data,
    )  # fmt: skip


class _EventData(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def _who(actor: str, data: Mapping[str, str]) -> str:
    """`person (file)`: how it was said belongs to who said it."""
    via = data.get("via", "")
    return f"{actor} ({via})" if via else actor


def _unsandboxed_note(data: Mapping[str, str]) -> str:
    """The note on a decision that an agent could have written."""
    run = data.get("unsandboxed_run")
    return f", saved while run {run}, which had no sandbox, was at work" if run else ""


def _why(data: Mapping[str, str]) -> str:
    return next((data[key] for key in ("reason", "why", "summary", "message", "cause") if data.get(key)), "")


_DESCRIPTIONS: Mapping[str, str] = {
    EventKind.FILE_SAVED: "saved {path}",
    EventKind.NOTE_SAVED: "saved the note {path}",
    EventKind.FILE_DELETED: "deleted {path}",
    EventKind.STATUS_REQUESTED: "asked for {wanted}",
    EventKind.STATUS_REQUEST_REFUSED: "asked for {wanted}, which was put back",
    EventKind.TASK_ALLOWED: "allowed a task received through git to start here",
    EventKind.TASK_TAKEN_OVER: "took the task over from {was}",
    EventKind.SETTINGS_TRUSTED: "trusted the settings as they are",
    EventKind.STATUS_CHANGED: "{old} to {new}",
    EventKind.RUN_BEGUN: "run {run} begins: attempt {attempt} by {agent} (sandbox {level})",
    EventKind.RUN_BEGUN_AGAIN: "run {run} begins again",
    EventKind.RUN_ENDED: "run {run} is over",
    EventKind.RUN_STOPPED: "run {run} is stopped",
    EventKind.RUN_WAITS: "run {run} waits",
    EventKind.RUN_WAITS_AGAIN: "run {run} could not go on, and waits",
    EventKind.RUN_CONTINUED: "run {run} goes on",
    EventKind.AGENT_STARTED: "run {run}: {agent} starts {on}",
    EventKind.FIRST_OUTPUT: "run {run}: its first output",
    EventKind.FIRST_TEXT: "run {run}: the first text of its reply",
    EventKind.AGENT_LEFT: "run {run}: left while it waits (exit {exit})",
    EventKind.AGENT_ENDED: "run {run}: ended (exit {exit})",
    EventKind.AGENT_ERROR: "run {run}: had an error",
    EventKind.REQUEST_ASKED: "run {run} asks: {path}",
    EventKind.REQUEST_ASKED_AGAIN: "run {run} asks again",
    EventKind.ANSWER_RETURNED: "run {run} ended before it heard the answer",
    EventKind.REQUEST_ANSWERED: "answered {answer} {path}",
    EventKind.ANSWER_VOID: "an answer in {path} does not count",
    EventKind.ANSWER_USED: "the answer was used by run {run}",
    EventKind.REQUEST_VOID: "request {request} is no longer asked",
    EventKind.MESSAGE_DELIVERED: "{path} was handed to run {run}",
    EventKind.MESSAGE_EDITED: "the edited text was handed to run {run}",
    EventKind.SUBMITTED: "run {run} handed in submission {number}",
    EventKind.SUBMISSION_RETIRED: "submission {number} left the queue",
    EventKind.HELD: "submission {number} is held",
    EventKind.RELEASED: "submission {number} is verified again",
    EventKind.QUEUED_AGAIN: "submission {number} is verified again",
    EventKind.SUBMISSION_FOUND_AGAIN: "submission {number} was found again in its ref",
    EventKind.VERIFYING: "submission {number} is being verified {together}",
    EventKind.VERIFIED: "submission {number} is verified on {tip} {together}",
    EventKind.NOT_BATCHED: "submission {number} is verified alone",
    EventKind.VERIFICATION_FLAKY: "the verification of submission {number} was red once, and green on the same files",
    EventKind.VERIFICATION_FAILED: "submission {number} failed its verification",
    EventKind.CONFLICT: "submission {number} conflicts",
    EventKind.CONFLICT_SENT_BACK: "the conflict went back to its author, round {round}",
    EventKind.CONFLICT_WAITS_AGAIN: "the conflict waits for its author again",
    EventKind.CONFLICT_NEEDS_PERSON: "the conflict waits for a person",
    EventKind.CONFLICT_RESOLVED: "resolved the conflict with submission {number}",
    EventKind.LANDING: "submission {number} lands",
    EventKind.NOT_LANDED: "submission {number} did not land, and is verified again",
    EventKind.LANDED: "submission {number} landed as {commit}",
    EventKind.LANDED_AGAIN: "submission {number} was merged again as {commit}",
    EventKind.LANDING_MISSING: "the landing {commit} is in neither branch any more",
    EventKind.LANDING_FOUND: "the landing {commit} is there again",
    EventKind.INTEGRATION_MOVED: "{said}",
    EventKind.LANDED_IN_TARGET: "the integration branch landed as {commit}",
    EventKind.REVERT_ASKED: "asked for {what}",
    EventKind.PLAN_WRITTEN: "run {run} wrote {path}",
    EventKind.QUESTION_ANSWERED: "run {run} answered in {path}",
    EventKind.FALLBACK_CHOSEN: "{agent} takes over from {instead_of}",
    EventKind.RUN_RECORDED: "run {run} is recorded in {path}",
    EventKind.RECORD_RESTORED: "run {run} was taken back from {path}",
    EventKind.COMMITTED: "committed {files} files as {commit}",
    EventKind.PRUNED: "pruned what was kept long enough",
    EventKind.REPAIRED: "had the workspace repaired",
    EventKind.SESSION_RESUMED: "run {run} goes on in its session",
    EventKind.COOLDOWN_ENDED: "{agent} is available again",
    EventKind.REQUEST_SETTLED: "{tool} was settled by a rule: {request}",
    EventKind.PLAN_FOUND_AGAIN: "the plan {path} was found again",
    EventKind.RUN_LOST: "run {run} was lost: its process is gone",
    EventKind.LATE_END_REFUSED: "run {run}: the end of its start {start} came too late and does not count",
    EventKind.PATTERN_BEGUN: "attempt {attempt}: the pattern {pattern} begins",
    EventKind.STEP_ASKED: "step {key}: {what}",
    EventKind.STEP_ENDED: "step {key} is over: {outcome}",
    EventKind.PATTERN_ENDED: "the pattern {pattern} has decided: {decision}",
    EventKind.CHOSEN: "chose {letter}, the change of {step}",
    EventKind.ROUND_ENDED: "run {run}: round {round} is over",
    EventKind.BUDGET_USED_UP: "run {run} has used up a budget",
    EventKind.USAGE_REFUSED: "run {run} reported a usage that cannot be right",
    EventKind.CONTEXT_FILLED: "run {run}: {used} of the {window} tokens of its context are used",
    EventKind.CONNECTIONS_REFUSED: "run {run}: the sandbox refused connections to {hosts}",
    EventKind.PRIMARY_TRIED_AGAIN: "{agent} is tried again",
    EventKind.COOLDOWN_BEGUN: "{agent} is not used for a while",
    EventKind.AGENT_STOPPED: "{agent} starts no more runs",
    EventKind.AGENT_ALLOWED_AGAIN: "{agent} may start runs again",
    EventKind.GRANTED: "{agent} may use {pattern} without asking",
    EventKind.APPROVAL_VOID: "the approval of submission {number} no longer counts",
    EventKind.LANDING_RECORD_RESTORED: "the landing {commit} was found again in the branch",
    EventKind.DATABASE_RESTORED: "an older copy of the database was put back",
    EventKind.NIGHT_BEGUN: "the night begins: no person is asked",
    EventKind.NIGHT_ENDED: "the night is over: {path} says what happened",
    EventKind.CLOCK_SET: "the clock of the machine was set by {seconds} s",
    EventKind.SUSPENDED: "coworkd could not work for {seconds} s",
    EventKind.SHUTDOWN: "coworkd was told to stop",
}  # fmt: skip
"""By kind of event; a value that an event does not have is left out."""
