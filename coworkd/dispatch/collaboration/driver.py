"""Patterns, turn by turn: what each asks for is recorded and started, and what it has decided is carried out.

Level-triggered: a turn asks each pattern that is at work what follows from the steps that have ended, and starts what
has no run. So a restart in the middle costs nothing but the step that it interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.pattern_verdicts import PatternEnd, PatternVerdict
from coworkd.core.step_states import StepState
from coworkd.core.tries import TryStep
from coworkd.dispatch.collaboration.attempts import PatternAttempts, PatternProgress, green_proposals
from coworkd.dispatch.collaboration.step_starts import PostponedStep, StepStarts
from coworkd.dispatch.collaboration.verdicts import VerdictService
from coworkd.dispatch.patterns.codec import encode_step, kind_of_step
from coworkd.dispatch.patterns.steps import RunStep, Step
from coworkd.dispatch.scheduling.scheduler import Postponed
from coworkd.store import StepRow
from coworkd.store.events import NewEvent
from coworkd.store.runs import live_runs_of
from coworkd.store.start_problems import SOURCE
from coworkd.store.steps import add_step, running_patterns


class PatternDriver:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, starts: StepStarts, verdicts: VerdictService, instance: str) -> None:
        """`instance`: the name under which this daemon works on tasks."""
        self._board = board
        self._db = board.db
        self._starts = starts
        self._verdicts = verdicts
        self._instance = instance
        self._attempts = PatternAttempts(board)

    def begin(self, task: str, agent: str, now: float) -> None:
        """The task is at work from here on; its pattern's first steps start with the next `advance`.

        One whose pattern cannot begin as it is written has a problem instead.
        """
        row = self._board.task(task)
        if reason := self._attempts.refusal_reason(task):
            with self._db.write():
                self._board.add_problem(row, SOURCE, reason, now)
            return
        with self._db.write(durable=True):
            attempt = self._attempts.begin(task, now)
            self._board.clear_problems(row.path, "agent", "graph", "warning")
            self._board.transition(
                task, Status.RUNNING, "", now, attempt=attempt, by=self._instance, agent_used=agent, fresh_start=False
            )  # fmt: skip

    def advance(self, now: float) -> list[Postponed]:
        """Take every pattern that is at work one step further; returns why runs of steps wait."""
        waiting: list[Postponed] = []
        for row in running_patterns(self._db):
            progress = self._attempts.progress(row)
            if isinstance(progress.following, PatternVerdict):
                self._verdicts.apply(progress, progress.following, now)
                continue
            waiting += self._start_steps(progress, progress.following, now)
        return waiting

    def _start_steps(self, progress: PatternProgress, asked: Sequence[Step], now: float) -> list[Postponed]:
        steps = self._record_asked(progress, asked, now)
        postponed = self._starts.start(steps, now)
        if unpaid := self._unpaid_verdict(progress, postponed):
            self._verdicts.apply(progress, unpaid, now)
            return []
        self._show_progress(progress, steps, now)
        return [one.postponed for one in postponed]

    def _unpaid_verdict(self, progress: PatternProgress, postponed: Sequence[PostponedStep]) -> PatternVerdict | None:
        """Where only money is missing and a proposal is green, a person is asked: what was made is not thrown away."""
        short = next((one.postponed.reason for one in postponed if one.for_money), "")
        trying = not isinstance(progress.following, PatternVerdict) and any(
            isinstance(step, TryStep) for step in progress.following
        )
        if not short or trying or live_runs_of(self._db, progress.row.task):
            return None
        green = green_proposals(progress.steps)
        reason = f"{short}; what is green by now may be chosen"
        return PatternVerdict(decision=PatternEnd.UNDECIDED, reason=reason, letters=green) if green else None

    def _record_asked(self, progress: PatternProgress, asked: Sequence[Step], now: float) -> list[StepRow]:
        """The steps that have not ended, as rows: the intent before any effect."""
        known = {step.key: step for step in progress.steps if step.state is StepState.ASKED}
        new = [step for step in asked if step.key not in known]
        if new:
            with self._db.write():
                for step in new:
                    known[step.key] = self._add_step(progress, step, now)
        return [known[step.key] for step in asked]

    def _add_step(self, progress: PatternProgress, step: Step, now: float) -> StepRow:
        row = StepRow(
            task=progress.row.task, attempt=progress.row.attempt, key=step.key, kind=kind_of_step(step),
            request=encode_step(step), asked=now,
        )  # fmt: skip
        data = {"key": step.key, "what": _description(step)}
        add_step(self._db, row, NewEvent(at=now, kind=EventKind.STEP_ASKED, task=row.task, data=data))
        return row

    def _show_progress(self, progress: PatternProgress, steps: Sequence[StepRow], now: float) -> None:
        """The reason of the task says which steps run, and why others wait."""
        task = self._board.task(progress.row.task)
        live = {run.step for run in live_runs_of(self._db, task.id)}
        text = f"{progress.spec.request.name}: {', '.join(_state_text(step, live) for step in steps)}"
        if task.status is Status.RUNNING and task.reason != text:
            self._board.set_status(task, task.status, text, now)


def _description(step: Step) -> str:
    if isinstance(step, RunStep):
        return f"{step.role} by {step.agent}"
    return f"commands on {step.of}"


def _state_text(step: StepRow, live: set[str]) -> str:
    if step.key in live:
        return f"{step.key} runs"
    return f"{step.key} waits ({step.reason})" if step.reason else f"{step.key} follows"
