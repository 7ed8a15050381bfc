"""The merge queue as one turn: reviews asked for and answered, submissions verified and landed one by one."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable

from coworkd.board.board import Board
from coworkd.board.papers import Papers
from coworkd.errors import CoworkError
from coworkd.jobs import Finished, Jobs
from coworkd.merge.change import Change
from coworkd.merge.lane import Collides, Green, LandedAt, LandOrder, Lane, Red, Stale, VerifyOrder
from coworkd.merge.queue import Ask, Entry, Land, Verify, next_steps
from coworkd.merge.reviews import Reviews, review_path
from coworkd.merge.rows import change_submission, submission
from coworkd.merge.target import Landed, Refused
from coworkd.model import Check, Gate, Status, TaskSpec
from coworkd.splice import tick
from coworkd.store import (
    Database,
    DocumentRow,
    SubmissionRow,
    SubmissionState,
    TaskRow,
)
from coworkd.sync.files import digest

VERIFY = "verify:"
LAND = "landing:"
DESCRIBE = "describe:"
HINDERED = 5.0
"""Seconds before git is asked again where it could not do something."""

_PENDING = "s.state IN ('queued', 'green', 'approved', 'red', 'conflicted')"
_OPEN = "state IN ('queued', 'green', 'approved')"
_UNLANDED = (
    "SELECT n.needed FROM needs n JOIN tasks t ON t.id = n.needed WHERE n.task = ?"
    " AND (t.status != 'done' OR (t.landed = '' AND NOT t.closed))"
)


class Merge:
    """The room's only face to the daemon; used by the writer thread alone."""

    def __init__(self, board: Board, jobs: Jobs, lane: Lane) -> None:
        self._board = board
        self._db: Database = board.db
        self._papers = Papers(board.db)
        self._jobs = jobs
        self._lane = lane
        self._reviews = Reviews(board)
        self._verified = ""
        self._given_up = threading.Event()
        """Set when nobody waits for the present verification any more."""
        self._hindered_until = 0.0

    # ---- one turn

    def step(self, now: float, *, start: bool) -> None:
        """Rule on answered reviews, then take the queue one step further."""
        self._reviews.rule(now)
        self._reviews.refuse_reverts(now)
        self._give_up_moot()
        if start and now >= self._hindered_until:
            self._hindered_until = 0.0
            self._find_again(now)
            self._advance(now)

    def deadline(self) -> float | None:
        """When what stood in the queue's way is tried again."""
        return self._hindered_until or None

    def _give_up_moot(self) -> None:
        """A verification whose submission has left the queue need not come to its end."""
        if self._verified and self._queued(self._verified) is None:
            self._given_up.set()

    def _queued(self, name: str) -> SubmissionRow | None:
        """The submission that a job is named after, while it is in the queue."""
        task, _, number = name.rpartition(":")
        return self._db.one(SubmissionRow, f"task = ? AND number = ? AND {_OPEN}", task, int(number))

    def _named(self, name: str) -> SubmissionRow | None:
        """The submission that a job is named after, wherever it stands: what has landed has landed."""
        task, _, number = name.rpartition(":")
        return self._db.one(SubmissionRow, "task = ? AND number = ?", task, int(number))

    def _find_again(self, now: float) -> None:
        """A task in review without a submission has lost its database: the refs have it, and a person is asked anew."""
        lost = (
            "status = 'review' AND NOT elsewhere AND NOT pulled AND NOT gone AND NOT EXISTS"
            f" (SELECT 1 FROM submissions s WHERE s.task = tasks.id AND {_PENDING})"
        )
        for task in self._db.all(TaskRow, lost):
            kept = self._lane.latest(task.id, self._board.specs.settings().integration.branch)
            with self._db.write(durable=True):
                if kept is None:
                    why = "its submission is not to be found; write `ready` for a new attempt"
                    self._board.place(task, Status.PAUSED, why, now)
                    continue
                self._db.put(
                    SubmissionRow(
                        task=task.id, number=kept.number, run="", attempt=task.attempt, base=kept.base,
                        commit_id=kept.commit, tree=kept.tree, state=SubmissionState.QUEUED, candidate="",
                        candidate_tree="", tip="", checks="[]", request="", created=now, notice="", person=True,
                        approved=False, landing="", text_sha="", bundle="",
                    )
                )  # fmt: skip
                self._db.event(now, "submission found again", task=task.id, number=kept.number)

    def _advance(self, now: float) -> None:
        open_ = [row for row in self._db.all(SubmissionRow, _OPEN) if self._present(row)]
        entries = [self._entry(self._as_wished(row, now)) for row in open_]
        if not entries:
            return
        for step in next_steps(entries, self._db.setting("tip")):
            row = submission(self._db, step.task, step.number)
            match step:
                case Ask():
                    self._describe(row)
                case Verify() | Land() if not self._jobs.running(VERIFY) | self._jobs.running(LAND):
                    self._work(step, row, now)
                case _:
                    pass

    def _describe(self, row: SubmissionRow) -> None:
        """Have git say what the candidate changes; the review is written when it has."""
        tip, candidate = row.tip, row.candidate
        self._jobs.start(f"{DESCRIBE}{row.task}:{row.number}", lambda: self._lane.change(tip, candidate))

    def _present(self, submission: SubmissionRow) -> bool:
        """A parked task's results are held."""
        row = self._db.one(TaskRow, "id = ?", submission.task)
        return row is not None and not row.gone

    def _as_wished(self, row: SubmissionRow, now: float) -> SubmissionRow:
        """`approve` and `verify` count at once: who is asked, and whether all that is to be run has been."""
        task = self._board.task(row.task)
        spec, settings = self._board.specs.task(task.path), self._board.specs.settings()
        approve = settings.approve if spec.approve is None else spec.approve
        verified = {check["command"] for check in json.loads(row.checks)}
        green = row.state is SubmissionState.GREEN
        person = Gate.MERGE in approve or not row.tree or (green and not verified)
        if person != row.person:
            row = self._asked_otherwise(row, now, person=person)
        if green and row.tree and not verified.issuperset(self._commands(spec)):
            row = dataclasses.replace(row, tip="")
        return row

    def _asked_otherwise(self, row: SubmissionRow, now: float, *, person: bool) -> SubmissionRow:
        request = row.request if person else ""
        with self._db.write():
            if not person:
                self._reviews.void(row, now)
            change_submission(self._db, row, person=person, request=request)
        return dataclasses.replace(row, person=person, request=request)

    def _commands(self, spec: TaskSpec) -> tuple[str, ...]:
        """Everything that verifies a task: the workspace's commands, its own, and its criteria's."""
        proofs = tuple(item.command for item in spec.criteria if item.command)
        return tuple(dict.fromkeys((*self._board.specs.settings().verify, *spec.verify, *proofs)))

    def _entry(self, row: SubmissionRow) -> Entry:
        task = self._board.task(row.task)
        return Entry(
            task=row.task, number=row.number, state=row.state, tip=row.tip, person=row.person, approved=row.approved,
            asked=bool(row.request), needs=tuple(r["needed"] for r in self._db.query(_UNLANDED, row.task)),
            priority=task.priority, created=row.created,
        )  # fmt: skip

    # ---- verifying and landing

    def _work(self, step: Verify | Land, row: SubmissionRow, now: float) -> None:
        name = f"{row.task}:{row.number}"
        if isinstance(step, Land):
            land = self._land_order(row)
            with self._db.write(durable=True):
                self._db.event(now, "landing", task=row.task, number=row.number, candidate=row.candidate)
            self._jobs.start(LAND + name, lambda: self._lane.land(land))
            return
        order = self._verify_order(row)
        task = self._board.task(row.task)
        if task.status is Status.REVIEW and (row.approved or not row.person):
            with self._db.write():
                self._board.move(task.id, Status.MERGING, "verified again with what has landed since", now)
        given_up = self._given_up = threading.Event()
        if self._jobs.start(VERIFY + name, lambda: self._lane.verify(order, given_up.is_set)):
            self._verified = name

    def _verify_order(self, row: SubmissionRow) -> VerifyOrder:
        settings, task = self._board.specs.settings(), self._board.task(row.task)
        spec = self._board.specs.task(task.path)
        return VerifyOrder(
            task=row.task, title=task.title, attempt=row.attempt, number=row.number, commit=row.commit_id,
            base=row.base, made=bool(row.tree),
            commands=self._commands(spec),
            setup=settings.setup, copy=settings.copy,
            timeout=min(settings.verify_timeout, spec.timeout or settings.verify_timeout),
            branch=settings.integration.branch, target=self._board.specs.target(),
        )  # fmt: skip

    def _land_order(self, row: SubmissionRow) -> LandOrder:
        settings = self._board.specs.settings()
        return LandOrder(
            task=row.task, number=row.number, tip=row.tip, candidate=row.candidate, branch=settings.integration.branch
        )

    def job(self, finished: Finished, now: float) -> bool:
        """A job is over; False if it was none of this room's."""
        prefix, _, rest = finished.key.partition(":")
        if prefix + ":" not in (VERIFY, LAND, DESCRIBE):
            return False
        row = self._named(rest) if isinstance(finished.value, LandedAt) else self._queued(rest)
        self._verified = "" if finished.key == VERIFY + self._verified else self._verified
        if isinstance(finished.error, CoworkError | OSError):
            self._hindered(row, str(finished.error), now)
            return True
        if finished.error is not None:
            raise finished.error
        with self._db.write(durable=True):
            self._remember_tip(finished.value)
            self._unhindered()
            if row is not None:
                self._done(row, finished.value, now)
        return True

    def _hindered(self, row: SubmissionRow | None, why: str, now: float) -> None:
        """Git or the file system is in the way: say so where it is seen, and try again after a while."""
        self._hindered_until = now + HINDERED
        if row is None:
            return
        with self._db.write():
            self._board.problem(self._board.task(row.task), "queue", f"cannot land: {why}", now)

    def _unhindered(self) -> None:
        self._hindered_until = 0.0
        self._db.execute("DELETE FROM problems WHERE source = 'queue'")

    def _remember_tip(self, value: object) -> None:
        match value:
            case Green(tip=tip) | Red(tip=tip) | Collides(tip=tip) | Stale(tip=tip):
                self._db.remember("tip", tip)
            case LandedAt(commit=commit):
                self._db.remember("tip", commit)
            case _:
                pass

    def _done(self, row: SubmissionRow, value: object, now: float) -> None:
        match value:
            case Green():
                change_submission(
                    self._db, row, state=SubmissionState.GREEN, candidate=value.candidate, candidate_tree=value.tree,
                    tip=value.tip, checks=_dumped(value.checks), person=row.person or not value.checks,
                )  # fmt: skip
                self._db.event(now, "green", task=row.task, number=row.number, tip=value.tip)
            case Red():
                change_submission(
                    self._db,
                    row,
                    state=SubmissionState.RED,
                    tip=value.tip,
                    notice=value.reason,
                    checks=_dumped(value.checks),
                )
                self._reviews.void(row, now)
                self._db.event(now, "red", task=row.task, number=row.number, reason=value.reason)
            case Collides():
                change_submission(
                    self._db,
                    row,
                    state=SubmissionState.CONFLICTED,
                    tip=value.tip,
                    notice=value.summary,
                    bundle=value.bundle,
                )
                self._reviews.void(row, now)
                self._db.event(now, "conflict", task=row.task, number=row.number, summary=value.summary)
            case LandedAt():
                self._landed(row, value, now)
            case Change() if row.state is SubmissionState.GREEN and not row.request:
                self._reviews.ask(row, value, now)
            case _:
                pass

    def _landed(self, row: SubmissionRow, value: LandedAt, now: float) -> None:
        change_submission(self._db, row, state=SubmissionState.LANDED, landing=value.commit)
        self._db.event(now, "landed", task=row.task, number=row.number, commit=value.commit)
        task = self._board.task(row.task)
        self._tick(task, row)
        self._papers.amend(review_path(row.task), {("status",): "landed"})
        if task.status is Status.READY or self._board.run(task.id) is not None:
            # Another attempt was asked for in the very moment of landing: it goes on.
            self._board.set(task.id, landed=value.commit[:12])
        elif task.status is not Status.DONE:
            self._board.place(task, Status.DONE, "landed" if row.tree else "nothing had to change", now,
                              landed=value.commit[:12], failures=0, bounces=0)  # fmt: skip

    def _tick(self, task: TaskRow, row: SubmissionRow) -> None:
        """Tick the criteria whose commands were green on what landed."""
        green = {check["command"] for check in json.loads(row.checks)}
        document = self._db.one(DocumentRow, "path = ?", task.path)
        if document is None:
            return
        data = document.want
        for item in self._board.specs.task(task.path).criteria:
            if item.command in green and not item.ticked:
                data = tick(data, item.line)
        self._db.set(DocumentRow, task.path, want=data, want_sha=digest(data))

    # ---- beginning, and the way out

    def recover(self) -> None:
        """After a start: the branch may have moved by a landing that was not recorded."""
        with self._db.write():
            self._db.remember("tip", self._lane.tip(self._board.specs.settings().integration.branch))

    def into_target(self) -> Callable[[], Landed | Refused]:
        """The job that brings the integration branch into its target, with the settings of now."""
        settings = self._board.specs.settings()
        order = VerifyOrder(
            task="land", title="", attempt=0, number=0, commit="", base="", made=False, commands=settings.verify,
            setup=settings.setup, copy=settings.copy, timeout=settings.verify_timeout,
            branch=settings.integration.branch, target=self._board.specs.target(),
        )  # fmt: skip
        return lambda: self._lane.into_target(order)


def _dumped(checks: tuple[Check, ...]) -> str:
    return json.dumps([dataclasses.asdict(check) for check in checks])
