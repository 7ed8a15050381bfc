"""A candidate that is red: the tip is checked without it before its author is blamed.

Blocking; called from job threads only. The rule itself is in `blame`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from coworkd.core.model import Check
from coworkd.merge.blame import Blame, BlameFacts, CheckFailure, blame, failure_of, failure_without, needs_tip
from coworkd.merge.verification import TREE_CHECK
from coworkd.merge.verifier import OWN_OUTPUT, TIP_OUTPUT, GateRun, Verifier
from coworkd.system.git import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class BlameFinding:
    """Who is to blame."""

    blame: Blame
    own: bool
    tip_checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceChecks:
    """What the workspace verifies a task by."""

    commands: tuple[str, ...]
    loop: bool
    """The task goes on, round after round, until they are green."""


class BlameFinder:
    """Finds out who is to blame; safe to call from any thread."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def judge(
        self, repo: Repo, on_tip: GateRun, workspace: WorkspaceChecks, red: Check, is_cancelled: Callable[[], bool]
    ) -> BlameFinding | None:
        """Blame for a check that is red in a candidate; `on_tip` is the same verification of the tip alone.

        None: it was interrupted.
        """
        full = self._verifier.disk_full()
        failure, own = failure_of(red, disk_full=full), _is_own(red, workspace.commands)
        proof = own or (workspace.loop and not red.setup and red.command != TREE_CHECK)
        without = CheckFailure.DISK_FULL if full else None
        tip: tuple[Check, ...] | None = ()
        if needs_tip(failure, proof=proof):
            tip = self._tip_checks(
                repo, _run_of_command(on_tip, workspace.commands, red.command, own=own), red, is_cancelled
            )
            if tip is None:
                return None
            without = failure_without(red, tip, disk_full=self._verifier.disk_full())
        return BlameFinding(blame=blame(BlameFacts(failure=failure, proof=proof, tip=without)), own=own, tip_checks=tip)

    def _tip_checks(
        self, repo: Repo, run: GateRun, red: Check, is_cancelled: Callable[[], bool]
    ) -> tuple[Check, ...] | None:
        """What the tip says. What is remembered of it counts only where nothing speaks for a change of the machine:
        it fails in the same way as the candidate, or is green where the candidate ran to its end and said no.
        """
        failure = failure_of(red)
        checks = self._verifier.check_tip(repo, run, is_cancelled)
        found = None if checks is None else failure_without(red, checks)
        if checks is None or found is failure or (found is None and failure is CheckFailure.EXIT):
            return checks
        return self._verifier.check_tip(repo, run, is_cancelled, fresh=True)

    def is_still_red(
        self, repo: Repo, on_tip: GateRun, workspace: tuple[str, ...], command: str, is_cancelled: Callable[[], bool]
    ) -> bool | None:
        """Whether a command that was red without any change still is; None: it was interrupted."""
        own = command not in (*workspace, *on_tip.verification.setup, TREE_CHECK)
        run = _run_of_command(on_tip, workspace, command, own=own)
        checks = self._verifier.check_tip(repo, run, is_cancelled, fresh=True)
        return None if checks is None else any(one.command == command and not one.green for one in checks)


def _is_own(red: Check, workspace: tuple[str, ...]) -> bool:
    return not red.setup and red.command not in (*workspace, TREE_CHECK)


def _run_of_command(run: GateRun, workspace: tuple[str, ...], command: str, *, own: bool) -> GateRun:
    """A task's own command says something by itself; those of the workspace are checked together, once for all."""
    commands = (command,) if own else workspace or run.verification.commands
    return replace(
        run, verification=replace(run.verification, commands=commands), output=OWN_OUTPUT if own else TIP_OUTPUT
    )
