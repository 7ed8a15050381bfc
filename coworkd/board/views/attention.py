"""What waits for a person, and since when: one list for `status`, inbox.md and notifications."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.terminal_text import plain_text
from coworkd.core.text_formats import shorten_start
from coworkd.store import Database, RequestKind
from coworkd.store.agent_stops import agent_stops
from coworkd.store.failed_tasks import FailedTask, failed_tasks
from coworkd.store.messages import unsent_messages
from coworkd.store.problems import all_problems
from coworkd.store.requests import open_requests
from coworkd.store.submissions import waiting_with_conflict
from coworkd.store.tasks import pulled_ready_tasks
from coworkd.store.trusted_files import awaiting_trust
from coworkd.sync.guards import DELETIONS


class AttentionKind(StrEnum):
    """What a person is asked for."""

    APPROVAL = "approval"
    QUESTION = "question"
    REVIEW = "review"
    PLAN = "plan"
    CONFLICT = "conflict"
    PROBLEM = "problem"
    TRUST = "trust"
    PULLED = "pulled"
    DELETION = "deletion"
    AGENT = "agent"
    CHOOSE = "choose"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionItem:
    """One thing that waits for a person."""

    kind: AttentionKind
    path: str
    """The file to look at or write, relative to `.cowork/`."""
    task: str
    since: float
    what: str
    """What to do, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemView:
    """A problem with its place."""

    path: str
    line: int
    message: str
    since: float


_REQUESTS = {
    RequestKind.QUESTION: (AttentionKind.QUESTION, "answer under `## Answer`, or with a new file beside it"),
    RequestKind.TOOL: (AttentionKind.APPROVAL, "set `approval:` to approved or rejected"),
    RequestKind.PLAN: (AttentionKind.PLAN, "read it, edit it if you like, then set `approval:`"),
    RequestKind.CHOICE: (
        AttentionKind.CHOOSE,
        "read the proposals, then set `choose:` to a letter, or `approval:` to rejected",
    ),
    RequestKind.MERGE: (AttentionKind.REVIEW, "read it, then set `approval:` to approved, changes or rejected"),
}


def problem_views(db: Database) -> list[ProblemView]:
    """Every problem, by the place it is in."""
    return [ProblemView(path=p.path, line=p.line, message=p.message, since=p.since) for p in all_problems(db)]


def attention_items(db: Database) -> list[AttentionItem]:
    """Everything that waits for a person, oldest first."""
    found = [*_requests(db), *_conflicts(db), *_pulled(db), *_trust(db), *_unsent(db), *_agents(db), *_failed(db)]
    found += [_problem_item(problem) for problem in problem_views(db)]
    return sorted(found, key=lambda item: (item.since, item.path))


def _problem_item(problem: ProblemView) -> AttentionItem:
    kind = AttentionKind.DELETION if problem.path == DELETIONS else AttentionKind.PROBLEM
    text = f"line {problem.line}: {problem.message}" if problem.line else problem.message
    return AttentionItem(kind=kind, path=problem.path, task="", since=problem.since, what=text)


def _requests(db: Database) -> list[AttentionItem]:
    return [
        AttentionItem(
            kind=_REQUESTS[request.kind][0], path=request.path, task=request.task, since=request.created,
            what=_REQUESTS[request.kind][1],
        )
        for request in open_requests(db)
    ]  # fmt: skip


def _conflicts(db: Database) -> list[AttentionItem]:
    return [
        AttentionItem(kind=AttentionKind.CONFLICT, path=row.path, task=row.id, since=row.since, what=row.reason)
        for row in waiting_with_conflict(db)
    ]


def _pulled(db: Database) -> list[AttentionItem]:
    return [
        AttentionItem(
            kind=AttentionKind.PULLED, path=task.path, task=task.id, since=task.since,
            what=f"it came by git; `coworkd ready {task.id}` starts it here",
        )
        for task in pulled_ready_tasks(db)
    ]  # fmt: skip


def _trust(db: Database) -> list[AttentionItem]:
    if reason := db.state.untrusted_reason:
        return [AttentionItem(kind=AttentionKind.TRUST, path="", task="", since=db.state.untrusted_since, what=reason)]
    return [
        AttentionItem(kind=AttentionKind.TRUST, path=path, task="", since=since,
                what="it came by git and can run commands; read it, then run `coworkd trust`")
        for path, since in awaiting_trust(db).items()
    ]  # fmt: skip


def _agents(db: Database) -> list[AttentionItem]:
    return [
        AttentionItem(
            kind=AttentionKind.AGENT, path=f"agents/{stop.agent}.md", task="", since=stop.since,
            what=f"agent {stop.agent} is stopped: {stop.reason}. Save the file, or `coworkd ready` one of its tasks, to"
            " go on",
        )
        for stop in agent_stops(db)
    ]  # fmt: skip


def _unsent(db: Database) -> list[AttentionItem]:
    return [
        AttentionItem(kind=AttentionKind.PROBLEM, path=m.path, task=m.task, since=m.since, what=f"not sent: {m.note}")
        for m in unsent_messages(db)
    ]


def _failed(db: Database) -> list[AttentionItem]:
    return [
        AttentionItem(
            kind=AttentionKind.PROBLEM, path=task.path, task=task.id, since=task.since, what=failure_text(task)
        )
        for task in failed_tasks(db)
    ]


_LAST_LINES = 3
_LAST_CHARACTERS = 300


def failure_text(task: FailedTask) -> str:
    """Why a task failed, what to type, and the last words of its agent."""
    why = task.reason.rstrip(" .;") or "no reason was given"
    text = f"{why if why.startswith('failed') else f'failed: {why}'}. `coworkd ready {task.id}` tries again"
    if last := reply_excerpt(task.said):
        text += f". {task.agent} said last: `{last}`"
    return f"{text} (.cowork/{task.message} has all of it)" if task.message else text


def reply_excerpt(said: str) -> str:
    """The end of a reply on one line; nothing in it ends the quotation marks or commands a terminal."""
    lines = [line.strip() for line in plain_text(said).splitlines() if line.strip()][-_LAST_LINES:]
    text = " / ".join(lines).replace("`", "'")
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cf") else c for c in text)
    return shorten_start(plain, _LAST_CHARACTERS)
