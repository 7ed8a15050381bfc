"""Verification: the workspace's commands on exactly the merged tree, in a private repository called a gate.

A gate belongs to one verification at a time: `verify` is all that checks anything out in one, and it holds the gate's
lock from before the checkout until after the last look at the tree. A gate is moved from one candidate to the next and
not remade. What a command leaves behind untracked is removed before the next use; a command that changes tracked files
or moves HEAD has not verified the candidate but something else, and is red.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from coworkd.core.errors import RepoError
from coworkd.core.model import CacheTool, Check, SandboxLevel, SandboxSpec
from coworkd.merge.checkout_links.checkouts import Checkouts, path_outside
from coworkd.merge.checkout_links.command_links import Environment, SearchPaths
from coworkd.merge.checkout_links.marking import Visibility, mark_check
from coworkd.merge.gate_lock import hold_gate
from coworkd.slots.command_runner import CommandContext, carry_out
from coworkd.slots.package_caches import copy_caches
from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.repo_template import CommitIdentity, master_files, setup_key, survey
from coworkd.slots.setup_commands import copy_files
from coworkd.system.git import Repo
from coworkd.system.git.object_stores import object_stores
from coworkd.system.process.commands import ProcessSpec, clean_environment
from coworkd.system.sandbox.path_grants import apply_grants
from coworkd.system.sandbox.policy import UNCONFINED, Confinement, SandboxCapabilities
from coworkd.system.work_environment import gate_variables, with_caches

NOTHING_OPEN = SandboxSpec()
TREE_CHECK = "git status"
"""The name of the check that is added, always red, when the verification did not leave the tree alone."""
_CODE_PATH_VARIABLES = frozenset(
    {
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "NODE_PATH",
        "GOFLAGS",
        "GOWORK",
        "GOPATH",
    }
    | {
        "CARGO_TARGET_DIR",
        "RUSTFLAGS",
        "RUBYLIB",
        "GEM_PATH",
        "BUNDLE_GEMFILE",
        "PERL5LIB",
        "CLASSPATH",
        "LD_LIBRARY_PATH",
    }
)
"""Variables by which programs take code from elsewhere; none of them is passed on from the daemon."""
_PYTHON_TIMEOUT = 20.0
_IDENTITY = CommitIdentity(name="coworkd verification", email="verification@agents.invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is run, from the trusted workspace files and never from the candidate's tree."""

    commands: tuple[str, ...]
    setup: tuple[str, ...] = ()
    copy: tuple[str, ...] = ()
    caches: frozenset[CacheTool] = frozenset()
    """The package managers whose caches the gate gets copies of."""
    sandbox: SandboxSpec = NOTHING_OPEN
    """What the settings open; its network is for set-up alone: what is verified has no network."""
    every: bool = False
    """Run all the commands, whatever is red: what one of them says must not depend on the others."""


def gate_context(
    gate: Path, *, marker: str, repo_mark: str, timeout: float, means: SandboxCapabilities = UNCONFINED
) -> CommandContext:
    """A clean environment with a home, a temporary folder and logs that belong to the gate alone."""
    for name in ("home", "tmp", "logs"):
        (gate / name).mkdir(parents=True, exist_ok=True)
    env = clean_environment(home=gate / "home", tmp=gate / "tmp", run=marker, repo=repo_mark)
    confinement = Confinement(
        means=means, run=marker, workdir=str(gate / "repo" / "work"),
        writable=tuple(str(gate / name) for name in ("home", "tmp", "repo/work")),
    )  # fmt: skip
    return CommandContext(env=env, marker=marker, timeout=timeout, logs=gate / "logs", confinement=confinement)


def verify(
    repo: Repo,
    gate: Path,
    commit: str,
    verification: Verification,
    context: CommandContext,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Check, ...]:
    """Check `commit` out in the gate and run the commands there, up to and including the first that is red.

    Waits while another verification is at work in the gate. Empty: there was nothing to run, and nothing has been
    verified. A set-up command that fails is a red check too.
    Raises RepoError when the commit is one that a private repository cannot hold, and GateWaitCancelledError when
    `cancelled` is true before the gate is free.
    """
    if not verification.commands:
        return ()
    with hold_gate(gate, context.marker, cancelled):
        return _run_checks(repo, gate, commit, verification, context)


def _run_checks(
    repo: Repo, gate: Path, commit: str, verification: Verification, context: CommandContext
) -> tuple[Check, ...]:
    checkouts = Checkouts.of(repo, gate)
    inherited = context.env.get("PATH", os.defpath)
    context = _with_opened_paths(
        repo, replace(context, env=verification_environment(context.env, checkouts)), verification.sandbox
    )
    context = _with_surroundings(gate, verification, context)
    means = context.confinement.means if context.confinement else UNCONFINED
    private = PrivateRepo(folder=gate / "repo", object_format=repo.object_format, means=means)
    checks = _prepare(repo, private, commit, verification, context)
    paths = SearchPaths(search=context.env["PATH"], inherited=inherited)
    find_executable = partial(_python_executable, private.work, context)
    environment = Environment(repo, commit, private.work, paths, checkouts, find_executable)
    visibility = Visibility(confinement=context.confinement, search=paths.search, objects_folder=str(repo.common_dir))
    if checks and not checks[-1].green:
        return tuple(mark_check(check, environment.links(check.command), visibility) for check in checks)
    checks = _run_commands(verification, private.work, context, environment, visibility)
    changed_reason = _changed_checkout_reason(private, commit)
    return (*checks, Check(command=TREE_CHECK, exit=1, seconds=0.0, tail=changed_reason)) if changed_reason else checks


def verification_environment(env: Mapping[str, str], checkouts: Checkouts) -> dict[str, str]:
    """An environment by which no program and no module comes from a checkout of the user.

    Messages are in English: who is to blame for a failure depends on what the shell says (`merge.blame`).
    """
    outside = {name: value for name, value in env.items() if name not in _CODE_PATH_VARIABLES}
    return outside | {"PATH": path_outside(env.get("PATH", os.defpath), checkouts), "LANGUAGE": "en"}


def _run_commands(
    verification: Verification, work: Path, context: CommandContext, environment: Environment, visibility: Visibility
) -> tuple[Check, ...]:
    """The checks of the commands, up to the first that is red; one that was led into a checkout does not end them."""
    links = {command: environment.links(command) for command in verification.commands}
    every = verification.every or any(links.values())
    results = carry_out(verification.commands, work, _without_network(context), every=every)
    checks: list[Check] = []
    for check in results:
        checks.append(mark_check(check, links[check.command], visibility))
        if not check.green and not checks[-1].reached and not verification.every:
            break
    return tuple(checks)


def _python_executable(work: Path, context: CommandContext, interpreter: str) -> str:
    """The path that a Python reports as its own, where the commands run; empty when it does not start."""
    result = context.run(
        ProcessSpec(
            argv=(interpreter, "-c", "import sys; print(sys.executable)"), cwd=work, env=context.env,
            timeout=_PYTHON_TIMEOUT, marker=context.marker, confinement=context.confinement,
        )
    )  # fmt: skip
    return result.tail.strip().splitlines()[-1] if result.ok and result.tail.strip() else ""


def _with_opened_paths(repo: Repo, context: CommandContext, spec: SandboxSpec) -> CommandContext:
    """With the paths that the settings open, and the user's objects, which the gate borrows."""
    if context.confinement is None:
        return context
    base = replace(context.confinement, readable=object_stores(repo.common_dir / "objects"))
    return replace(context, confinement=apply_grants(base, spec))


def _with_surroundings(gate: Path, verification: Verification, context: CommandContext) -> CommandContext:
    """With copies of the package caches, as set-up left the shared ones, and ports of the gate's own."""
    state, held = gate.parents[1], context.confinement
    copy_caches(state, gate, verification.caches, held.means.level if held else SandboxLevel.NONE)
    opened = with_caches(held, state, gate) if held else None
    return replace(context, env={**context.env, **gate_variables(state, gate)}, confinement=opened)


def _without_network(context: CommandContext) -> CommandContext:
    """Without a network."""
    return replace(context, confinement=context.confinement and replace(context.confinement, network=()))


def _prepare(
    repo: Repo, private: PrivateRepo, commit: str, verification: Verification, context: CommandContext
) -> tuple[Check, ...]:
    """Move the gate to the commit and set it up where it is not; the set-up's checks."""
    key = setup_key(survey(repo, commit), verification.setup)
    key_file = private.folder / "setup.key"
    warm = bool(key) and key_file.exists() and key_file.read_text() == key
    recycled = private.work.exists()
    private.begin(master_files(repo, _IDENTITY), commit)
    private.check_out(commit, clean=recycled, ignored=not warm)
    copy_files(repo.root, private, verification.copy)
    if warm:
        return ()
    key_file.unlink(missing_ok=True)
    checks = tuple(replace(check, setup=True) for check in carry_out(verification.setup, private.work, context))
    if not checks or checks[-1].green:
        key_file.write_text(key)
    return checks


def _head(private: PrivateRepo, commit: str) -> str | None:
    """The commit of HEAD; git is asked where its file is not as it was written for this commit."""
    if private.head_line() == commit:
        return commit
    with private.reading() as git:
        return git.resolve("HEAD")


def _changed_checkout_reason(private: PrivateRepo, commit: str) -> str:
    try:
        changed = private.tracked_changes()
        head = _head(private, commit)
    except RepoError as broken:
        return f"the verification damaged its repository: {broken}"
    if head != commit:
        return f"the verification moved HEAD to {head}: what it checked is not the candidate alone"
    return f"the verification changed tracked files: {', '.join(changed)}" if changed else ""
