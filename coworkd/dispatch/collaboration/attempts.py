"""Attempts of tasks with a pattern: what the pattern decides on, fixed for the whole attempt, and how far it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coworkd.board.pattern_verdicts import decode_verdict
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import AgentSpec, Budget, PatternName, TaskSpec
from coworkd.core.step_states import StepKind, StepState
from coworkd.core.tries import TryKind, TryResult, TryStep
from coworkd.dispatch.collaboration.estimates import estimate, over_budget_reason
from coworkd.dispatch.patterns.codec import decode_result, decode_spec, decode_step, encode_spec
from coworkd.dispatch.patterns.registry import next_steps
from coworkd.dispatch.patterns.seats import unfit_reason
from coworkd.dispatch.patterns.steps import NextSteps, PatternSpec, Seat
from coworkd.dispatch.patterns.voices import one_voice_notice, voice_shortage
from coworkd.dispatch.scheduling.budget_queries import BudgetReader
from coworkd.dispatch.scheduling.cooldowns import provider_of
from coworkd.store import PatternKey, PatternRow, StepRow, TaskRow
from coworkd.store.events import NewEvent
from coworkd.store.runs import find_run
from coworkd.store.steps import add_pattern, latest_pattern, steps_of
from coworkd.store.submissions import latest_submission
from coworkd.store.usage import past_usages

_SERIES = re.compile(r"[a-z]+")


def is_collaboration(spec: TaskSpec) -> bool:
    """Whether a pattern decides about the task; solo work needs none."""
    return spec.pattern.name is not PatternName.SOLO


def family_of(agent: AgentSpec) -> str:
    """Provider and series of its model, such as `anthropic/claude`; an agent without a model is one by its own name."""
    series = _SERIES.match(agent.model.rpartition("/")[2].lower())
    return f"{provider_of(agent)}/{series.group()}" if series else agent.name


def build_spec(
    row: TaskRow, spec: TaskSpec, author: str, agent_of: Callable[[str], AgentSpec | None], *, writer: str = ""
) -> PatternSpec:
    """What the pattern of the next attempt decides on.

    `writer`: who made the change that the attempt goes on with; empty: it begins from nothing.
    """

    def seat(name: str) -> Seat:
        return Seat(agent=name, family=family_of(agent_of(name) or AgentSpec(name=name)))

    request = spec.pattern
    return PatternSpec(
        task=row.id, attempt=row.attempt + 1, request=request, mode=spec.mode, author=seat(author),
        members=tuple(map(seat, request.members)), judges=tuple(map(seat, request.judges)), continued=bool(writer),
        writer=seat(writer) if writer else None,
    )  # fmt: skip


def green_proposals(steps: Sequence[StepRow]) -> tuple[str, ...]:
    """The steps whose changes have been tried and are green, in the order in which they were asked for."""
    ended = [step for step in steps if step.kind is StepKind.TRY and step.state is StepState.ENDED]
    tried = [(decode_step(step.kind, step.request), decode_result(step.kind, step.result)) for step in ended]
    green = {
        asked.of
        for asked, result in tried
        if isinstance(asked, TryStep)
        and isinstance(result, TryResult)
        and asked.kind is TryKind.CHECKS
        and result.green
    }
    return tuple(step.key for step in steps if step.key in green)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternProgress:
    """Where a pattern stands."""

    row: PatternRow
    spec: PatternSpec
    steps: Sequence[StepRow]
    following: NextSteps


class PatternAttempts:
    """Used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db
        self._budgets = BudgetReader(board)
        self._read: dict[PatternKey, tuple[int, PatternProgress]] = {}
        """What was read last, and how many changes the database had seen by then."""

    def refusal_reason(self, task: str) -> str:
        """Why the pattern of a task cannot begin as it is written; empty: it can."""
        row = self._board.task(task)
        decided = self._next_spec(row)
        return unfit_reason(decided) or voice_shortage(decided) or self._over_budget_reason(row, decided)

    def _over_budget_reason(self, row: TaskRow, decided: PatternSpec) -> str:
        limit, used = self._board.specs.task(row.path).budget, self._budgets.used_by_task(row)
        left = Budget(
            usd=None if limit.usd is None else limit.usd - (used.usd or 0.0),
            tokens=None if limit.tokens is None else limit.tokens - (used.tokens or 0),
        )
        return over_budget_reason(estimate(decided, lambda agent: past_usages(self._db, agent)), left)

    def _next_spec(self, row: TaskRow) -> PatternSpec:
        spec = self._board.specs.task(row.path)
        author, writer = spec.agent or self._board.specs.settings().agent, self._continued_author(row)
        return build_spec(row, spec, author, self._board.specs.agent, writer=writer)

    def begin(self, task: str, now: float) -> int:
        """The number of the attempt that begins; one that was interrupted goes on. Inside of a transaction."""
        row = self._board.task(task)
        latest = latest_pattern(self._db, task)
        if latest is not None and not latest.verdict and not row.fresh_start:
            return latest.attempt
        decided = self._next_spec(row)
        pattern = PatternRow(task=task, attempt=decided.attempt, spec=encode_spec(decided), began=now)
        notice = one_voice_notice(decided)
        data = {"attempt": decided.attempt, "pattern": decided.request.name, "reason": notice}
        add_pattern(self._db, pattern, NewEvent(at=now, kind=EventKind.PATTERN_BEGUN, task=task, data=data))
        return decided.attempt

    def _continued_author(self, row: TaskRow) -> str:
        """Who made the change that was chosen and sent back, by a person or the queue; empty: all begins from nothing.

        A person's `ready` begins from nothing, and so does what followed a verdict without a change.
        """
        chosen = None if row.fresh_start else latest_submission(self._db, row.id)
        run = find_run(self._db, chosen.run) if chosen is not None and chosen.attempt == row.attempt else None
        return run.agent if run is not None and run.step else ""

    def progress(self, row: PatternRow) -> PatternProgress:
        """Its steps, and what follows; asked again only when something in the database has changed."""
        known = self._read.get(row.key)
        if known is not None and known[0] == self._db.changes:
            return known[1]
        spec, steps = decode_spec(row.spec), steps_of(self._db, row.task, row.attempt)
        history = {step.key: decode_result(step.kind, step.result) for step in steps if step.state is StepState.ENDED}
        following = decode_verdict(row.decided) if row.decided else next_steps(spec, history)
        found = PatternProgress(row=row, spec=spec, steps=steps, following=following)
        self._read = {row.key: (self._db.changes, found)} | {k: v for k, v in self._read.items() if k != row.key}
        return found
