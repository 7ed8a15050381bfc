"""Requests to prepare and to empty a slot, and their results: values passed to the slot jobs and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from coworkd.core.conflict_facts import LandedWork
from coworkd.core.machine_faults import MachineFault
from coworkd.core.model import CacheTool, RiskLevel, SandboxSpec
from coworkd.core.redaction import NO_SECRETS, Secrets
from coworkd.core.start_faults import StartFault
from coworkd.store.landings import NOTHING_KNOWN, KnownLandings, NeededLanding
from coworkd.store.stacks import StackedSubmission


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedWork:
    """A submission that its review sent back."""

    commit: str
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictNotes:
    """What is added to the description of a conflict before its author reads it."""

    bundle: Path
    landed: tuple[LandedWork, ...]
    touches: tuple[str, ...]
    """Patterns of the paths that the task is to touch; empty: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChange:
    """A change that the agent is to be shown."""

    step: str
    """Whose it is."""
    base: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDiff:
    """A change as a diff, cut where it is too long."""

    step: str
    base: str
    diff: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRequest:
    """A slot is to be made ready for a run."""

    number: int
    task: str
    run: str
    attempt: int
    epoch: int
    agent: str
    start_from: str
    """A commit; empty: the integration branch's tip, brought up to date."""
    restore: str
    """A commit that builds on it: earlier work that the run continues; empty: none."""
    reviewed: ReviewedWork | None
    """Work that the run continues from the present tip, where the two merge."""
    branch: str
    """The integration branch; `target` is the branch that its landings are for."""
    target: str
    tip: str
    """The commit to merge, when a conflict is to be resolved."""
    setup: tuple[str, ...]
    copy: tuple[str, ...]
    sandbox: SandboxSpec
    """What the workspace's settings open to set-up commands."""
    caches: frozenset[CacheTool] = frozenset()
    """The package managers whose caches the slot gets copies of."""
    known: KnownLandings = NOTHING_KNOWN
    needed: tuple[NeededLanding, ...] = ()
    """Landings that have to be in the commit it starts from."""
    stack: tuple[StackedSubmission, ...] = ()
    """Submissions that have not landed and that it starts on top of."""
    stacked_on: str = ""
    """Those, and where it goes on with earlier work those of that, as a row has them."""
    conflict: ConflictNotes | None = None
    """None: there is no conflict to be resolved."""
    shown: tuple[ShownChange, ...] = ()
    """Changes that the agent is to be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotReady:
    """The slot is ready."""

    base: str
    worktree: Path
    notices: tuple[str, ...] = ()
    stacked_on: str = ""
    """The submissions that have not landed and that are in the base, as a row has them."""
    lacks: tuple[str, ...] = ()
    """Commits of the target that are missing in the base, as `abc1234 subject`."""
    shown: tuple[ShownDiff, ...] = ()
    """The changes that the agent is to be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFailed:
    """The slot could not be made ready."""

    fault: StartFault


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotDeferred:
    """The run cannot start from the branches as they are now; no attempt is used."""

    reason: str
    lasting: bool = False
    """It is so until another task has gone on: it is not tried again at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishRequest:
    """The work in a slot is to be submitted or saved."""

    slot: int
    task: str
    run: str
    number: int
    """The number for the submission, if there is one."""
    agent: str
    base: str
    tip: str
    """The commit that a run which resolves a conflict was to merge in; empty: none."""
    submit: bool
    """False: nothing is submitted; the work is saved in refs."""
    message: str
    secrets: Secrets = NO_SECRETS
    """Secrets that must not be in a submission."""
    proposal: bool = False
    """It is for a pattern to choose from: its risk is computed, and the task's branch stays where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyRequest:
    """A slot is to be emptied of what a run has left there that is over."""

    slot: int
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The work is in the user's repository, under coworkd's refs."""

    commit: str
    tree: str
    notices: tuple[str, ...] = ()
    merged_tip: bool = False
    """It contains the commit that it was given to resolve a conflict."""
    risk: RiskLevel = RiskLevel.LOW
    """Of the change, where that was to be computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoChanges:
    """The agent changed nothing."""

    notices: tuple[str, ...] = ()
    merged_tip: bool = False
    """It merged in the commit that it was given to resolve a conflict, and then everything is as there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedWork:
    """Nothing was submitted; the work is in these refs. `unusable_reason`: why it could not be submitted."""

    refs: tuple[str, ...] = ()
    unusable_reason: str = ""
    commit: str = ""
    """Holds all of the work, so that a later run can continue it; empty: there is no slot."""
    tree: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFailed:
    """A fault of the machine prevented the job; nothing is lost, and the job is retried later."""

    fault: MachineFault


FinishResult = Imported | NoChanges | SavedWork
PrepareResult = SlotReady | SlotFailed | SlotDeferred | MachineFailed
