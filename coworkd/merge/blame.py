"""Why a candidate is red: its author's change, the workspace, or this machine.

Pure. Facts in, blame out. The rule: an agent answers for what is red *with* its change and green *without* it. What is
red without it costs no attempt. A task's own commands (`verify`, criteria) prove that the task has been done, and a
loop goes on until the workspace's are green: they are red without the change by nature, and of those only one that
cannot be run at all says something about the machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.model import Check
from coworkd.core.text_formats import last_line

_NOT_FOUND = re.compile(r"^bash: (?:line \d+: )?(?P<name>[^:\n]+): command not found$", re.MULTILINE)
"""The message of the shell that runs each command, in English, as `verification_environment` asks for."""
_KILLED = frozenset({128 + number for number in (4, 6, 7, 9, 11, 15, 24, 25)})
"""Exit codes by which a shell says that a signal ended its command."""


class CheckFailure(StrEnum):
    """How a check failed."""

    EXIT = "exit"
    """It ran to its end, and its exit code says that it failed."""
    TIMEOUT = "timeout"
    NOT_FOUND = "not found"
    """The shell knows no such command."""
    NOT_RUNNABLE = "not runnable"
    """Exit 126 or 127: something that it starts is missing, or cannot be executed."""
    KILLED = "killed"
    SETUP = "set-up"
    """A set-up command; nothing was verified."""
    DISK_FULL = "disk full"


class Blame(StrEnum):
    """Who or what a red candidate is about."""

    AGENT = "agent"
    """The change: its author tries again, and an attempt is used."""
    WORKSPACE = "workspace"
    """It is red without the change: the tip, or a command of the workspace."""
    MACHINE = "machine"
    """The command cannot do its work here, whatever it is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlameFacts:
    """What is known of a red check."""

    failure: CheckFailure
    proof: bool
    """It proves what the task is for: a command of the task's own, or any in a loop that goes on until it is green."""
    tip_failure: CheckFailure | None
    """How the same check fails without the change; None: it is green there, or was not reached."""


_OF_THE_MACHINE = frozenset(
    {CheckFailure.NOT_FOUND, CheckFailure.NOT_RUNNABLE, CheckFailure.KILLED, CheckFailure.DISK_FULL}
)
_UNFULFILLABLE = frozenset({CheckFailure.NOT_FOUND, CheckFailure.KILLED})
"""Ways in which a proof may fail with and without the change, whatever the change is."""


def failure_of(check: Check, *, disk_full: bool = False) -> CheckFailure:
    """How a check failed. `disk_full`: there was no space left when it had ended."""
    if disk_full:
        return CheckFailure.DISK_FULL
    if check.setup:
        return CheckFailure.SETUP
    if check.timed_out:
        return CheckFailure.TIMEOUT
    if check.exit == 127 and missing_command(check):
        return CheckFailure.NOT_FOUND
    if check.exit in (126, 127):
        return CheckFailure.NOT_RUNNABLE
    return CheckFailure.KILLED if check.exit < 0 or check.exit in _KILLED else CheckFailure.EXIT


def missing_command(check: Check) -> str:
    """The name that the shell did not find; empty when it found them all."""
    found = _NOT_FOUND.search(check.tail)
    return found["name"] if found and check.exit == 127 else ""


def needs_tip(failure: CheckFailure, *, proof: bool) -> bool:
    """Whether the tip has to be checked before it is known who is to blame."""
    return failure is not CheckFailure.DISK_FULL and (not proof or failure in _UNFULFILLABLE)


def needs_repetition(failure: CheckFailure) -> bool:
    """Whether a red candidate is checked once more at once: a failure of this kind may be transient."""
    return failure in (CheckFailure.KILLED, CheckFailure.SETUP)


def blame(facts: BlameFacts) -> Blame:
    """Who or what is to blame for a red check."""
    if facts.failure is CheckFailure.DISK_FULL or facts.tip_failure is CheckFailure.DISK_FULL:
        return Blame.MACHINE
    if facts.tip_failure is None:
        return Blame.AGENT
    if facts.proof:
        both = facts.failure in _UNFULFILLABLE and facts.tip_failure in _UNFULFILLABLE
        return Blame.MACHINE if both else Blame.AGENT
    return Blame.MACHINE if facts.tip_failure in _OF_THE_MACHINE else Blame.WORKSPACE


def failure_on_tip(check: Check, tip_checks: Sequence[Check], *, disk_full: bool = False) -> CheckFailure | None:
    """How the check fails among those of the tip; None when it is green there, or was not reached."""
    same = [one for one in tip_checks if one.command == check.command and one.setup == check.setup and not one.green]
    return failure_of(same[0], disk_full=disk_full) if same else None


def outcome_text(check: Check) -> str:
    """How a check ended, in words."""
    if check.timed_out:
        return "took too long"
    return f"ended by signal {-check.exit}" if check.exit < 0 else f"exit {check.exit}"


def red_without_change_reason(check: Check) -> str:
    """What is wrong with the workspace, for its problem; one line."""
    what = "the set-up command" if check.setup else "the verification"
    said = last_line(check.tail, 300)
    told = f": {said}" if said else ""
    return f"{what} `{check.command}` is red without any change, too ({outcome_text(check)}){told}"
