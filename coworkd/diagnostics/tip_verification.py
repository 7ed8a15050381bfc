"""The workspace's verification, run on the unchanged tip, with its whole output: `coworkd doctor --verify`.

In a folder of its own, as a task's would be run: same environment, sandbox, set-up and commands. No ref and no task is
touched.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from coworkd.core.errors import CoworkError
from coworkd.core.model import Check, Settings
from coworkd.merge.checkout_links.marking import misses_something, unverified_reason
from coworkd.merge.unverified import RECIPE
from coworkd.merge.verification import Verification, gate_context, verify
from coworkd.system.git import Repo
from coworkd.system.git.refs import branch_ref
from coworkd.system.paths_and_settings import Paths
from coworkd.system.process import commands
from coworkd.system.process.commands import Exit, ProcessSpec
from coworkd.system.sandbox_probes.detection import Sandbox, protected
from coworkd.system.user_settings import read_user_settings

GATE = "doctor"
_SHELL = ("bash", "-c")


@dataclass(frozen=True, slots=True, kw_only=True)
class TipVerification:
    """How it went."""

    commit: str
    """Empty: there is no commit."""
    checks: tuple[Check, ...] = ()
    problem: str = ""
    """What is wrong, and what to do; empty: all is green."""


def verify_tip(paths: Paths, settings: Settings, target: str, say: Callable[[str], None]) -> TipVerification:
    """Run the workspace's set-up and `verify` on the tip; `say` gets every command and all that it wrote."""
    with Repo.open(paths.root) as repo:
        commit = _tip(repo, settings.integration.branch, target)
        if not commit:
            return TipVerification(commit="", problem="the repository has no commit yet: make the first one")
        if not settings.verify:
            return TipVerification(commit=commit, problem=_NO_COMMAND)
        say(f"on {commit[:12]}, the tip without any change\n")
        try:
            checks = _checked(repo, paths, settings, commit, say)
        except CoworkError as error:
            return TipVerification(commit=commit, problem=str(error))
    return TipVerification(commit=commit, checks=checks, problem="\n".join(_problems(checks)))


_NO_COMMAND = 'there is no command to run: write `verify: ["COMMAND"]` in .cowork/config.yaml'


def _tip(repo: Repo, branch: str, target: str) -> str:
    names = (branch_ref(branch), branch_ref(target), "HEAD")
    return next((found for name in names if (found := repo.commit(name))), "")


def _checked(
    repo: Repo, paths: Paths, settings: Settings, commit: str, say: Callable[[str], None]
) -> tuple[Check, ...]:
    gate = paths.state / "gates" / GATE
    sandbox = Sandbox(paths.state, read_user_settings().sandbox, protected(paths, repo))
    context = gate_context(
        gate, marker=f"gate-{paths.state.name}-{GATE}-{os.getpid()}", repo_mark=paths.state.name,
        timeout=settings.verify_timeout, means=sandbox.means,
    )  # fmt: skip
    # Without the key everything is set up again, so that its whole output is shown.
    (gate / "repo" / "setup.key").unlink(missing_ok=True)
    what = Verification(
        commands=settings.verify, setup=settings.setup, copy=settings.copy, caches=settings.caches,
        sandbox=settings.sandbox,
    )  # fmt: skip
    return verify(repo, gate, commit, what, replace(context, run=_ReportingRunner(say)))


class _ReportingRunner:
    """Runs commands, and says which and what they wrote."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def __call__(self, spec: ProcessSpec) -> Exit:
        if spec.argv[:2] != _SHELL:
            return commands.run(spec)
        self._say(f"$ {spec.argv[2]}\n")
        ended = commands.run(spec)
        written = spec.output_path.read_bytes().decode("utf-8", "replace") if spec.output_path else ended.tail
        end = "took too long" if ended.timed_out else f"exit {ended.code}"
        self._say(
            f"{written}{'' if written.endswith(chr(10)) or not written else chr(10)}  {end}, {ended.seconds:.1f} s\n"
        )
        return ended


def _problems(checks: tuple[Check, ...]) -> Iterator[str]:
    """What is wrong, one line each."""
    for check in checks:
        if not check.green:
            how = "takes longer than `verify_timeout`" if check.timed_out else f"ends with {check.exit}"
            yield f"`{check.command}` {how} on the tip without any change"
    if reason := unverified_reason(checks):
        yield f"{reason}: what it says is not about the tip"
        yield RECIPE
    elif any(not check.green and misses_something(check) for check in checks):
        yield f"something that it needs is not there: {RECIPE}"
