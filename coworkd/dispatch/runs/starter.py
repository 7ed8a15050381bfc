"""Starting runs: intent first, then the slot as a job, then the agent."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from coworkd.agents.port import Assignment
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.stacks import stack_of
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import AgentSpec, ApprovalPoint, Mode, SandboxLevel, Status, TaskSpec
from coworkd.core.runs import AgentStart, PreparingState, RunSlot, WorkingState
from coworkd.core.stack_rules import Stack
from coworkd.dispatch.executors.port import Executor
from coworkd.dispatch.executors.run_paths import RunPaths
from coworkd.dispatch.executors.slot_results import (
    ConflictNotes,
    PrepareResult,
    ReviewedWork,
    SlotDeferred,
    SlotReady,
    SlotRequest,
)
from coworkd.dispatch.patterns.steps import RunStep, StepTree
from coworkd.dispatch.runs.delivery_rules import waiting_seconds
from coworkd.dispatch.runs.grants import Grants
from coworkd.dispatch.runs.interruption_message import begun_again_message
from coworkd.dispatch.runs.loop_rounds import runs_of_earlier_rounds
from coworkd.dispatch.runs.loop_rules import round_description
from coworkd.dispatch.runs.prompts import PromptReader, Prompts
from coworkd.dispatch.runs.start_rules import (
    NO_LOOP,
    budget_left,
    loop_to_run,
    lowest_free,
    lowest_level,
    round_to_run,
    run_timeout,
    run_to_continue,
    session_to_resume,
)
from coworkd.dispatch.runs.step_briefings import StepBriefings
from coworkd.dispatch.runs.step_places import start_place
from coworkd.dispatch.runs.step_rules import step_mode
from coworkd.dispatch.scheduling.budget_queries import BudgetReader
from coworkd.dispatch.scheduling.budget_rules import BudgetExhausted
from coworkd.dispatch.scheduling.cooldowns import provider_of
from coworkd.dispatch.scheduling.sandbox_notices import SandboxNotices
from coworkd.store import FinishedRun, RunRow, StepRow, SubmissionKey, TaskRow
from coworkd.store.events import NewEvent
from coworkd.store.landings import Landings
from coworkd.store.runs import (
    add_run,
    find_ended_run,
    get_run,
    last_ended_run,
    last_run_of_step,
    move_run,
    run_event,
    slots_in_use,
)
from coworkd.store.stacks import stacked_submissions
from coworkd.store.submissions import conflict_of, find_submission, latest_submission, work_to_continue
from coworkd.sync.disk.folder import digest
from coworkd.system.background_jobs import Job, Jobs, Purpose
from coworkd.system.sandbox.policy import UNCONFINED, Confinement, SandboxCapabilities
from coworkd.system.work_environment import slot_variables, with_caches

PREPARE: Job[str, PrepareResult] = Job(name="slot", purpose=Purpose.SLOT, first_pause=0)
"""Makes a slot ready for a run; its subject is the run."""


class RunStarter:
    """Takes a task from ready to an agent at work."""

    def __init__(
        self,
        board: Board,
        executor: Executor,
        jobs: Jobs,
        places: RunPaths,
        prepare: Callable[[SlotRequest], PrepareResult],
        means: Callable[[], SandboxCapabilities] = lambda: UNCONFINED,
    ) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._executor = executor
        self._jobs = jobs
        self._places = places
        self._prepare = prepare
        self._means = means
        self._grants = Grants(board)
        self._holding = SandboxNotices(board, means)
        self._budgets = BudgetReader(board)
        self._landings = Landings(board.db)
        self._prompts = PromptReader(board)
        self._steps = StepBriefings(board.db)

    @property
    def instance(self) -> str:
        """The name under which this daemon works on tasks."""
        return self._places.instance

    def start(
        self, task: str, agent: str, now: float, *, conflict: str = "", instead_of: str = ""
    ) -> BudgetExhausted | None:
        """Commit to a run of this task; the slot is made next. Other runs of the task may be live.

        What it may use at most is reserved with that; where there is nothing to reserve, nothing starts.
        """
        row = self._board.task(task)
        spec = self._board.specs.agent(agent) or AgentSpec(name=agent)
        reserved = self._budgets.reserve(row, spec, now)
        if isinstance(reserved, BudgetExhausted):
            return reserved
        task_spec = self._board.specs.task(row.path)
        last = self._previous_run(row)
        loop = None if conflict else loop_to_run(last, row.attempt + 1, task_spec.loop)
        origin, terms = run_to_continue(last, agent, loop=loop is not None), loop or NO_LOOP
        iteration = round_to_run(last, loop=loop is not None)
        run = RunRow(
            id=secrets.token_hex(4), task=task, attempt=row.attempt + 1, agent=agent,
            state=PreparingState(), started=now,
            slot=RunSlot(number=lowest_free(slots_in_use(self._db))),
            start=AgentStart(sandbox_level=self._means().level), conflict=conflict, mode=task_spec.mode,
            session=session_to_resume(origin, agent), origin=origin.id if origin else "", model=spec.model,
            provider=provider_of(spec), billing=spec.billing, fallback=instead_of,
            reserved_usd=reserved.left.usd, iteration=iteration,
            promise=terms.promise, max_rounds=terms.max_iterations, give_up=terms.give_up, round_delay=terms.delay,
            continues=0 if row.fresh_start or conflict else self._reviewed_number(task),
        )  # fmt: skip
        with self._db.write(durable=True):
            self._record_run(run, row, spec, now)
        self.prepare_slot(run)
        return None

    def start_step(
        self, row: StepRow, step: RunStep, agent: str, now: float, *, wave: int, instead_of: str = ""
    ) -> BudgetExhausted | None:
        """Commit to a run of a step of a pattern; its slot is made next.

        `wave`: how many steps share what is left of the task's budget, this one included.
        """
        task = self._board.task(row.task)
        spec = self._board.specs.agent(agent) or AgentSpec(name=agent)
        reserved = self._budgets.reserve(task, spec, now, wave=wave)
        if isinstance(reserved, BudgetExhausted):
            return reserved
        before = last_run_of_step(self._db, row.step_key)
        origin = run_to_continue(before, agent, loop=False)
        run = RunRow(
            id=secrets.token_hex(4), task=row.task, attempt=row.attempt, agent=agent, step=row.key, role=step.role,
            state=PreparingState(), started=now, slot=RunSlot(number=lowest_free(slots_in_use(self._db))),
            start=AgentStart(sandbox_level=self._means().level),
            mode=Mode.ANSWER if row.asked_again else step_mode(step, self._board.specs.task(task.path).mode),
            session=session_to_resume(origin, agent), origin=origin.id if origin else "", model=spec.model,
            provider=provider_of(spec), billing=spec.billing, fallback=instead_of, reserved_usd=reserved.left.usd,
            continues=self._reviewed_number(row.task) if step.tree is StepTree.CONTINUE and not step.of else 0,
        )  # fmt: skip
        with self._db.write(durable=True):
            add_run(self._db, run)
            self._record_begun(run, spec, now)
        self.prepare_slot(run)
        return None

    def _record_run(self, run: RunRow, row: TaskRow, spec: AgentSpec, now: float) -> None:
        """Write that there is a run of the task, and that the task is at work; inside of a transaction."""
        add_run(self._db, run)
        self._record_begun(run, spec, now)
        self._board.clear_problems(row.path, "agent", "graph", "warning")
        self._board.transition(
            run.task, Status.RUNNING, self._round_description(run), now, attempt=run.attempt, by=self._places.instance,
            agent_used=run.agent, fresh_start=False,
        )  # fmt: skip

    def _record_begun(self, run: RunRow, spec: AgentSpec, now: float) -> None:
        self._holding.record_agent(run.agent, spec.sandbox.mode, now)
        self._db.event(
            now,
            EventKind.RUN_BEGUN,
            task=run.task,
            run=run.id,
            agent=run.agent,
            attempt=run.attempt,
            level=run.start.sandbox_level,
        )

    def _round_description(self, run: RunRow) -> str:
        """Which round of a loop it is and why that is needed, in words; empty: of none."""
        before = runs_of_earlier_rounds(self._db, run) if run.iteration else []
        return round_description(run, before[-1] if before else None)

    def _reviewed_number(self, task: str) -> int:
        """The number of the reviewed change that the next attempt goes on with; 0: there is none."""
        work = work_to_continue(self._db, task)
        return work.number if work else 0

    def _previous_run(self, row: TaskRow) -> FinishedRun | None:
        """The run before this one; None where the task starts from nothing.

        One that ended before its slot was ready has left nothing: what it was to go on with is gone on with.
        """
        last = None if row.fresh_start else self._last_run_for_task(row.id)
        if last is None or last.slot.base or not last.origin:
            return last
        return find_ended_run(self._db, last.origin)

    def _last_run_for_task(self, task: str) -> FinishedRun | None:
        """The run of a task that ended last; after a pattern the one whose change it chose."""
        last = last_ended_run(self._db, task)
        if last is None or not last.step:
            return last
        chosen = latest_submission(self._db, task)
        return find_ended_run(self._db, chosen.run) if chosen else None

    def record_sandbox_status(self, now: float) -> None:
        """Note what there is to hold agents with, before the first of them starts."""
        self._holding.record(now)

    def prepare_slot(self, run: RunRow) -> None:
        """Have the slot of a run made ready; asking again while that goes on changes nothing."""
        settings = self._board.specs.settings()
        latest = latest_submission(self._db, run.task) if run.conflict else None
        origin = find_ended_run(self._db, run.origin) if run.origin and not latest else None
        # A session goes on with its files as they were, which are the reviewed work.
        continued = SubmissionKey(run.task, run.continues)
        reviewed = find_submission(self._db, continued) if run.continues and not origin else None
        place = start_place(self._db, run, origin)
        stack = Stack() if latest or place.start_from else stack_of(self._db, run.task)
        if stack.obstacle:
            deferred = SlotDeferred(reason=f"waits: {stack.obstacle}")
            self._db.after_commit(lambda: self._jobs.start(PREPARE, run.id, lambda: deferred))
            return
        request = SlotRequest(
            number=run.slot.number, task=run.task, run=run.id, attempt=run.attempt, epoch=run.start.epoch,
            agent=run.agent, start_from=latest.commit_id if latest else place.start_from,
            restore=place.restore, tip=latest.tip_to_merge if latest else "",
            reviewed=ReviewedWork(commit=reviewed.commit_id, base=reviewed.base) if reviewed else None,
            branch=settings.integration.branch, target=self._board.specs.target(),
            setup=settings.setup, copy=settings.copy, sandbox=settings.sandbox, caches=settings.caches,
            known=self._landings.known(), needed=self._landings.needed_by(run.task),
            conflict=self._conflict_notes(run), stack=stacked_submissions(self._db, stack.parents),
            stacked_on=latest.stacked_on if latest else place.stacked_on or stack.encoded,
            shown=self._steps.changes(run),
        )  # fmt: skip
        self._db.after_commit(lambda: self._jobs.start(PREPARE, run.id, lambda: self._prepare(request)))

    def _conflict_notes(self, run: RunRow) -> ConflictNotes | None:
        """What the description of the conflict is to say beside what git knows; None: there is no conflict."""
        conflict = conflict_of(self._db, run.task, run.conflict) if run.conflict else None
        if conflict is None:
            return None
        touches = self._board.specs.task(self._board.task(run.task).path).touches
        return ConflictNotes(bundle=Path(run.conflict), landed=self._prompts.landed_work(conflict), touches=touches)

    def start_agent(self, run: RunRow, slot: SlotReady, now: float) -> None:
        """The slot is there: hand the run to the executor, with everything that was said so far."""
        row = self._board.task(run.task)
        spec = self._board.specs.task(row.path)
        agent = self._board.specs.agent(run.agent)
        assert agent is not None, "an agent that has gone is found before a run starts"
        lacks = "\n".join(slot.lacks) or run.slot.missing_commits
        place = replace(run.slot, base=slot.base, missing_commits=lacks, stacked_on=slot.stacked_on)
        run = replace(run, slot=place)
        messages = self._prompts.unread_messages(run)
        words = self._prompts.build(agent, row, run, messages, slot.shown)
        with self._db.write(durable=True):
            for message in messages:
                self._documents.mark_delivered(message, run.id, now)
            self._record_start(run, spec, now)
        self._submit(run, agent, spec, slot.worktree, words)

    def resume(self, run: RunRow, now: float) -> None:
        """Start the agent of a waiting run again, in its slot as it left it, with the answers in its inbox."""
        worktree = self._places.worktree(run.slot.number)
        if not worktree.is_dir():
            self._begin_again(run, now)
            return
        row = self._board.task(run.task)
        spec, agent = self._board.specs.task(row.path), self._board.specs.agent(run.agent)
        assert agent is not None, "an agent that has gone is found before a run goes on"
        words = self._prompts.build(agent, row, run)
        with self._db.write(durable=True):
            live = replace(run.live, waiting_seconds=waiting_seconds(run, now))
            self._record_start(replace(run, live=live), spec, now)
        self._submit(run, agent, spec, worktree, words)

    def _record_start(self, run: RunRow, spec: TaskSpec, now: float) -> None:
        """Write that the agent starts, and what belongs to this start of it; inside of a transaction."""
        epoch = run.start.epoch + 1
        start = AgentStart(
            epoch=epoch, at=now, log=str(self._places.run_dir(run.id, epoch)), text_sha=digest(spec.body.encode()),
            sandbox_level=lowest_level(run, self._means().level),
        )  # fmt: skip
        event, live = _agent_started(run, now), replace(run.live, last_event_at=now)
        move_run(
            self._db, run.id, WorkingState(), event, slot=run.slot, start=start, live=live
        )  # fmt: skip

    def _begin_again(self, run: RunRow, now: float) -> None:
        """Its slot is gone, and with it what its session knew of: the run begins again."""
        why = "its slot is gone"
        with self._db.write(durable=True):
            self._documents.add_interruption(run, begun_again_message(run, why), now)
            move_run(
                self._db, run.id, PreparingState(),
                run_event(run, now, EventKind.RUN_BEGUN_AGAIN, reason=why),
                session="", origin="", start=replace(run.start, offset=0),
            )  # fmt: skip
        self.prepare_slot(get_run(self._db, run.id))

    def _submit(self, run: RunRow, agent: AgentSpec, spec: TaskSpec, worktree: Path, words: Prompts) -> None:
        epoch, used = run.start.epoch + 1, self._budgets.used_by_task(self._board.task(run.task))
        budget = budget_left(run, spec.budget, used)
        self._executor.submit(
            Assignment(
                run=run.id, task=run.task, attempt=run.attempt, epoch=epoch, agent=agent, prompt=words.prompt,
                follow_up=words.follow_up,
                worktree=str(worktree), run_dir=str(self._places.run_dir(run.id, epoch)),
                home=str(self._places.home(run.agent)), timeout=run_timeout(agent, spec, budget),
                stall=agent.limits.stall, output_limit=agent.limits.output,
                inbox=tuple(self._prompts.inbox_answers(run)), conflict=run.conflict, repo_id=self._places.repo_id,
                recording=self._recording_path(agent), resume=run.session, mode=run.mode,
                step=run.step, role=run.role if run.step else "",
                ask_tools=ApprovalPoint.TOOLS in self._approval_points(spec),
                granted=self._grants.patterns(run.task, run.agent), budget=budget,
                variables=tuple(slot_variables(self._places.state, run.slot.number).items()),
                confinement=self._confinement(run, worktree),
            )
        )  # fmt: skip

    def _confinement(self, run: RunRow, worktree: Path) -> Confinement | None:
        """What holds everything that the run starts."""
        means = self._means()
        if means.level is SandboxLevel.NONE:
            return None
        own = Confinement(means=means, run=run.id, workdir=str(worktree), readable=self._places.stores)
        return with_caches(own, self._places.state, worktree.parent)

    def _approval_points(self, spec: TaskSpec) -> frozenset[ApprovalPoint]:
        return self._board.specs.settings().approve if spec.approve is None else spec.approve

    def _recording_path(self, agent: AgentSpec) -> str:
        return str(self._places.root / ".cowork" / agent.recording) if agent.recording else ""


def _agent_started(run: RunRow, now: float) -> NewEvent:
    below = {"on": f"stacked on {run.slot.stacked_on}"} if run.slot.stacked_on else {}
    return run_event(run, now, EventKind.AGENT_STARTED, agent=run.agent, start=run.start.epoch + 1, **below)
