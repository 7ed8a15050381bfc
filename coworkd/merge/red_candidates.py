"""Finds out why a merge candidate is red: the same command is checked on the tip without the change.

Blocking; called from job threads only. The rules are in `blame`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from coworkd.core.model import Check
from coworkd.merge.blame import Blame, BlameFacts, CheckFailure, blame, failure_of, failure_on_tip, needs_tip
from coworkd.merge.verification import TREE_CHECK
from coworkd.merge.verifier import GateRun, TipChecks, Verifier
from coworkd.system.git import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class BlameFinding:
    """What a red check says about the change, the workspace or the machine."""

    blame: Blame
    own: bool
    """The red command is the task's own, not one of the workspace's."""
    on_tip: TipChecks | None = None
    """The checks of the tip without the change; None: it did not have to be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceChecks:
    """The verification commands of the workspace."""

    commands: tuple[str, ...]
    loop: bool
    """The task is a loop that goes on until they are green."""


class BlameFinder:
    """Decides who or what a red check is to be blamed on; safe to call from any thread."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def find_blame(
        self, repo: Repo, on_tip: GateRun, workspace: WorkspaceChecks, red: Check, is_cancelled: Callable[[], bool]
    ) -> BlameFinding | None:
        """Blame for a check that is red in a candidate; `on_tip` is the same verification of the tip alone.

        None: it was interrupted.
        """
        disk_full = self._verifier.disk_full()
        failure, own = failure_of(red, disk_full=disk_full), _is_own(red, workspace.commands)
        proof = own or (workspace.loop and not red.setup and red.command != TREE_CHECK)
        tip_failure = CheckFailure.DISK_FULL if disk_full else None
        found: TipChecks | None = None
        if needs_tip(failure, proof=proof):
            run = _run_of_command(on_tip, workspace.commands, red.command, own=own)
            found = self._check_tip(repo, run, red, is_cancelled)
            if found is None:
                return None
            tip_failure = failure_on_tip(red, found.checks, disk_full=self._verifier.disk_full())
        facts = BlameFacts(failure=failure, proof=proof, tip_failure=tip_failure)
        return BlameFinding(blame=blame(facts), own=own, on_tip=found)

    def _check_tip(self, repo: Repo, run: GateRun, red: Check, is_cancelled: Callable[[], bool]) -> TipChecks | None:
        """The checks of the tip; None: it was interrupted.

        Remembered checks are used only where they do not suggest that the machine has changed since: the command failed
        on the tip as it did on the candidate, or it was green there and exited with an error on the candidate.
        """
        failure = failure_of(red)
        found = self._verifier.check_tip(repo, run, is_cancelled)
        tip_failure = None if found is None else failure_on_tip(red, found.checks)
        if found is None or tip_failure is failure or (tip_failure is None and failure is CheckFailure.EXIT):
            return found
        return self._verifier.check_tip(repo, run, is_cancelled, fresh=True)

    def is_still_red(
        self,
        repo: Repo,
        on_tip: GateRun,
        workspace_commands: tuple[str, ...],
        command: str,
        is_cancelled: Callable[[], bool],
    ) -> bool | None:
        """Whether a command that was red without any change still is; None: it was interrupted."""
        own = command not in (*workspace_commands, *on_tip.verification.setup, TREE_CHECK)
        run = _run_of_command(on_tip, workspace_commands, command, own=own)
        found = self._verifier.check_tip(repo, run, is_cancelled, fresh=True)
        return None if found is None else any(one.command == command and not one.green for one in found.checks)


def _is_own(red: Check, workspace_commands: tuple[str, ...]) -> bool:
    return not red.setup and red.command not in (*workspace_commands, TREE_CHECK)


def _run_of_command(run: GateRun, workspace_commands: tuple[str, ...], command: str, *, own: bool) -> GateRun:
    """The run that checks this command: alone if it is the task's own, else with all commands of the workspace.

    The checks of the workspace's commands are remembered together, for every candidate on the same tip.
    """
    commands = (command,) if own else workspace_commands or run.verification.commands
    return replace(run, verification=replace(run.verification, commands=commands))
