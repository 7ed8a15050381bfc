"""Runs verifications in the gates, and uses what earlier ones have found about the same files.

Blocking; called from job threads only.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from coworkd.core.model import Check
from coworkd.merge.check_results import CheckResult, CheckResults
from coworkd.merge.gate_lock import GateWaitCancelledError
from coworkd.merge.job_values import VerifyRequest
from coworkd.merge.keyed_turns import KeyedTurns
from coworkd.merge.verification import Verification, gate_context, verify
from coworkd.slots.tree_paths import is_reserved
from coworkd.system.git import Repo
from coworkd.system.process import commands
from coworkd.system.sandbox.policy import SandboxCapabilities

TARGET = "target"
"""The gate for the target's commits as merged with what landed; those for submissions have numbers (`gate_pool`)."""
TARGET_OUTPUT = ".target"
"""The name of the folder with the output of checks of the target's commits; no task is called so."""
_KEPT_OUTPUT, _TIP_VERSION_OUTPUT, _BATCH_OUTPUT = ".kept", ".before", ".batch"
"""How the names of folders begin with the output of checks that are kept by their tree, of a candidate with the tip's
version of what its checks execute, and of several submissions."""
DISK_FULL = 1 << 20
"""Bytes: with less than these left, a red check says that the disk is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRun:
    """One verification: what is checked, how, and where its output goes."""

    commit: str
    verification: Verification
    timeout: float
    gate: str
    output: str
    """The name of the folder that keeps the whole output, one file a command, until the next run of this name."""


def verification_of(request: VerifyRequest, commands: tuple[str, ...]) -> Verification:
    return Verification(
        commands=commands, setup=request.setup, copy=request.copy, caches=request.caches, sandbox=request.sandbox
    )


def gate_run(request: VerifyRequest, commit: str, commands: tuple[str, ...], gate: str) -> GateRun:
    """One run of commands on a commit, as the request has it."""
    verification, output = verification_of(request, commands), TARGET_OUTPUT if gate == TARGET else output_of(request)
    return GateRun(commit=commit, verification=verification, timeout=request.timeout, gate=gate, output=output)


def gate_folder(state: Path, name: str) -> Path:
    return state / "gates" / name


def gate_marker(state: Path, name: str) -> str:
    """The `COWORK_RUN` of what is started in a gate."""
    return f"gate-{state.name}-{name}"


def output_of(request: VerifyRequest) -> str:
    """The name of the folder with the output of what a request has run."""
    return request.output or request.task


def output_folder(state: Path, name: str) -> Path:
    """Where the output of the latest run of this name is kept."""
    return state / "checks" / name


def batch_output(gate: str) -> str:
    """Where the output goes of a verification of several submissions."""
    return f"{_BATCH_OUTPUT}-{gate}"


def tip_version_output(gate: str) -> str:
    """Where the output goes of a candidate with the tip's version of what its checks execute."""
    return f"{_TIP_VERSION_OUTPUT}-{gate}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TipChecks:
    """The checks of a commit without any change."""

    checks: tuple[Check, ...]
    output: str
    """The name of the folder that keeps their output."""


class Verifier:
    """The gates of one workspace; safe to call from any thread."""

    def __init__(self, state: Path, stopping: threading.Event, means: Callable[[], SandboxCapabilities]) -> None:
        self._state = state
        self._repo_mark = state.name
        self._stopping = stopping
        self._means = means
        self._results = CheckResults()
        self._probed = CheckResults()
        """What probes have found, for the search of the batches that they were made for."""
        self._turns = KeyedTurns()
        """Of checks of the same tip: the second verification that needs them waits for those of the first."""
        for left in state.glob(f"checks/{_KEPT_OUTPUT}-*"):
            shutil.rmtree(left, ignore_errors=True)

    def check(self, repo: Repo, run: GateRun, is_cancelled: Callable[[], bool]) -> tuple[Check, ...] | None:
        """The checks on a commit; None when it was cancelled before they had ended."""
        folder, marker = gate_folder(self._state, run.gate), gate_marker(self._state, run.gate)
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
    ) -> TipChecks | None:
        """Every command's check on a commit without any change; from memory unless `fresh`. None: it was cancelled."""
        tree, commands = self._checked_tree(repo, run), run.verification.commands
        output = _kept_output(tree, commands)
        with self._turns.take(output, is_cancelled) as taken:
            if not taken:
                return None
            if not fresh and (known := self._results.find(tree, commands)):
                return TipChecks(checks=known.checks, output=known.output)
            every = replace(run, verification=replace(run.verification, every=True), output=output)
            checks = self.check(repo, every, is_cancelled)
            if checks is None:
                return None
            self._keep(tree, CheckResult(commands=commands, checks=checks, output=output))
            return TipChecks(checks=checks, output=output)

    def check_candidate(self, repo: Repo, run: GateRun, is_cancelled: Callable[[], bool]) -> tuple[Check, ...] | None:
        """The checks on a candidate, from memory where the same files were green; None: it was cancelled.

        What is red is never taken from memory: the machine may have been at fault.
        """
        tree, commands = self._checked_tree(repo, run), run.verification.commands
        known = self._results.find(tree, commands)
        if known is not None and known.green:
            self._copy_output(known.output, run.output)
            return known.checks
        checks = self.check(repo, run, is_cancelled)
        if checks is not None:
            result = CheckResult(commands=commands, checks=checks, output=_kept_output(tree, commands))
            if result.green:
                self._copy_output(run.output, result.output)
                self._keep(tree, result)
        return checks

    def probe(self, repo: Repo, run: GateRun, is_cancelled: Callable[[], bool]) -> None:
        """Check a prefix of a batch, and remember also that it is red, for `check_prefix`."""
        tree, commands = self._checked_tree(repo, run), run.verification.commands
        with self._turns.take(_kept_output(tree, commands), is_cancelled) as taken:
            checks = self.check_candidate(repo, run, is_cancelled) if taken else None
            if checks is not None:
                self._probed.keep(tree, CheckResult(commands=commands, checks=checks, output=""))

    def check_prefix(self, repo: Repo, run: GateRun, is_cancelled: Callable[[], bool]) -> tuple[Check, ...] | None:
        """The checks on a prefix of a batch; what a probe finds of it is waited for, and counts if it is red, too.

        For the search alone: the submission that it leads to is verified once more before it is blamed.
        """
        tree, commands = self._checked_tree(repo, run), run.verification.commands
        with self._turns.take(_kept_output(tree, commands), is_cancelled) as taken:
            if not taken:
                return None
            probed = self._probed.find(tree, commands)
        if probed is not None and not probed.green:
            return probed.checks
        return self.check_candidate(repo, run, is_cancelled)

    def _keep(self, tree: str, result: CheckResult) -> None:
        for output in self._results.keep(tree, result):
            shutil.rmtree(self.output_folder(output), ignore_errors=True)

    def output_folder(self, name: str) -> Path:
        """Where the output of the latest run of this name is: `N.log` is the N-th check's."""
        return output_folder(self._state, name)

    def remove_output(self, name: str) -> None:
        """The output of a run that is not shown."""
        shutil.rmtree(self.output_folder(name), ignore_errors=True)

    def _copy_output(self, name: str, to: str) -> None:
        """The output of a run under another name; without the disk for it there is none."""
        shutil.rmtree(self.output_folder(to), ignore_errors=True)
        with suppress(OSError):
            shutil.copytree(self.output_folder(name), self.output_folder(to))

    def select_output(self, name: str, to: str, numbers: Sequence[int]) -> None:
        """The output of some checks of a run, by number, as that of another run."""
        shutil.rmtree(self.output_folder(to), ignore_errors=True)
        self.output_folder(to).mkdir(parents=True)
        for place, number in enumerate(numbers, 1):
            with suppress(OSError):
                shutil.copyfile(self.output_folder(name) / f"{number}.log", self.output_folder(to) / f"{place}.log")

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
        parts = (*what, sorted(verification.caches), timeout, self._means().level)
        return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]

    def _checked_tree(self, repo: Repo, run: GateRun) -> str:
        """A name for the files that are checked and for all that they are checked with, but for the commands."""
        conditions = self.settings_key(replace(run.verification, commands=(), every=False), run.timeout)
        copied = [f"{path} {_file_version(repo.root / path)}" for path in run.verification.copy]
        return " ".join((_tree_digest(repo, run.commit), conditions, *copied))


def _number(log: Path) -> int:
    return int(log.stem) if log.stem.isdecimal() else 0


def _kept_output(tree: str, commands: tuple[str, ...]) -> str:
    return (
        f"{_KEPT_OUTPUT}-{hashlib.sha256(repr((tree, commands)).encode('utf-8', 'backslashreplace')).hexdigest()[:16]}"
    )


def _file_version(path: Path) -> str:
    """Another one after each change of a file."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_ino} {found.st_mtime_ns} {found.st_size}"


def _tree_digest(repo: Repo, commit: str) -> str:
    """A name for the files of a commit that are checked out in a gate: all but `.cowork/`."""
    entries = repo.trees([repo.tree_of(commit)])[0]
    listed = "\0".join(
        f"{entry.mode} {entry.object_id} {entry.name}" for entry in entries if not is_reserved(entry.name)
    )
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()
