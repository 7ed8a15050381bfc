"""What is ordered when a run has ended, and what comes of it: values that cross to the workshop and back."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.machine_faults import MachineFault
from coworkd.core.redaction import NO_SECRETS, Secrets

INTERRUPTED = frozenset({"cancelled", "unavailable", "budget", "setup", "machine"})
"""Reasons of runs that did not come to their end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishOrder:
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
class BroughtIn:
    """The work is in the user's repository, under its refs."""

    commit: str
    tree: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingMade:
    """The agent changed nothing."""

    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Nothing was submitted; what there was is in these refs. `unfit`: why a submission could not be made of it."""

    refs: tuple[str, ...] = ()
    unfit: str = ""
    commit: str = ""
    """Holds all of it, to be gone on with; empty: there is no slot."""
    tree: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindered:
    """The machine did not let the work on a slot be done; nothing is lost, and it is done again later."""

    fault: MachineFault


Finish = BroughtIn | NothingMade | Kept
