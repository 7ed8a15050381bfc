"""What was found at the integration branch, into the database: where landings are, and what people are told."""

from __future__ import annotations

from collections.abc import Mapping

from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Problem
from coworkd.merge.blame import outcome_text
from coworkd.merge.branch_jobs import BranchReport
from coworkd.merge.branch_rules import BringIn, Collision, LandingFact, Rebuild, Unrelated
from coworkd.merge.git.facts import BranchContext
from coworkd.merge.job_results import ResultRecorder
from coworkd.merge.job_values import Landed
from coworkd.merge.target_entry import collision_reason, red_reason, unrelated_reason
from coworkd.store import SubmissionKey, SubmissionKind, SubmissionRow, SubmissionState
from coworkd.store.landings import Landing, Landings
from coworkd.store.problems import put_problem, remove_problem, remove_task_problems
from coworkd.store.submissions import add_submission, find_submission, update_submission
from coworkd.store.tasks import find_task
from coworkd.sync.effective_specs import CONFIG

SOURCE = "integration"
"""Of problems with the two branches themselves."""
MISSING = "landing"
"""Of problems of tasks whose landing is not where it has to be."""


class BranchRecorder:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, recorder: ResultRecorder) -> None:
        self._board = board
        self._db = board.db
        self._recorder = recorder
        self._landings = Landings(board.db)

    def report(self, report: BranchReport, branches: BranchContext, now: float) -> None:
        """Take in what a look has found."""
        facts = report.state.facts
        with self._db.write(durable=True):
            if report.state.rewritten:
                self._landings.unsettle_all()
            for said in report.moved:
                self._db.event(now, EventKind.INTEGRATION_MOVED, said=said, tip=facts.integration, target=facts.target)
            proofs: Mapping[str, str] = report.rebuilt.proofs if report.rebuilt else {}
            in_place = self._landings.in_place()
            news = [fact for fact in facts.landings if fact.in_target or fact.lost or fact.landing not in in_place]
            for fact in news:
                self._record_landing(fact, facts.target, proofs, now)
            for fact in news:
                self._update_missing(fact, report, branches, now)
            self._db.state.integration_tip = self._db.state.integration_seen_at = facts.integration
            self._db.state.target_tip = facts.target
            self._db.state.recorded_landings = report.state.recorded
            self._db.state.landings_settled_at = facts.target
            self._report_problem(report, branches, now)

    def record_failure(self, why: str, now: float) -> None:
        """Git could not answer: it is asked again."""
        with self._db.write():
            put_problem(
                self._db, Problem(path=CONFIG, line=0, message=f"cannot look at the branches: {why}"), SOURCE, now
            )

    # ---- landings

    def _record_landing(self, fact: LandingFact, target: str, proofs: Mapping[str, str], now: float) -> None:
        """A landing as git has it: one that was not recorded is, one that was merged again has its new commit."""
        landing = fact.landing
        row = find_submission(self._db, SubmissionKey(landing.task, landing.number)) or self._restore_submission(
            landing, now
        )
        if row is None or row.commit_id != landing.submission:
            return
        if row.state is not SubmissionState.LANDED:
            self._recorder.record(row, Landed(commit=landing.commit), now)
        elif row.landing != landing.commit:
            self._record_moved_landing(row, landing.commit, proofs.get(landing.commit, ""), now)
        if fact.in_target:
            self._landings.settle(landing.task, landing.number, target)

    def _restore_submission(self, landing: Landing, now: float) -> SubmissionRow | None:
        """The database was lost, the task's file and the ref agree: it has landed."""
        task = find_task(self._db, landing.task)
        if task is None or not task.landed or not landing.commit.startswith(task.landed):
            return None
        row = SubmissionRow(
            task=task.id, number=landing.number, attempt=task.attempt, base="", commit_id=landing.submission,
            tree=landing.submission, state=SubmissionState.LANDED, created=now, message="found in its ref",
            needs_approval=False, approved=True, landing=landing.commit,
        )  # fmt: skip
        add_submission(self._db, row)
        return row

    def _record_moved_landing(self, row: SubmissionRow, commit: str, proof: str, now: float) -> None:
        """The landing was merged again; `proof` is of that merge, empty where a person made it."""
        update_submission(self._db, row, landing=commit, merge_proof=proof)
        self._db.event(
            now, EventKind.LANDED_AGAIN, task=row.task, number=row.number, commit=commit, was=row.landing, proof=proof
        )
        task = find_task(self._db, row.task)
        if task is not None and task.landed and row.landing.startswith(task.landed):
            self._board.update(task.id, landed=commit[:12])
        elif task is not None and task.reverted and row.landing.startswith(task.reverted):
            self._board.update(task.id, reverted=commit[:12])

    def _update_missing(self, fact: LandingFact, report: BranchReport, branches: BranchContext, now: float) -> None:
        row = self._landings.latest(fact.landing.task)
        if row is None or row.number != fact.landing.number:
            return
        gone = fact.lost and not isinstance(report.move, Rebuild) and not self._is_lost_with_original(row, report)
        why = self._missing_reason(row, report, branches) if gone else ""
        if why == row.missing:
            return
        self._landings.set_missing(row.task, row.number, why)
        self._show_missing(row.task, why, now)
        if not (why and row.missing):
            kind = EventKind.LANDING_MISSING if why else EventKind.LANDING_FOUND
            self._db.event(now, kind, task=row.task, commit=row.landing)

    def _is_lost_with_original(self, row: SubmissionRow, report: BranchReport) -> bool:
        """A revert that fell out together with what it took back."""
        if row.kind is not SubmissionKind.REVERT:
            return False
        others = [
            f for f in report.state.facts.landings if f.landing.task == row.task and f.landing.number < row.number
        ]
        return all(other.lost for other in others)

    def _missing_reason(self, row: SubmissionRow, report: BranchReport, branches: BranchContext) -> str:
        what = (
            f"the revert {row.landing[:12]}" if row.kind is SubmissionKind.REVERT else f"its landing {row.landing[:12]}"
        )
        failed = [f.reason for f in (report.rebuilt.failed if report.rebuilt else ()) if f.commit == row.landing]
        again = f"`coworkd ready {row.task}` does it again"
        if failed:
            return f"{what} could not be merged again after {branches.target} lost commits: {failed[0]}; {again}"
        said = f"{what} is in neither {branches.branch} nor {branches.target} any more"
        if row.missing and not row.missing.startswith(said):
            return row.missing  # why it could not be merged again is known to the look that tried it alone
        return f"{said}{_restore_hint(report, branches)}; {again}"

    def _show_missing(self, task: str, why: str, now: float) -> None:
        row = find_task(self._db, task)
        if row is None:
            return
        if why:
            self._board.add_problem(row, MISSING, why, now)
        else:
            remove_task_problems(self._db, task, MISSING)

    # ---- the branches themselves

    def _report_problem(self, report: BranchReport, branches: BranchContext, now: float) -> None:
        message = _branch_problem(report, branches)
        if message:
            put_problem(self._db, Problem(path=CONFIG, line=0, message=message), SOURCE, now)
        else:
            remove_problem(self._db, CONFIG, SOURCE)
        halted = message if isinstance(report.move, Rebuild | Unrelated) else ""
        if halted != self._db.state.integration_halt:
            self._db.state.integration_halt = halted


def _restore_hint(report: BranchReport, branches: BranchContext) -> str:
    """What to type to have lost landings back without losing anything else; empty: no command does that."""
    if report.restoring_landing:
        return f"; `git branch -f {branches.branch} {report.restoring_landing[:12]}` puts it back"
    if report.state.facts.handmade and not isinstance(report.move, Unrelated):
        return ""
    return f"; `git branch -D {branches.branch}` has the branch made again with it"


def _branch_problem(report: BranchReport, branches: BranchContext) -> str:
    """What is wrong with the branches, and what to type; empty: nothing is."""
    match report.move:
        case Collision(paths=paths):
            return collision_reason(branches.target, branches.branch, paths)
        case BringIn() if report.red:
            return red_reason(report.red, branches.target)
        case Unrelated():
            return unrelated_reason(branches.target, branches.branch)
        case Rebuild():
            return _rebuild_problem(report, branches)
        case _:
            return _left_out_text(report)


def _rebuild_problem(report: BranchReport, branches: BranchContext) -> str:
    what = f" ({', '.join(report.dropped)})" if report.dropped else ""
    lost = f"{branches.target} lost commits that {branches.branch} had taken from it{what}"
    lost = lost if report.state.facts.integration else f"{branches.branch} is gone"
    if report.red is None:
        return f"{lost}: what has landed is being merged again for it, and nothing starts or lands until then"
    red = f"`{report.red.command}`: {outcome_text(report.red)}"
    return f"{lost}, and what has landed is red as merged again: {red}; repair that on {branches.target}"


def _left_out_text(report: BranchReport) -> str:
    left = [f"{f.commit[:12]} ({f.reason})" for f in (report.rebuilt.failed if report.rebuilt else ()) if not f.landing]
    return f"commits made by hand could not be merged again: {', '.join(left)}; cherry-pick them" if left else ""
