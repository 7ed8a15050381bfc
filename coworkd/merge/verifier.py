"""Runs verifications in the gates, and remembers the checks of the tip without any change.

Blocking; called from job threads only. What is remembered is a cache: a daemon that starts again checks the tip again
when it has to.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from coworkd.core.model import Check
from coworkd.merge.gate_lock import GateWaitCancelledError
from coworkd.merge.job_values import VerifyRequest
from coworkd.merge.verification import Verification, gate_context, verify
from coworkd.slots.tree_paths import is_reserved
from coworkd.system.git import Repo
from coworkd.system.process import commands
from coworkd.system.sandbox.policy import SandboxCapabilities

SUBMISSIONS, TARGET = "1", "target"
"""Gates: for candidates of submissions, and for the target's commits as merged with what landed."""
TIP_OUTPUT, OWN_OUTPUT, TARGET_OUTPUT = ".tip", ".own", ".target"
"""The names of the folders with the output of checks of a tip, of a task's own command there, and of the target's
commits; no task is called so."""
TIP_VERSION_OUTPUT = ".before"
"""Of a candidate with the tip's version of what its checks execute."""
DISK_FULL = 1 << 20
"""Bytes: with less than these left, a red check says that the disk is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRun:
    """One verification: what is checked, how, and where its output goes."""

    commit: str
    verification: Verification
    timeout: float
    gate: str = SUBMISSIONS
    output: str
    """The name of the folder that keeps the whole output, one file a command, until the next run of this name."""


def verification_of(request: VerifyRequest, commands: tuple[str, ...]) -> Verification:
    return Verification(commands=commands, setup=request.setup, copy=request.copy, sandbox=request.sandbox)


def gate_run(request: VerifyRequest, commit: str, commands: tuple[str, ...], gate: str = SUBMISSIONS) -> GateRun:
    """One run of commands on a commit, as the request has it."""
    verification, output = verification_of(request, commands), TARGET_OUTPUT if gate == TARGET else request.task
    return GateRun(commit=commit, verification=verification, timeout=request.timeout, gate=gate, output=output)


class Verifier:
    """The gates of one workspace; safe to call from any thread."""

    def __init__(self, state: Path, stopping: threading.Event, means: Callable[[], SandboxCapabilities]) -> None:
        self._state = state
        self._repo_mark = state.name
        self._stopping = stopping
        self._means = means
        self._tips: dict[str, tuple[Check, ...]] = {}

    def check(self, repo: Repo, run: GateRun, is_cancelled: Callable[[], bool]) -> tuple[Check, ...] | None:
        """The checks on a commit; None when it was cancelled before they had ended."""
        folder, marker = self._state / "gates" / run.gate, f"gate-{self._repo_mark}-{run.gate}"
        context = gate_context(
            folder, marker=marker, repo_mark=self._repo_mark, timeout=run.timeout, means=self._means()
        )
        logs = self.output_folder(run.output)
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        context = replace(context, run=partial(commands.run, cancelled=is_cancelled), logs=logs)
        try:
            checks = verify(repo, folder, run.commit, run.verification, context, is_cancelled)
        except GateWaitCancelledError:
            return None
        return None if is_cancelled() else checks

    def check_tip(
        self, repo: Repo, run: GateRun, is_cancelled: Callable[[], bool], *, fresh: bool = False
    ) -> tuple[Check, ...] | None:
        """Every command's check on a commit without any change; from memory unless `fresh`."""
        key = self._key(repo, run)
        if not fresh and key in self._tips:
            return self._tips[key]
        checks = self.check(repo, replace(run, verification=replace(run.verification, every=True)), is_cancelled)
        if checks is not None:
            self._tips[key] = checks
        return checks

    def remember(self, repo: Repo, run: GateRun, checks: tuple[Check, ...]) -> None:
        """What has been found green as a candidate need not be checked again once it is the tip."""
        self._tips[self._key(repo, run)] = checks

    def output_folder(self, name: str) -> Path:
        """Where the output of the latest run of this name is: `N.log` is the N-th check's."""
        return self._state / "checks" / name

    def join_output(self, name: str, to: str, after: int) -> None:
        """Count the output of one run behind the first `after` files of another."""
        for number, file in enumerate(sorted(self.output_folder(name).glob("*.log"), key=_number), after + 1):
            with suppress(OSError):
                shutil.copyfile(file, self.output_folder(to) / f"{number}.log")

    def disk_full(self) -> bool:
        """Whether there is no space left where the gates are."""
        return shutil.disk_usage(self._state).free < DISK_FULL

    def settings_key(self, verification: Verification, timeout: float) -> str:
        """Equal as long as the same would be done to a commit, on a machine that can do the same."""
        what = (verification.commands, verification.setup, verification.copy, verification.sandbox)
        parts = (*what, timeout, self._means().level)
        return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]

    def _key(self, repo: Repo, run: GateRun) -> str:
        return f"{_checked_tree(repo, run.commit)} {self.settings_key(run.verification, run.timeout)}"


def _number(log: Path) -> int:
    return int(log.stem) if log.stem.isdecimal() else 0


def _checked_tree(repo: Repo, commit: str) -> str:
    """A name for the files of a commit that are checked out in a gate: all but `.cowork/`."""
    entries = repo.trees([repo.tree_of(commit)])[0]
    listed = "\0".join(
        f"{entry.mode} {entry.object_id} {entry.name}" for entry in entries if not is_reserved(entry.name)
    )
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()
