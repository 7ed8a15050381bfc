"""The merge queue as one turn: reviews asked for and answered, submissions verified and landed one by one."""

from __future__ import annotations

import dataclasses
import difflib
import json
import secrets
import threading
from collections.abc import Callable

from coworkd.board.answers import given_in, put_back
from coworkd.board.board import Board
from coworkd.board.papers import Papers
from coworkd.board.verdict import Ruling, verdict
from coworkd.errors import CoworkError
from coworkd.jobs import Finished, Jobs
from coworkd.markdown import parse
from coworkd.merge.lane import Collides, Green, LandedAt, LandOrder, Lane, Red, Stale, VerifyOrder
from coworkd.merge.queue import Ask, Entry, Land, Verify, next_steps
from coworkd.merge.review import Submitted, render
from coworkd.merge.target import Landed, Refused
from coworkd.model import Check, Gate, MessageKind, Status, TaskSpec
from coworkd.splice import tick
from coworkd.store import (
    Database,
    DocumentRow,
    MessageRow,
    MessageStage,
    RequestKind,
    RequestRow,
    RequestState,
    RunRow,
    SubmissionRow,
    SubmissionState,
    TaskRow,
)
from coworkd.sync.files import digest
from coworkd.sync.thread_in import next_seen

VERIFY = "verify:"
LAND = "landing:"
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
        self._verified = ""
        self._given_up = threading.Event()
        """Set when nobody waits for the present verification any more."""
        self._hindered_until = 0.0

    # ---- one turn

    def step(self, now: float, *, start: bool) -> None:
        """Rule on answered reviews, then take the queue one step further."""
        self._rule(now)
        self._reverts(now)
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
            submission = self._submission(step.task, step.number)
            match step:
                case Ask():
                    self._ask(submission, now)
                case Verify() | Land() if not self._jobs.running(VERIFY) | self._jobs.running(LAND):
                    self._work(step, submission, now)
                case _:
                    pass

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
                self._void(row, now)
            self._set(row, person=person, request=request)
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

    def _submission(self, task: str, number: int) -> SubmissionRow:
        row = self._db.one(SubmissionRow, "task = ? AND number = ?", task, number)
        assert row is not None, "a step names a submission that was read in the same turn"
        return row

    def _set(self, row: SubmissionRow, **columns: str | bool | float | SubmissionState) -> None:
        self._db.set(SubmissionRow, (row.task, row.number), **columns)

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
        if prefix + ":" not in (VERIFY, LAND):
            return False
        row = self._named(rest) if isinstance(finished.value, LandedAt) else self._queued(rest)
        self._verified = "" if self._verified == rest else self._verified
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
                self._set(
                    row, state=SubmissionState.GREEN, candidate=value.candidate, candidate_tree=value.tree,
                    tip=value.tip, checks=_dumped(value.checks), person=row.person or not value.checks,
                )  # fmt: skip
                self._db.event(now, "green", task=row.task, number=row.number, tip=value.tip)
            case Red():
                self._set(
                    row, state=SubmissionState.RED, tip=value.tip, notice=value.reason, checks=_dumped(value.checks)
                )
                self._void(row, now)
                self._db.event(now, "red", task=row.task, number=row.number, reason=value.reason)
            case Collides():
                self._set(
                    row, state=SubmissionState.CONFLICTED, tip=value.tip, notice=value.summary, bundle=value.bundle
                )
                self._void(row, now)
                self._db.event(now, "conflict", task=row.task, number=row.number, summary=value.summary)
            case LandedAt():
                self._landed(row, value, now)
            case _:
                pass

    def _landed(self, row: SubmissionRow, value: LandedAt, now: float) -> None:
        self._set(row, state=SubmissionState.LANDED, landing=value.commit)
        self._db.event(now, "landed", task=row.task, number=row.number, commit=value.commit)
        task = self._board.task(row.task)
        self._tick(task, row)
        self._papers.amend(_review(row.task), {("status",): "landed"})
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

    # ---- reviews

    def _ask(self, row: SubmissionRow, now: float) -> None:
        """Write the review and open the request it stands for; an older review moves aside."""
        task, run = self._board.task(row.task), self._db.one(RunRow, "id = ?", row.run)
        if task.status not in (Status.RUNNING, Status.MERGING, Status.REVIEW):
            return
        request = secrets.token_hex(8)
        checks = [Check(**check) for check in json.loads(row.checks)]
        change = self._lane.change(row.tip, row.candidate)
        what = Submitted(
            task=row.task, title=task.title, attempt=row.attempt, agent=run.agent if run else "", commit=row.commit_id,
            tree=row.candidate_tree, base=row.tip, request=request, level=run.level if run else "none",
            said=run.said if run else "", notices=tuple(row.notice.splitlines()), made=bool(row.tree),
            cost_usd=task.cost_usd, tokens=(task.input_tokens, task.output_tokens),
        )  # fmt: skip
        claims = [item.text for item in self._board.specs.task(task.path).criteria if not item.command]
        with self._db.write(durable=True):
            self._move_aside(row.task, now)
            self._papers.put(_review(row.task), render(what, change, checks, claims), now, lasting=True)
            self._db.execute("DELETE FROM answers WHERE path = ?", _review(row.task))
            self._db.put(
                RequestRow(
                    id=request, task=row.task, run=row.run, kind=RequestKind.MERGE, name="", path=_review(row.task),
                    state=RequestState.OPEN, answer="", comment="", text="", created=now, number=row.number,
                )
            )  # fmt: skip
            self._set(row, request=request)
            self._board.move(row.task, Status.REVIEW, "", now)

    def _move_aside(self, task: str, now: float) -> None:
        """The review of an earlier submission stays beside the new one, under its number."""
        old = self._db.one(DocumentRow, "path = ? AND want_sha != ''", _review(task))
        if old is None:
            return
        number = self._db.scalar("SELECT max(number) FROM requests WHERE path = ?", _review(task)) or 1
        self._papers.put(f"reviews/{task}.{number}.md", old.want, now)

    def _rule(self, now: float) -> None:
        rows = self._db.query(
            "SELECT r.id FROM requests r JOIN answers a ON a.path = r.path"
            " WHERE r.kind = 'merge' AND r.state = 'open' AND a.answer != 'pending'"
        )
        for found in rows:
            request = self._db.one(RequestRow, "id = ?", found["id"])
            assert request is not None
            self._rule_on(request, now)

    def _rule_on(self, request: RequestRow, now: float) -> None:
        given = given_in(self._db, request.path)
        ruling = verdict(request.id, given)
        row = self._submission(request.task, request.number)
        task = self._board.task(request.task)
        if ruling.ruling is Ruling.NONE or task.elsewhere:
            return
        if ruling.ruling in (Ruling.VOID, Ruling.HELD):
            put_back(self._db, self._papers, request.path, ruling, now)
            return
        with self._db.write(durable=True):
            self._use(request, ruling.ruling, now)
            match ruling.ruling:
                case Ruling.APPROVED:
                    self._set(row, approved=True)
                case Ruling.REJECTED:
                    why = f"rejected: {given.comment}" if given.comment else "rejected"
                    self._set(row, state=SubmissionState.RETIRED, notice=why)
                    self._db.set(RunRow, row.run, reason="rejected", message=f"A person {why}")
                    self._board.place(task, Status.FAILED, why, now)
                case _:
                    self._changes(task, row, given.comment, self._written_in(request.path, given.body), now)

    def _use(self, request: RequestRow, ruling: Ruling, now: float) -> None:
        """Single use: the answer is spent in the transaction that acts on it."""
        self._db.set(RequestRow, request.id, state=RequestState.USED, answer=str(ruling))
        self._db.execute("DELETE FROM problems WHERE path = ? AND source = 'answer'", request.path)
        self._db.event(now, "answered", task=request.task, actor="person", request=request.id, answer=ruling)

    def _changes(self, task: TaskRow, row: SubmissionRow, comment: str, written: str, now: float) -> None:
        """Changes are asked for: the comment becomes a message, and a new attempt hears it."""
        self._set(row, state=SubmissionState.RETIRED, notice="changes asked for")
        body = "\n\n".join(part for part in (comment, written) if part) or "Please look at your change once more."
        self._db.put(
            MessageRow(
                path=f"{_review(task.id)}#changes-{row.number}", task=task.id, sender="", kind=MessageKind.REPLY,
                stage=MessageStage.NEW, seen=next_seen(self._db), due=now, run="", reply_to="", body=body, note="",
            )
        )  # fmt: skip
        self._board.place(task, Status.READY, "changes were asked for", now, failures=0, not_before=0.0)

    def _written_in(self, path: str, body: str) -> str:
        """What a person added to the body of a review."""
        kept = self._db.query(
            "SELECT bytes FROM bases WHERE path = ? AND who = 'daemon' ORDER BY at DESC LIMIT 1", path
        )
        if not kept:
            return ""
        ours = parse(kept[0]["bytes"]).body
        added = [line[2:] for line in difflib.ndiff(ours.splitlines(), body.splitlines()) if line.startswith("+ ")]
        return "\n".join(added).strip()

    def _void(self, row: SubmissionRow, now: float) -> None:
        """What was asked about this submission is no longer asked."""
        for request in self._db.all(RequestRow, "id = ? AND state = 'open'", row.request):
            self._db.set(RequestRow, request.id, state=RequestState.VOID)
            self._db.event(now, "request void", task=row.task, request=request.id)

    def _reverts(self, now: float) -> None:
        """`revert` and `apply` in a review are refused until this version can do them."""
        for found in self._db.query("SELECT path, status FROM answers WHERE status IN ('revert', 'apply')"):
            row = self._db.one(DocumentRow, "path = ?", found["path"])
            if row is None:
                continue
            with self._db.write():
                task = self._db.one(TaskRow, "id = ?", row.doc)
                text = f"`status: {found['status']}` is not available in this version; use `git revert` on the landing"
                if task is not None:
                    self._board.problem(dataclasses.replace(task, path=found["path"]), "revert", text, now)

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


def _review(task: str) -> str:
    return f"reviews/{task}.md"


def _dumped(checks: tuple[Check, ...]) -> str:
    return json.dumps([dataclasses.asdict(check) for check in checks])
