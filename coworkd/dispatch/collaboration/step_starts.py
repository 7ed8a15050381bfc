"""Starts the runs that patterns have asked for, as capacity, agents and budgets allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.board.task_board import Board
from coworkd.core.step_states import StepKind, StepState
from coworkd.dispatch.patterns.codec import decode_run_step
from coworkd.dispatch.runs.starter import RunStarter
from coworkd.dispatch.scheduling.agent_selection import AgentSelector, choice_event
from coworkd.dispatch.scheduling.budget_rules import BudgetExhausted
from coworkd.dispatch.scheduling.capacity import CapacityReader
from coworkd.dispatch.scheduling.scheduler import Postponed
from coworkd.store import StepRow
from coworkd.store.events import add_event
from coworkd.store.runs import live_runs_of
from coworkd.store.steps import update_step


@dataclass(frozen=True, slots=True, kw_only=True)
class PostponedStep:
    """A run that does not start now."""

    postponed: Postponed
    for_money: bool = False
    """What is left of a budget does not allow it; nothing else stands in its way."""


class StepStarts:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, starter: RunStarter, capacity: CapacityReader) -> None:
        self._board = board
        self._db = board.db
        self._starter = starter
        self._capacity = capacity
        self._agents = AgentSelector(board)

    def start(self, steps: Sequence[StepRow], now: float) -> list[PostponedStep]:
        """Start the runs of these steps of one attempt that may start; returns why the others wait."""
        live = {run.step for run in live_runs_of(self._db, steps[0].task)} if steps else set[str]()
        due = [
            step
            for step in steps
            if step.kind is StepKind.RUN and step.state is StepState.ASKED and step.key not in live
        ]
        waiting: list[PostponedStep] = []
        for place, step in enumerate(due):
            postponed = self._start(step, len(due) - place, now)
            if postponed is not None:
                waiting.append(postponed)
                self._store_reason(step, postponed.postponed.reason)
        return waiting

    def _start(self, row: StepRow, wave: int, now: float) -> PostponedStep | None:
        if row.not_before > now:
            pause = Postponed(reason=row.reason or "waits before its next run", until=row.not_before)
            return PostponedStep(postponed=pause)
        step = decode_run_step(row.request)
        choice = self._agents.select_for(step.agent, now)
        if postponed := self._capacity.start_postponement(row.task, choice.agent, now):
            return PostponedStep(postponed=postponed)
        instead_of = "" if choice.agent == step.agent else step.agent
        event = choice_event(row.task, choice.agent, step.agent, self._agents.cooldown(step.agent), now)
        with self._db.write(durable=True):
            if event is not None:
                add_event(self._db, event)
            short = self._starter.start_step(row, step, choice.agent, now, wave=wave, instead_of=instead_of)
        if not isinstance(short, BudgetExhausted):
            return None
        return PostponedStep(postponed=Postponed(reason=short.reason, until=short.until), for_money=True)

    def _store_reason(self, step: StepRow, reason: str) -> None:
        if step.reason != reason:
            with self._db.write():
                update_step(self._db, step, reason=reason)
