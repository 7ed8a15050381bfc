"""What an agent is told at its start: its task, the thread, the answers it missed, the change it goes on with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from coworkd.agents.port import InboxFile
from coworkd.agents.prompt import (
    AnsweredRequest,
    ConflictBriefing,
    EarlierRound,
    PromptContext,
    ReviewedChange,
    ThreadMessage,
    build_follow_up,
    build_prompt,
)
from coworkd.agents.worker.inbox import render_answer
from coworkd.board.task_board import Board
from coworkd.core.conflict_facts import ConflictFacts, LandedWork, read_conflict_facts
from coworkd.core.model import AgentSpec
from coworkd.core.stack_rules import parents_of
from coworkd.dispatch.executors.slot_results import ShownDiff
from coworkd.dispatch.runs.delivery_rules import inbox_answer
from coworkd.dispatch.runs.loop_rounds import runs_of_earlier_rounds
from coworkd.dispatch.runs.start_rules import loop_of
from coworkd.dispatch.runs.step_briefings import StepBriefings
from coworkd.store import (
    FinishedRun,
    MessageRow,
    RunReason,
    RunRow,
    StepKey,
    SubmissionKey,
    SubmissionRow,
    SubmissionState,
    TaskRow,
)
from coworkd.store.messages import new_messages_of, thread_of
from coworkd.store.requests import used_answers
from coworkd.store.runs import (
    find_run,
    last_ended_run,
    last_run_of_step,
)
from coworkd.store.submissions import conflict_of, find_submission, submissions_of
from coworkd.store.tasks import find_task


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """What an agent is told at its start."""

    prompt: str
    follow_up: str
    """Where its session goes on; empty: it has none."""


class PromptReader:
    """Reads what prompts are made of; used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db
        self._steps = StepBriefings(board.db)

    def build(
        self,
        agent: AgentSpec,
        row: TaskRow,
        run: RunRow,
        messages: Sequence[MessageRow] = (),
        shown: Sequence[ShownDiff] = (),
    ) -> Prompts:
        """For this start of a run; `messages` are those that it hears first, `shown` the changes of other steps."""
        spec = self._board.specs.task(row.path)
        background = replace(self._context(row, run, messages), step=self._steps.briefing(run, shown))
        news = replace(background, thread=[ThreadMessage(sender=m.sender, text=m.body) for m in messages])
        return Prompts(
            prompt=build_prompt(agent, spec, row.title, background),
            follow_up=build_follow_up(news, self._answered_requests(run)) if run.session else "",
        )

    def _answered_requests(self, run: RunRow) -> list[AnsweredRequest]:
        """What people answered while the agent was away."""
        asked = [r for r in used_answers(self._db, run.id) if 0 < r.number >= run.start.epoch]
        return [AnsweredRequest(question=r.text or r.arguments, decision=r.answer, text=r.comment) for r in asked]

    def inbox_answers(self, run: RunRow) -> list[InboxFile]:
        """Every answer that the run was given, for its inbox."""
        used = used_answers(self._db, run.id)
        return [InboxFile(name=r.name, text=render_answer(inbox_answer(r))) for r in used]

    def unread_messages(self, run: RunRow) -> list[MessageRow]:
        """Messages that the run is the first to hear."""
        return new_messages_of(self._db, run.task)

    def _context(self, row: TaskRow, run: RunRow, messages: Sequence[MessageRow]) -> PromptContext:
        thread = thread_of(self._db, row.id)
        said = [
            ThreadMessage(sender=m.sender, text=m.body)
            for m in (*thread, *messages)
            if not (m.sender and m.run == run.id)
        ]
        if run.iteration or run.step:
            # What its own rounds or other steps said comes with these, as far as it is to know: drafts are independent.
            said = [one for one in said if not one.sender]
        rounds = runs_of_earlier_rounds(self._db, run) if run.iteration else []
        reason = row.reason if row.failures else ""
        return PromptContext(
            failure=self._failure_text(run, rounds) or reason, conflict=self._conflict(row, run),
            reviewed=self._reviewed_change(run),
            stacked_on=[parent.task for parent in parents_of(run.slot.stacked_on)],
            thread=said, round=run.iteration, loop=loop_of(run),
            earlier_rounds=[
                EarlierRound(number=r.iteration, continue_reason=r.state.message, reply=r.reply) for r in rounds
            ],
        )  # fmt: skip

    def _failure_text(self, run: RunRow, rounds: Sequence[FinishedRun]) -> str:
        """How the run before this one failed, where the rounds of its loop do not say that; empty: it did not."""
        last = self._run_before(run)
        if last is None or any(last.id == one.id for one in rounds):
            return ""
        if run.conflict and last.conflict == run.conflict:
            return last.state.message
        failed = last.iteration or last.state.reason not in (RunReason.DONE, RunReason.CANCELLED)
        return last.state.message if failed else ""

    def _run_before(self, run: RunRow) -> FinishedRun | None:
        if not run.step:
            return last_ended_run(self._db, run.task, but=run.id)
        return last_run_of_step(self._db, StepKey(run.task, run.attempt, run.step))

    def _conflict(self, row: TaskRow, run: RunRow) -> ConflictBriefing | None:
        """What an agent is told of the conflict that it is to resolve."""
        conflict = conflict_of(self._db, row.id, run.conflict) if run.conflict else None
        if conflict is None:
            return ConflictBriefing(bundle=run.conflict, facts=ConflictFacts()) if run.conflict else None
        author = find_run(self._db, conflict.run)
        return ConflictBriefing(
            bundle=run.conflict, facts=read_conflict_facts(conflict.conflict), landed=self.landed_work(conflict),
            reply=author.reply if author else "", touches=self._board.specs.task(row.path).touches,
        )  # fmt: skip

    def landed_work(self, conflict: SubmissionRow) -> tuple[LandedWork, ...]:
        """What landed on the paths that a submission conflicts over, latest first."""
        tasks = (find_task(self._db, task) for task in read_conflict_facts(conflict.conflict).landed)
        return tuple(self._landed(task) for task in tasks if task)

    def _landed(self, task: TaskRow) -> LandedWork:
        landed = [row for row in submissions_of(self._db, task.id) if row.state is SubmissionState.LANDED]
        author = find_run(self._db, landed[-1].run) if landed else None
        text = self._board.specs.task(task.path).body
        return LandedWork(task=task.id, title=task.title, text=text, reply=author.reply if author else "")

    def _reviewed_change(self, run: RunRow) -> ReviewedChange | None:
        """What an agent is told of the reviewed change that it goes on with."""
        work = find_submission(self._db, SubmissionKey(run.task, run.continues)) if run.continues else None
        if work is None:
            return None
        author = find_run(self._db, work.run)
        return ReviewedChange(
            attempt=work.attempt, files=json.loads(work.files), summary=author.reply if author else ""
        )
