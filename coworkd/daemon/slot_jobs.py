"""Slots as dispatch wants them: made ready for a run, emptied of what it left.

Blocking; called from job threads only. Requests go in, values come out: `dispatch` and `slots` do not know each other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from coworkd.core.errors import CoworkError, RepoError, printable
from coworkd.core.machine_faults import MachineFault, MachineFaultError, disk_full_fault, fault_of
from coworkd.core.model import Check, RiskLevel
from coworkd.core.policy.tool_risk import level_of
from coworkd.core.start_faults import StartFault, StartFaultKind, UnfitRepositoryError, start_fault_of
from coworkd.core.text_formats import last_line
from coworkd.daemon.setup_runs import SetupRuns
from coworkd.dispatch.collaboration.verdicts import ChosenChange
from coworkd.dispatch.executors.slot_results import (
    EmptyRequest,
    FinishRequest,
    FinishResult,
    Imported,
    MachineFailed,
    NoChanges,
    SavedWork,
    ShownChange,
    ShownDiff,
    SlotDeferred,
    SlotFailed,
    SlotReady,
    SlotRequest,
)
from coworkd.merge.branch_jobs import NoBase, RunBase
from coworkd.merge.continuation import continuation
from coworkd.merge.git.change_summary import summarise_change
from coworkd.merge.git.conflict_bundle import add_notes
from coworkd.merge.git.facts import BranchContext
from coworkd.merge.reviews.change_risk import risk_features
from coworkd.slots import setup_commands, slot, submission
from coworkd.slots.nested import nested_notice
from coworkd.store.landings import NeededLanding
from coworkd.store.stacks import StackedSubmission
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, base_ref, checked_out, submission_ref, task_branch, update_refs
from coworkd.system.git.repo_pool import RepoPool
from coworkd.system.sandbox.policy import UNCONFINED, SandboxCapabilities
from coworkd.system.storage import storage_fault

_SHOWN_LINES = 1500
"""Lines of a diff that one agent is shown of another's change."""


class SlotJobs:
    """The slots of one repository; safe to call from any thread."""

    def __init__(
        self,
        root: Path,
        state: Path,
        base: Callable[[BranchContext, Sequence[NeededLanding], Sequence[StackedSubmission]], RunBase | NoBase],
        stopping: threading.Event,
        means: Callable[[], SandboxCapabilities] = lambda: UNCONFINED,
    ) -> None:
        """`state` is the workspace's own folder there, and its name the mark of the workspace's processes."""
        self._root = root
        self._repos = RepoPool(root)
        self._state = state
        self._means = means
        self._base = base
        self._setup = SetupRuns(state=state, means=means, stopping=stopping)
        self._locks: dict[int, threading.Lock] = {}
        """For each slot: it may be emptied at the moment when the next run wants it."""

    def prepare(self, request: SlotRequest) -> SlotReady | SlotFailed | SlotDeferred | MachineFailed:
        """A slot on the right commit, set up; what an earlier run left in it is kept first."""
        try:
            with self._lock(request.number), self._repos.lend() as repo:
                made = self._prepare_slot(repo, request)
        except (CoworkError, OSError) as error:
            return (
                MachineFailed(fault=fault)
                if (fault := self._machine_fault(error))
                else SlotFailed(fault=start_fault_of(error))
            )
        fault = self._storage_fault() if isinstance(made, SlotFailed) else None
        return MachineFailed(fault=fault) if fault else made

    def _lock(self, number: int) -> threading.Lock:
        return self._locks.setdefault(number, threading.Lock())

    def _machine_fault(self, error: CoworkError | OSError) -> MachineFault | None:
        """What of the machine an error is about: as it says itself, or as the folders show that were written to."""
        if isinstance(error, OSError | MachineFaultError):
            return fault_of(error)
        return self._storage_fault() or disk_full_fault(error)

    def _storage_fault(self) -> MachineFault | None:
        """What keeps slots, or the repository, from being written."""
        return storage_fault(self._state) or storage_fault(self._root)

    def _prepare_slot(self, repo: Repo, request: SlotRequest) -> SlotReady | SlotFailed | SlotDeferred:
        found = RunBase(commit=request.start_from) if request.start_from else self._find_base(request)
        if isinstance(found, NoBase):
            return SlotDeferred(reason=found.reason, lasting=found.lasting)
        start = _StartPoint(base=found.commit, restore=request.restore)
        try:
            _check_commits(repo, request)
            start = _find_start_point(repo, request, start)
            landed = start.base if start.base == found.commit and not request.start_from else ""
            return self._open_slot(repo, request, replace(start, landed=landed), found.lacks)
        except RepoError as error:
            own = bool(request.start_from) or start.base != found.commit
            return SlotFailed(fault=start_fault_of(error, own_commit=own))

    def _open_slot(
        self, repo: Repo, request: SlotRequest, start: _StartPoint, lacks: tuple[str, ...]
    ) -> SlotReady | SlotFailed:
        base, restore = start.base, start.restore
        # Names everything that the run starts with: a gc takes what no ref names.
        pinned = RefChange(name=base_ref(request.run), old=repo.commit(base_ref(request.run)), new=restore or base)
        update_refs(repo, [pinned])
        wanted = slot.SlotAssignment(task=request.task, agent=request.agent, base=base, setup=request.setup)
        made = slot.open_slot(repo, self._state, request.number, wanted, self._means())
        if restore:
            slot.restore(made, restore)
        missing = setup_commands.copy_files(repo.root, made.private, request.copy)
        unfilled = self._setup.give_caches(repo, request, start.landed)
        checks = setup_commands.set_up(made, self._setup.slot_context(repo, request, made.work))
        if checks and not checks[-1].green:
            return _setup_failure(checks[-1])
        if request.tip:
            slot.offer_tip(made, request.tip)
        if request.conflict:
            add_notes(request.conflict.bundle, request.conflict.landed, request.conflict.touches)
        record = slot.SlotRun(task=request.task, run=request.run, attempt=request.attempt, epoch=request.epoch + 1)
        slot.record_run(made, record)
        notices = tuple(f"`copy: {path}` is not there" for path in missing)
        notices = (*notices, *filter(None, (made.notice, unfilled)))
        shown = tuple(_shown_diff(repo, change) for change in request.shown)
        return SlotReady(
            base=base, worktree=made.work, notices=notices, lacks=lacks, stacked_on=request.stacked_on, shown=shown
        )

    def _find_base(self, request: SlotRequest) -> RunBase | NoBase:
        """Branches that cannot be read or moved are in everyone's way, and no attempt of the task's."""
        try:
            return self._base(_branches(request), request.needed, request.stack)
        except RepoError as error:
            return NoBase(reason=f"waits: {error}")

    def finish(self, request: FinishRequest) -> FinishResult | MachineFailed:
        """Bring in what is to be submitted; keep everything else in refs."""
        try:
            with self._repos.lend() as repo:
                found = slot.find_slot(self._state, request.slot, self._means())
                record = slot.recorded_run(self._state, request.slot)
                if found is None or record is None or record.run != request.run:
                    return SavedWork(unusable_reason="" if not request.submit else "its slot is gone")
                return self._finish_slot(repo, found, request)
        except (CoworkError, OSError) as error:
            if fault := self._machine_fault(error):
                return MachineFailed(fault=fault)
            return SavedWork(
                unusable_reason=f"its work could not be brought in and stays in slot {request.slot}: {error}"
            )

    def promote(self, chosen: ChosenChange) -> ChosenChange:
        """Give the change that a pattern has chosen the ref of a submission. Raises RepoError where that is taken."""
        name = submission_ref(chosen.task, chosen.number)
        with self._repos.lend() as repo:
            if repo.commit(name) == chosen.commit:
                return chosen
            changes = [RefChange(name=name, old=None, new=chosen.commit)]
            branch = task_branch(chosen.task)
            if branch not in checked_out(repo):
                changes.append(RefChange(name=branch, old=repo.commit(branch), new=chosen.commit))
            if not update_refs(repo, changes):
                raise RepoError(f"{name} or {branch} was written by another program at this moment")
        return chosen

    def empty(self, request: EmptyRequest) -> None:
        """Have the next run find the slot of one that has ended empty. Raises RepoError where work cannot be kept."""
        with self._lock(request.slot), self._repos.lend() as repo:
            slot.empty_slot(repo, self._state, request.slot, request.run, self._means())

    def remove_idle(self, number: int, run: str) -> bool:
        """Remove a slot that no run uses, its work kept first; False where a run has begun since `run` was there."""
        with self._lock(number), self._repos.lend() as repo:
            record = slot.recorded_run(self._state, number)
            if (record.run if record else "") != run:
                return False
            slot.remove_slot(repo, self._state, number, self._means())
        return True

    def remove_caches(self) -> bool:
        """Remove the shared package caches, which the next set-up fills again."""
        return self._setup.remove_caches()

    def _finish_slot(self, repo: Repo, found: slot.Slot, request: FinishRequest) -> FinishResult:
        if not request.submit:
            return _keep_work(repo, found)
        delivery = submission.SubmissionRequest(
            number=request.number,
            message=request.message,
            tip=request.tip,
            secrets=request.secrets,
            moves_branch=not request.proposal,
        )
        outcome = submission.submit(repo, found, delivery)
        match outcome:
            case submission.ImportedCommit():
                return Imported(
                    commit=outcome.commit, tree=outcome.tree, merged_tip=outcome.merged_tip,
                    notices=_notices(outcome.notice, outcome.dropped_paths, nested_notice(outcome.nested)),
                    risk=_risk_of(repo, request.base, outcome.commit) if request.proposal else RiskLevel.LOW,
                )  # fmt: skip
            case submission.NothingChanged():
                notices = _notices(outcome.notice, outcome.dropped_paths)
                return NoChanges(notices=notices, merged_tip=outcome.merged_tip)
            case submission.Rejected(reason=reason):
                return _keep_work(repo, found, unusable_reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _StartPoint:
    """Where a run begins."""

    base: str
    restore: str
    """A commit that builds on it, whose files the run goes on with; empty: none."""
    landed: str = ""
    """The base, where it is a commit of the integration branch; empty: it is not known to be one."""


def _risk_of(repo: Repo, base: str, commit: str) -> RiskLevel:
    """By what a change contains; what it does to its checks is found where it is tried."""
    return level_of(risk_features(summarise_change(repo, base, commit), verified=True))


def _shown_diff(repo: Repo, change: ShownChange) -> ShownDiff:
    """A change as a diff: whole files, as many as `_SHOWN_LINES` allow, and how to see the rest."""
    summary = summarise_change(repo, change.base, change.commit, lines=_SHOWN_LINES)
    more = f"\n(and more: `git diff {change.base} {change.commit}`)" if summary.truncated else ""
    return ShownDiff(step=change.step, base=change.base, diff=summary.diff_head + more)


def _check_commits(repo: Repo, request: SlotRequest) -> None:
    """Raise UnfitRepositoryError where a commit is gone that the run is to begin with."""
    for commit in filter(None, (request.start_from, request.tip)):
        if repo.commit(commit) is None:
            raise UnfitRepositoryError(
                StartFaultKind.START_COMMIT, f"the repository does not have the commit {commit[:12]} any more"
            )


def _find_start_point(repo: Repo, request: SlotRequest, start: _StartPoint) -> _StartPoint:
    base, restore = start.base, start.restore
    if request.reviewed and repo.commit(request.reviewed.commit):
        found = continuation(repo, base, request.reviewed.commit, request.reviewed.base)
        base, restore = found.base, found.commit
    builds_on = restore and repo.commit(restore) and repo.is_ancestor(base, restore)
    return _StartPoint(base=base, restore=restore if builds_on else "")


def _branches(request: SlotRequest) -> BranchContext:
    return BranchContext(branch=request.branch, target=request.target, known=request.known)


def _keep_work(repo: Repo, found: slot.Slot, *, unusable_reason: str = "") -> SavedWork:
    refs = tuple(kept.ref for kept in slot.keep_slot_work(repo, found))
    commit, tree = slot.slot_commit(found)
    return SavedWork(refs=refs, unusable_reason=printable(unusable_reason), commit=commit, tree=tree)


def _notices(notice: str, dropped: tuple[str, ...], nested: str = "") -> tuple[str, ...]:
    left_out = f"left out of the submission, because no agent may change it: {', '.join(dropped)}" if dropped else ""
    return tuple(printable(text) for text in (notice, nested, left_out) if text)


def _setup_failure(check: Check) -> SlotFailed:
    how = "took too long" if check.timed_out else f"exit {check.exit}"
    said = last_line(check.tail, 300)
    reason = f"the set-up command `{check.command}` failed ({how})" + (f": {said}" if said else "")
    return SlotFailed(fault=StartFault(kind=StartFaultKind.SET_UP, reason=reason, output=check.tail))
