"""Applying what follows for a step of a pattern: its row, its event, its agent's cooldown. Inside of a transaction."""

from __future__ import annotations

from collections.abc import Callable

from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.dispatch.patterns.codec import encode_result
from coworkd.dispatch.runs.effects import AskAgain, CoolDown, EndStep, RetryStep, StepEffect
from coworkd.dispatch.scheduling.agent_selection import AgentSelector
from coworkd.store import FinishedRun, StepKey, StepRow
from coworkd.store.runs import run_event
from coworkd.store.steps import end_step, get_step, update_step


class StepEffects:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, agents: AgentSelector, jitter: Callable[[], float]) -> None:
        self._board = board
        self._db = board.db
        self._agents = agents
        self._jitter = jitter

    def apply(self, run: FinishedRun, effect: StepEffect, now: float) -> None:
        step = get_step(self._db, StepKey(run.task, run.attempt, run.step))
        match effect:
            case EndStep():
                self._end(run, step, effect, now)
            case RetryStep(reason=reason, not_before=not_before, failures=failures):
                failed = step.failures if failures is None else failures
                update_step(self._db, step, reason=reason, not_before=not_before, failures=failed)
            case AskAgain(reason=reason, work=work):
                update_step(
                    self._db, step, reason=reason, not_before=now, asked_again=True, run=run.id, number=work.number,
                    commit_id=work.commit, tree=work.tree, base=work.base,
                )  # fmt: skip
            case CoolDown():
                self._cool_down(run, step, effect, now)

    def _end(self, run: FinishedRun, step: StepRow, effect: EndStep, now: float) -> None:
        work, data = effect.work, {"key": step.key, "outcome": effect.result.outcome, "reason": effect.result.reason}
        event = run_event(run, now, EventKind.STEP_ENDED, **data)
        end_step(
            self._db, step, encode_result(effect.result), event, run=run.id, number=work.number,
            commit_id=work.commit, tree=work.tree, base=work.base,
        )  # fmt: skip

    def _cool_down(self, run: FinishedRun, step: StepRow, effect: CoolDown, now: float) -> None:
        """The agent that the step asks for stays the same: who stands in for it is chosen at each start."""
        agent = self._agents.agent(run.agent)
        if effect.stop or agent is None:
            self._agents.stops.stop(run, effect.error, effect.reason, now)
        else:
            backoff = self._board.specs.settings().backoff
            self._agents.cooldowns.start(agent, run, effect.error, backoff, now, self._jitter())
        reason = f"{run.agent} is unavailable ({effect.error.replace('_', ' ')})"
        update_step(self._db, step, reason=reason, not_before=now)
