"""Verification: the workspace's commands on exactly the merged tree, in a private repository called a gate.

A gate belongs to one verification at a time: `verify` is all that checks anything out in one, and it holds the gate's
lock from before the checkout until after the last look at the tree. A gate is moved from one candidate to the next and
not remade. What a command leaves behind untracked is removed
before the next use; a command that changes tracked files or moves HEAD has not verified the candidate but something
else, and is red.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from coworkd.core.errors import RepoError
from coworkd.core.model import Check, SandboxSpec
from coworkd.merge.checkout_links.checkouts import Checkouts, path_outside
from coworkd.merge.checkout_links.command_links import Environment, SearchPaths
from coworkd.merge.checkout_links.marking import Sight, marked
from coworkd.merge.gate_lock import hold_gate
from coworkd.slots.command_runner import CommandContext, carry_out
from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.repo_template import CommitIdentity, master_files, setup_key, survey
from coworkd.slots.setup_commands import copy_files
from coworkd.system.git import Repo
from coworkd.system.git.object_stores import object_stores
from coworkd.system.process.commands import ProcessSpec, clean_environment
from coworkd.system.sandbox.path_grants import apply_grants
from coworkd.system.sandbox.policy import UNCONFINED, Confinement, SandboxCapabilities

NOTHING_OPEN = SandboxSpec()
TREE_CHECK = "git status"
"""The name of the check that is added, always red, when the verification did not leave the tree alone."""
_LEADING = frozenset(
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
"""Variables by which programs take code from elsewhere; none of them is handed over, whatever the daemon was given."""
_PATIENCE = 20.0
_NOBODY = CommitIdentity(name="coworkd verification", email="verification@agents.invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is run, from the trusted workspace files and never from the candidate's tree."""

    commands: tuple[str, ...]
    setup: tuple[str, ...] = ()
    copy: tuple[str, ...] = ()
    sandbox: SandboxSpec = NOTHING_OPEN
    """What the settings open; its network is for set-up alone: what is verified has no network."""
    every: bool = False
    """Run all the commands, whatever is red: what one of them says must not depend on the others."""


def gate_surroundings(
    gate: Path, *, marker: str, repo_mark: str, timeout: float, means: SandboxCapabilities = UNCONFINED
) -> CommandContext:
    """A clean environment with a home, a temporary folder and logs that belong to the gate alone."""
    for name in ("home", "tmp", "logs"):
        (gate / name).mkdir(parents=True, exist_ok=True)
    env = clean_environment(home=gate / "home", tmp=gate / "tmp", run=marker, repo=repo_mark)
    held = Confinement(
        means=means, run=marker, workdir=str(gate / "repo" / "work"),
        writable=tuple(str(gate / name) for name in ("home", "tmp", "repo/work")),
    )  # fmt: skip
    return CommandContext(env=env, marker=marker, timeout=timeout, logs=gate / "logs", confinement=held)


def verify(
    repo: Repo,
    gate: Path,
    commit: str,
    what: Verification,
    around: CommandContext,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Check, ...]:
    """Check `commit` out in the gate and run the commands there, up to and including the first that is red.

    Waits while another verification is at work in the gate. Empty: there was nothing to run, and nothing has been
    verified. A set-up command that fails is a red check too.
    Raises RepoError when the commit is one that a private repository cannot hold, and GateWaitCancelledError when
    `cancelled` says so before the gate is free.
    """
    if not what.commands:
        return ()
    with hold_gate(gate, around.marker, cancelled):
        return _run_checks(repo, gate, commit, what, around)


def _run_checks(repo: Repo, gate: Path, commit: str, what: Verification, around: CommandContext) -> tuple[Check, ...]:
    checkouts = Checkouts.of(repo, gate)
    inherited = around.env.get("PATH", os.defpath)
    around = _with_opened_paths(
        repo, replace(around, env=verification_environment(around.env, checkouts)), what.sandbox
    )
    means = around.confinement.means if around.confinement else UNCONFINED
    private = PrivateRepo(folder=gate / "repo", object_format=repo.object_format, means=means)
    checks = _prepare(repo, private, commit, what, around)
    paths = SearchPaths(search=around.env["PATH"], inherited=inherited)
    found = Environment(repo, commit, private.work, paths, checkouts, partial(_executable, private.work, around))
    sight = Sight(confinement=around.confinement, search=paths.search, own=str(repo.common_dir))
    if checks and not checks[-1].green:
        return tuple(marked(check, found.links(check.command), sight) for check in checks)
    checks = _carried_out(what, private.work, around, found, sight)
    meddled = _changed_checkout_reason(private, commit)
    return (*checks, Check(command=TREE_CHECK, exit=1, seconds=0.0, tail=meddled)) if meddled else checks


def verification_environment(env: Mapping[str, str], checkouts: Checkouts) -> dict[str, str]:
    """An environment by which no program and no module comes from a checkout of the user."""
    kept = {name: value for name, value in env.items() if name not in _LEADING}
    return kept | {"PATH": path_outside(env.get("PATH", os.defpath), checkouts)}


def _carried_out(
    what: Verification, work: Path, around: CommandContext, found: Environment, sight: Sight
) -> tuple[Check, ...]:
    """The checks of the commands, up to the first that is red by itself: one that was led astray ends nothing."""
    links = {command: found.links(command) for command in what.commands}
    ran = carry_out(what.commands, work, _without_network(around), every=what.every or any(links.values()))
    checks: list[Check] = []
    for check in ran:
        checks.append(marked(check, links[check.command], sight))
        if not check.green and not checks[-1].reached and not what.every:
            break
    return tuple(checks)


def _executable(work: Path, around: CommandContext, interpreter: str) -> str:
    """The file that a Python says it is, asked where the commands run; empty when it does not start."""
    told = around.run(
        ProcessSpec(
            argv=(interpreter, "-c", "import sys; print(sys.executable)"), cwd=work, env=around.env,
            timeout=_PATIENCE, marker=around.marker, confinement=around.confinement,
        )
    )  # fmt: skip
    return told.tail.strip().splitlines()[-1] if told.ok and told.tail.strip() else ""


def _with_opened_paths(repo: Repo, around: CommandContext, spec: SandboxSpec) -> CommandContext:
    """With what the settings open, and the user's objects, which those of the gate lean on."""
    if around.confinement is None:
        return around
    base = replace(around.confinement, readable=object_stores(repo.common_dir / "objects"))
    return replace(around, confinement=apply_grants(base, spec))


def _without_network(around: CommandContext) -> CommandContext:
    """Without a network."""
    return replace(around, confinement=around.confinement and replace(around.confinement, network=()))


def _prepare(
    repo: Repo, private: PrivateRepo, commit: str, what: Verification, around: CommandContext
) -> tuple[Check, ...]:
    """Move the gate to the commit and set it up where it is not; the set-up's checks."""
    key = setup_key(survey(repo, commit), what.setup)
    remembered = private.folder / "setup.key"
    warm = bool(key) and remembered.exists() and remembered.read_text() == key
    recycled = private.work.exists()
    private.begin(master_files(repo, _NOBODY), commit)
    private.check_out(commit, clean=recycled, ignored=not warm)
    copy_files(repo.root, private, what.copy)
    if warm:
        return ()
    remembered.unlink(missing_ok=True)
    checks = tuple(replace(check, setup=True) for check in carry_out(what.setup, private.work, around))
    if not checks or checks[-1].green:
        remembered.write_text(key)
    return checks


def _head(private: PrivateRepo, commit: str) -> str | None:
    """What HEAD names; git is asked where its file is not as it was made for this commit."""
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
