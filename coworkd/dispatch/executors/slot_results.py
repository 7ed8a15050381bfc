"""What is asked of a slot before and after a run, and what comes of it: values that cross to the slot jobs and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from coworkd.core.machine_faults import MachineFault
from coworkd.core.model import SandboxSpec
from coworkd.core.redaction import NO_SECRETS, Secrets
from coworkd.core.start_faults import StartFault
from coworkd.store.landings import NOTHING_KNOWN, KnownLandings, NeededLanding


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedWork:
    """A submission that came back from its review."""

    commit: str
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRequest:
    """What a slot is wanted for."""

    number: int
    task: str
    run: str
    attempt: int
    epoch: int
    agent: str
    start_from: str
    """A commit; empty: the integration branch's tip, brought up to date."""
    restore: str
    """A commit that builds on it: earlier work that the run goes on with; empty: none."""
    reviewed: ReviewedWork | None
    """Work that the run goes on with from the tip as it is now, where they merge."""
    branch: str
    """The integration branch, and below the branch that its landings are for."""
    target: str
    tip: str
    """The commit to merge, when a conflict is to be resolved."""
    setup: tuple[str, ...]
    copy: tuple[str, ...]
    sandbox: SandboxSpec
    """What the workspace's settings open to set-up commands."""
    known: KnownLandings = NOTHING_KNOWN
    needed: tuple[NeededLanding, ...] = ()
    """Landings that have to be in the commit it starts from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotReady:
    """The slot is ready."""

    base: str
    worktree: Path
    notices: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    """The target's commits that the base does not have, as `abc1234 subject`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFailed:
    """The slot could not be made ready."""

    fault: StartFault


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotDeferred:
    """The run cannot start from the branches as they are now: no attempt is used."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishRequest:
    """What is to become of the work in a slot."""

    slot: int
    task: str
    run: str
    number: int
    """The submission's number, should there be one."""
    agent: str
    base: str
    tip: str
    """The commit that a run which resolves a conflict was to merge in; empty: none."""
    submit: bool
    """False: nothing is submitted, but whatever is there is kept in refs."""
    message: str
    secrets: Secrets = NO_SECRETS
    """What must not be in a submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The work is in the user's repository, under its refs."""

    commit: str
    tree: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoChanges:
    """The agent changed nothing."""

    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedWork:
    """Nothing was submitted; what there was is in these refs. `unfit`: why a submission could not be made of it."""

    refs: tuple[str, ...] = ()
    unusable_reason: str = ""
    commit: str = ""
    """Holds all of it, to be gone on with; empty: there is no slot."""
    tree: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFailed:
    """The machine did not let the work on a slot be done; nothing is lost, and it is done again later."""

    fault: MachineFault


FinishResult = Imported | NoChanges | SavedWork
PrepareResult = SlotReady | SlotFailed | SlotDeferred | MachineFailed
