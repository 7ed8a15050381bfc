"""What happened since a time: what landed, failed, waits or did not start, what was assumed, and what it cost.

Read-only, so that a command can make it from a connection of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coworkd.board.views.attention import AttentionItem
from coworkd.board.views.status import Card, board_view
from coworkd.core.assumptions import listed_assumptions
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.nights import NIGHT
from coworkd.core.text_formats import shorten
from coworkd.store import Database, RequestKind
from coworkd.store.events import events_of_kinds
from coworkd.store.failed_tasks import failed_tasks
from coworkd.store.requests import find_request
from coworkd.store.runs import active_runs_since
from coworkd.store.tasks import find_task
from coworkd.store.usage import PeriodUsage, usage_since

_LONGEST = 400
"""Characters of one reason or assumption that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedTask:
    """A task with a reason: why it failed, waits or did not start."""

    task: str
    why: str
    path: str = ""
    """The file to look at, relative to `.cowork/`; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedLanding:
    """A change that landed and is there."""

    task: str
    title: str
    commit: str
    at: float
    undo: str
    """The command that takes it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """What an agent took to be so, without a person having said it."""

    task: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkReport:
    """One stretch of time of a workspace."""

    since: float
    until: float
    landed: tuple[ReportedLanding, ...]
    failed: tuple[ReportedTask, ...]
    waiting: tuple[ReportedTask, ...]
    not_started: tuple[ReportedTask, ...]
    at_work: tuple[ReportedTask, ...]
    """What had begun, and is on its way."""
    assumptions: tuple[Assumption, ...]
    cost: PeriodUsage
    may_sleep: str = ""
    """Why nothing kept the machine awake; empty: something does, or no night is in force."""


def read_report(db: Database, since: float, now: float) -> WorkReport:
    """What happened from `since` to `now`, and where tasks stand now."""
    board = board_view(db, now)
    failed = {task.id for task in failed_tasks(db)}
    return WorkReport(
        since=since, until=now, landed=tuple(_landings(db, since)), failed=tuple(_failed(board.cards, since)),
        waiting=tuple(_waiting(db, board.waiting, failed)), not_started=tuple(_not_started(board.cards)),
        at_work=tuple(_at_work(board.cards)),
        assumptions=tuple(_assumptions(db, since)), cost=usage_since(db, since),
        may_sleep=db.state.may_sleep_reason,
    )  # fmt: skip


def _landings(db: Database, since: float) -> Iterator[ReportedLanding]:
    """What is still there: a change that was taken back meanwhile needs no undoing."""
    times = {event.task: event.at for event in events_of_kinds(db, [EventKind.LANDED], since)}
    for task, at in times.items():
        row = find_task(db, task)
        if row is not None and row.landed:
            yield ReportedLanding(
                task=task, title=row.title, commit=row.landed, at=at, undo=f"coworkd revert {task}"
            )  # fmt: skip


def _failed(cards: Sequence[Card], since: float) -> Iterator[ReportedTask]:
    for card in cards:
        if card.status is Status.FAILED and card.since >= since:
            yield ReportedTask(task=card.id, why=_line(card.why), path=card.path)


def _waiting(db: Database, items: Sequence[AttentionItem], failed: set[str]) -> Iterator[ReportedTask]:
    """What waits for a person, and why; tasks that failed stand in a list of their own."""
    for item in items:
        if item.task not in failed:
            task = find_task(db, item.task) if item.task else None
            reason = task.reason if task and task.reason != item.what else ""
            why = "; ".join(part for part in (reason, item.what) if part)
            yield ReportedTask(task=item.task, why=_line(why), path=item.path)


def _not_started(cards: Sequence[Card]) -> Iterator[ReportedTask]:
    for card in cards:
        if card.status is Status.READY:
            yield ReportedTask(task=card.id, why=_line(card.why) or "its turn has not come", path=card.path)


def _at_work(cards: Sequence[Card]) -> Iterator[ReportedTask]:
    for card in cards:
        if card.status in (Status.RUNNING, Status.MERGING):
            yield ReportedTask(task=card.id, why=_line(card.why), path=card.path)


def _assumptions(db: Database, since: float) -> Iterator[Assumption]:
    """What replies list, and the questions that no one was there to answer."""
    for run in active_runs_since(db, since):
        yield from (Assumption(task=run.task, why=_line(text)) for text in listed_assumptions(run.reply))
    for event in events_of_kinds(db, [EventKind.REQUEST_SETTLED], since):
        request = find_request(db, json.loads(event.data)["request"]) if event.actor == NIGHT else None
        if request is not None and request.kind is RequestKind.QUESTION:
            yield Assumption(task=request.task, why=_line(f"asked, with no one here to answer: {request.text}"))


def _line(text: str) -> str:
    return shorten(" ".join(text.split()), _LONGEST)
