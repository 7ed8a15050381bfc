"""Submissions that are held because something is red without them, and the problem that reports it.

One problem for the workspace, however many are held, and one on the file of a task whose own command cannot be run. A
held submission goes back into the queue when the tip, the target, the commands or the settings around them change. A
change of the machine raises no event: the tip is checked again with exponential backoff, and when the daemon starts.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import partial

from coworkd.board.setup_fault import setup_fault
from coworkd.board.task_board import Board
from coworkd.core.check_names import TIP_LOG, check_log
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Problem, Status
from coworkd.core.task_states import WITH_SUBMISSION
from coworkd.merge.blame import red_without_change_reason
from coworkd.merge.check_logs import CheckLogs
from coworkd.merge.integration_jobs import IntegrationJobs
from coworkd.merge.job_values import FailedWithoutChange, Interrupted, TipCheckResult
from coworkd.merge.queue_reader import QueueReader
from coworkd.store import SubmissionKind, SubmissionRow, SubmissionState, TaskRow
from coworkd.store.problems import has_problem, problem_paths, put_problem, remove_problem
from coworkd.store.submissions import held_submissions, move_submission, once_held_submissions, submission_event
from coworkd.sync.effective_specs import CONFIG
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose

RECHECK_AFTER = 2.0
"""Seconds between two turns, in which `BranchWatch` looks at the branches, while anything waits for them to move."""
FIRST_PAUSE, FACTOR, MAX_PAUSE = 30.0, 2.0, 900.0
"""Seconds until the tip is checked again although nothing is known to have changed, and how they grow."""
TIP_CHECK: Job[str, TipCheckResult | Interrupted] = Job(
    name="check of the tip", purpose=Purpose.VERIFICATION, first_pause=FIRST_PAUSE
)
"""Its subject is the command that is checked again."""
SOURCE, _RECHECK_SOURCE = "verification", "check of the tip"
"""Sources of problems: what submissions are held for, and a tip that could not be checked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFor:
    """What a submission was held for, and the state of things in which that was found."""

    tip: str
    target: str
    key: str
    command: str
    own: bool
    reason: str

    def encoded(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Retry:
    """When the tip is checked again for a command."""

    at: float
    times: int = 0


class HeldSubmissions:
    """Holds and releases; used by the writer thread alone."""

    def __init__(
        self, board: Board, jobs: Jobs, integration: IntegrationJobs, queue_reader: QueueReader, logs: CheckLogs
    ) -> None:
        self._board = board
        self._db = board.db
        self._jobs = jobs
        self._integration = integration
        self._queue_reader = queue_reader
        self._logs = logs
        self._retries: dict[str, _Retry] = {}
        self._next_look = 0.0
        self._seen_changes = -1
        jobs.handle(TIP_CHECK, then=self._record_tip_check, failed=self._tip_check_failed)

    # ---- holding

    def hold(self, row: SubmissionRow, value: FailedWithoutChange, now: float) -> None:
        """Hold a submission; inside of the transaction that records its verification."""
        red = value.checks[-1]
        reason = red_without_change_reason(red)
        held = HeldFor(
            tip=value.tip, target=value.target, key=value.key, command=red.command, own=value.own, reason=reason
        )
        event = submission_event(row, now, EventKind.HELD, blame=value.blame, reason=reason)
        move_submission(
            self._db, row, SubmissionState.HELD, event, verified_on=value.tip, message=reason, held=held.encoded(),
            checks=json.dumps([dataclasses.asdict(check) for check in value.checks]),
        )  # fmt: skip
        task = self._board.task(row.task)
        if row.kind is SubmissionKind.WORK and task.status in WITH_SUBMISSION:
            why = f"waits, no attempt is used: {reason}; it goes on by itself when that is repaired"
            self._board.set_status(task, Status.MERGING, why, now)
        self._retries.setdefault(red.command, _Retry(at=now + FIRST_PAUSE))
        if not value.own:
            name, checks = (value.tip_output, value.tip_checks) if value.tip_checks else (row.task, value.checks)
            self._logs.show_tip(name, checks)
        self.update_problems(now)

    def update_problems(self, now: float) -> None:
        """Let the problems say what is held for; inside of a transaction."""
        problems: dict[str, Problem] = {}
        tasks: dict[str, str] = {}
        for row in once_held_submissions(self._db):
            held = HeldFor(**json.loads(row.held))
            task = self._board.task(row.task)
            path = task.path if held.own else CONFIG
            problems[path] = Problem(path=path, line=0, message=_message(held, row, task))
            tasks[path] = task.id if held.own else ""
        for path in problem_paths(self._db, SOURCE) - problems.keys():
            self._board.clear_problems(path, SOURCE)
        for path, problem in problems.items():
            put_problem(self._db, problem, SOURCE, now, tasks[path])

    # ---- going on

    def step(self, now: float, *, busy: bool) -> None:
        """Release what need not be held any more, and look whether that is so; `busy`: no gate is free."""
        rows = held_submissions(self._db)
        if self._db.changes != self._seen_changes:
            self._release([row for row in rows if self._has_changed(row)], now)
            if rows or problem_paths(self._db, SOURCE):
                with self._db.write():
                    self.update_problems(now)
            self._forget_failures(rows)
            self._seen_changes = self._db.changes
        if rows or setup_fault(self._db):
            self._next_look = now + RECHECK_AFTER
        if not rows:
            self._retries.clear()
        elif not busy:
            self._recheck_tip(rows, now)

    def _has_changed(self, row: SubmissionRow) -> bool:
        held = HeldFor(**json.loads(row.held))
        key = self._integration.settings_key(self._queue_reader.verify_request(row))
        return (held.tip, held.target, held.key) != (self._db.state.integration_tip, self._db.state.target_tip, key)

    def _release(self, rows: list[SubmissionRow], now: float) -> None:
        if not rows:
            return
        with self._db.write(durable=True):
            for row in rows:
                event = submission_event(row, now, EventKind.RELEASED)
                move_submission(self._db, row, SubmissionState.QUEUED, event)
                task = self._board.task(row.task)
                if row.kind is SubmissionKind.WORK and task.status is Status.MERGING:
                    self._board.set_status(task, Status.MERGING, "what it made is being verified again", now)

    def _recheck_tip(self, rows: list[SubmissionRow], now: float) -> None:
        """Check the tip for one command whose time has come; after a start of the daemon for each at once."""
        for row in rows:
            command = HeldFor(**json.loads(row.held)).command
            if self._retries.setdefault(command, _Retry(at=now)).at <= now:
                check = partial(self._integration.check_tip, self._queue_reader.verify_request(row), command)
                self._jobs.start(TIP_CHECK, command, check)
                return

    def _record_tip_check(self, command: str, value: TipCheckResult | Interrupted, now: float) -> None:
        self._clear_failures()
        if isinstance(value, TipCheckResult):
            self._record_recheck(command, now, red=value.red)

    def _record_recheck(self, command: str, now: float, *, red: bool) -> None:
        if red:
            times = self._retries[command].times + 1 if command in self._retries else 1
            pause = min(FIRST_PAUSE * FACTOR**times, MAX_PAUSE)
            self._retries[command] = _Retry(at=now + pause, times=times)
            return
        self._retries.pop(command, None)
        rows = held_submissions(self._db)
        self._release([row for row in rows if HeldFor(**json.loads(row.held)).command == command], now)

    def _tip_check_failed(self, command: str, failure: JobFailed, now: float) -> None:
        """The tip could not be checked: nothing is known, and it is tried again."""
        times = self._retries[command].times if command in self._retries else 0
        self._retries[command] = _Retry(at=failure.retry_at, times=times)
        why = f"whether `{command}` is still red without any change is not known: {failure.reason}; {failure.retry}"
        with self._db.write():
            put_problem(self._db, Problem(path=CONFIG, line=0, message=why), _RECHECK_SOURCE, now)

    def _forget_failures(self, rows: list[SubmissionRow]) -> None:
        """A check that failed is no problem any more where nothing is held for its command."""
        commands = {HeldFor(**json.loads(row.held)).command for row in rows}
        for command in self._jobs.failing(TIP_CHECK) - commands:
            self._jobs.forget(TIP_CHECK, command)
        self._clear_failures()

    def _clear_failures(self) -> None:
        """Take the problem back when no check fails any more."""
        if not self._jobs.failing(TIP_CHECK) and has_problem(self._db, CONFIG, _RECHECK_SOURCE):
            with self._db.write():
                remove_problem(self._db, CONFIG, _RECHECK_SOURCE)

    def deadline(self) -> float | None:
        """When to look again; None while nothing is held."""
        if not self._retries:
            return self._next_look if setup_fault(self._db) else None
        return min(self._next_look, *(retry.at for retry in self._retries.values()))


def _message(held: HeldFor, row: SubmissionRow, task: TaskRow) -> str:
    if held.own:
        log = check_log(task.id, len(json.loads(row.checks)))
        return f"{held.reason}. Correct the command, or see that it can be run here; the whole output: {log}"
    return (
        f"{held.reason}. Changes that are red with it wait, and no attempt is used; one that is green lands. Repair it"
        f" on the branch, or correct `verify` or `setup` here: they go on by themselves. The whole output: {TIP_LOG}"
    )
