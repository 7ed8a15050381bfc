"""The board as it is shown: one value per task, with why it stands there in words.

Read-only, so that a command can make it from a connection of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coworkd.board.measured_disk import measured_disk
from coworkd.board.views.attention import AttentionItem, AttentionKind, ProblemView, attention_items, problem_views
from coworkd.board.views.plans import PlanView, plan_views
from coworkd.core.disk_use import DiskUse
from coworkd.core.model import Status
from coworkd.core.stack_rules import STACKED, StackedOn, stack_text
from coworkd.core.task_states import ACTIVE, BOARD_ORDER, OVER, WITH_SUBMISSION
from coworkd.core.text_formats import format_duration
from coworkd.store import Database, RunRow, RunState, TaskRow
from coworkd.store.dependencies import all_unmet_dependencies
from coworkd.store.documents import count_notes
from coworkd.store.landings import Landings, count_undelivered
from coworkd.store.plans import EVERY_PLACE, HoldRow, holds_by_place, open_tasks_awaited
from coworkd.store.problems import problem_messages
from coworkd.store.runs import live_runs
from coworkd.store.stacks import stacked_tasks
from coworkd.store.tasks import board_tasks
from coworkd.store.usage import spent_in_24_hours
from coworkd.store.wait_reasons import WaitReasons, wait_reasons

_BOARD_POSITION = {status: place for place, status in enumerate(BOARD_ORDER)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A task on the board."""

    id: str
    title: str
    status: Status
    agent: str
    path: str
    blocked_by: tuple[str, ...]
    why: str
    by: str
    cost_usd: float | None
    tokens: int
    since: float
    elsewhere: bool
    plan: str = ""
    """Id of its plan; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardView:
    """Everything that `status` shows."""

    instance: str
    cards: tuple[Card, ...]
    waiting: tuple[AttentionItem, ...]
    problems: tuple[ProblemView, ...]
    plans: tuple[PlanView, ...] = ()
    """Each below its parent."""
    undelivered: int = 0
    """Tasks whose landing waits on the integration branch for `coworkd land`."""
    notes: int = 0
    """Files in tasks/ that are never run."""
    sandbox: str = ""
    """Level of agents that start now; empty: not checked yet."""
    sandbox_lacks: str = ""
    """Why nothing holds them; empty: something does."""
    disk: DiskUse | None = None
    """What the files outside of the repository take; None: not measured yet."""
    usd_today: float
    """Money spent in the last 24 hours, as far as it is known."""


def board_view(db: Database, now: float) -> BoardView:
    """Read the whole board."""
    cards = _cards(db, board_tasks(db), now)
    cards.sort(key=lambda card: (_BOARD_POSITION[card.status], card.since, card.id))
    return BoardView(
        instance=db.state.instance, cards=tuple(cards), waiting=tuple(attention_items(db)),
        problems=tuple(problem_views(db)), undelivered=count_undelivered(db), notes=count_notes(db),
        usd_today=spent_in_24_hours(db, now), disk=measured_disk(db), plans=tuple(plan_views(db)),
        sandbox=db.state.sandbox_level, sandbox_lacks=db.state.sandbox_missing_reason,
    )  # fmt: skip


def with_fault(view: BoardView, fault: str, now: float) -> BoardView:
    """The board of a daemon that cannot work at present, which is what a person has to see to first."""
    item = AttentionItem(kind=AttentionKind.PROBLEM, path="", task="", since=now, what=fault)
    shown = ProblemView(path="", line=0, message=fault, since=now)
    return dataclasses.replace(view, waiting=(item, *view.waiting), problems=(shown, *view.problems))


def card_of(db: Database, row: TaskRow, now: float) -> Card:
    """The card of one task, whether or not the board shows it."""
    return _cards(db, [row], now)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnmetDependency:
    """A dependency that is not met yet."""

    task: str
    status: str
    """Empty: there is no such task."""
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _CardContext:
    """What the cards say beyond their own rows, asked for all of them at once."""

    untrusted: str
    default_agent: str
    """The agent for tasks that name no agent."""
    blocked: Mapping[str, Sequence[_UnmetDependency]]
    problems: Mapping[str, str]
    """What keeps a task from starting, by path."""
    waits: WaitReasons
    """Why ready tasks do not run."""
    runs: Mapping[str, RunRow]
    missing: Mapping[str, str]
    """Why the landing of a task is in neither branch any more, by id."""
    stacked: Mapping[str, Sequence[StackedOn]]
    """What a task builds on that has not landed, by id."""
    holds: Mapping[tuple[str, str], HoldRow]
    """What tasks of sequential plans wait for, by plan and place."""
    awaited: Mapping[HoldRow, Sequence[str]]
    """The tasks that a hold waits for."""

    def hold_of(self, row: TaskRow) -> HoldRow | None:
        """What a task waits for that its plan puts before it."""
        if not self.holds or row.status in OVER:
            return None
        return self.holds.get((row.plan, EVERY_PLACE)) or self.holds.get((row.plan, row.order))


def _cards(db: Database, rows: Sequence[TaskRow], now: float) -> list[Card]:
    context = _card_context(db)
    return [_card(row, context, now) for row in rows]


def _card_context(db: Database) -> _CardContext:
    holds = holds_by_place(db)
    return _CardContext(
        untrusted=db.state.untrusted_reason,
        default_agent=db.state.default_agent,
        blocked=_unmet_by_task(db),
        problems=problem_messages(db, "agent", "graph"),
        waits=wait_reasons(db),
        runs={run.task: run for run in live_runs(db)},
        missing={row.task: row.missing for row in Landings(db).missing()},
        stacked=stacked_tasks(db),
        holds=holds,
        awaited=open_tasks_awaited(db, holds.values()),
    )


def _unmet_by_task(db: Database) -> dict[str, list[_UnmetDependency]]:
    """Unmet dependencies of every task that is not done, by task."""
    found: dict[str, list[_UnmetDependency]] = {}
    for unmet in all_unmet_dependencies(db):
        lost = unmet.status is Status.DONE and unmet.landed
        status = "landed and lost" if lost else str(unmet.status or "")
        found.setdefault(unmet.task, []).append(_UnmetDependency(task=unmet.needed, status=status, since=unmet.since))
    return found


def _card(row: TaskRow, context: _CardContext, now: float) -> Card:
    return Card(
        id=row.id, title=row.title, status=row.status, agent=row.agent or row.agent_used or context.default_agent,
        path=row.path, blocked_by=_blockers(row, context),
        why=_with_stack(row, context, _status_reason(row, context, now)), by=row.by, cost_usd=row.cost_usd,
        tokens=row.input_tokens + row.output_tokens, since=row.since, elsewhere=row.owned_elsewhere, plan=row.plan,
    )  # fmt: skip


def _blockers(row: TaskRow, context: _CardContext) -> tuple[str, ...]:
    """The tasks that it waits for: those it depends on, and those that its plan puts before it."""
    hold = context.hold_of(row)
    found = [unmet.task for unmet in context.blocked.get(row.id, ())]
    return tuple(dict.fromkeys([*found, *(context.awaited[hold] if hold else ())]))


def _with_stack(row: TaskRow, context: _CardContext, why: str) -> str:
    """The reason, and what has to land before the task can."""
    stacked = stack_text(context.stacked.get(row.id, ()))
    if not stacked or STACKED in why or row.status not in ACTIVE | WITH_SUBMISSION:
        return why
    return "; ".join(part for part in (why, f"{stacked}, and lands behind that") if part)


def _status_reason(row: TaskRow, context: _CardContext, now: float) -> str:
    """Why a task stands where it stands, in words; empty when the status says it all."""
    if context.untrusted and row.status not in OVER:
        return context.untrusted
    if row.owned_elsewhere:
        return f"on {row.by}; `coworkd take {row.id}` takes it over"
    if row.file_missing:
        return "its file is away (another branch, a stash, or a deletion that waits)"
    if row.blocked_reason:
        return row.blocked_reason
    match row.status:
        case Status.READY:
            return _not_started_reason(row, context, now)
        case Status.RUNNING:
            return _running_reason(row, context.runs.get(row.id), now)
        case Status.DRAFT if row.requested_status:
            return f"becomes {row.requested_status} in {max(row.request_due_at - now, 0):.0f} s unless the file changes"
        case Status.DONE if row.id in context.missing:
            return context.missing[row.id]
        case Status.REVIEW:
            return row.reason or f"waits for you: reviews/{row.id}.md"
        case _:
            return row.reason


def _not_started_reason(row: TaskRow, context: _CardContext, now: float) -> str:
    if row.from_git:
        return f"came by git; `coworkd ready {row.id}` starts it"
    if problem := context.problems.get(row.path):
        return problem
    if unmet_dependencies := context.blocked.get(row.id):
        return "waits for " + ", ".join(_dependency_text(unmet, now) for unmet in unmet_dependencies)
    if hold := context.hold_of(row):
        return hold.reason
    if row.not_before > now:
        return f"{row.reason}, in {format_duration(row.not_before - now)}"
    return context.waits.of(row.id, row.agent) or row.reason


def _dependency_text(unmet: _UnmetDependency, now: float) -> str:
    standing = f"{unmet.status} since {format_duration(now - unmet.since)}" if unmet.status else "no such task"
    return f"{unmet.task} ({standing})"


def _running_reason(row: TaskRow, run: RunRow | None, now: float) -> str:
    if run is None:
        return row.reason or "what it made is being verified"
    words = {
        RunState.PREPARING: "its worktree is being made",
        RunState.SUBMITTING: "its work is being brought in",
    }
    lacks = (
        f"; it started without {', '.join(run.slot.missing_commits.splitlines())}" if run.slot.missing_commits else ""
    )
    at_work = f"{run.agent} at work for {format_duration(now - run.started)}, attempt {run.attempt}{lacks}"
    # Of a round of a loop the task says which it is and why it is needed, until its agent has asked something.
    return "; ".join(part for part in (words.get(run.state.kind, at_work), row.reason) if part)
