"""One agent tried for some seconds: a slot of its own, set-up, the programs of verification, the agent itself.

Nothing of it stays: the slot lies outside of those that tasks use and is thrown away, no ref is made, no task is
touched. What the agent is told to do is to say one word.
"""

from __future__ import annotations

import secrets
import shlex
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from coworkd.agents.port import AgentEvent, Assignment, ConnectionsRefused, Ended, EndReason, ErrorKind, ErrorReported
from coworkd.agents.worker import refused_hosts
from coworkd.core.errors import CoworkError
from coworkd.core.model import AgentSpec, Check, SandboxLevel, SandboxSpec, Settings
from coworkd.core.text_formats import last_line
from coworkd.diagnostics.findings import Finding, Level
from coworkd.dispatch.executors.local import LocalExecutor
from coworkd.merge.checkout_links.checkouts import Checkouts
from coworkd.merge.verification import verification_environment
from coworkd.slots import setup_commands, slot
from coworkd.slots.command_runner import CommandContext, carry_out
from coworkd.system.git import Repo
from coworkd.system.git.object_stores import object_stores
from coworkd.system.paths_and_settings import Paths
from coworkd.system.process import commands as process
from coworkd.system.sandbox.path_grants import apply_grants
from coworkd.system.sandbox.policy import Confinement, SandboxCapabilities
from coworkd.system.sandbox_probes.detection import Sandbox, protected
from coworkd.system.user_settings import read_user_settings

SECONDS = 20.0
"""For each of its steps."""

PROMPT = "This is a trial. Change no file and run nothing. Say the one word: ready\n"

_NUMBER = 1
_BUILTINS = frozenset({"cd", "exit", "export", "set", "source", "test", "ulimit", "umask"})
"""Words with which a shell needs no program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the trial happens."""

    paths: Paths
    slot: slot.Slot
    run: str
    home: Path
    tmp: Path
    stores: tuple[str, ...]
    """Folders of the repository's objects, which a checkout reads."""
    means: SandboxCapabilities
    checkouts: Checkouts

    @property
    def confinement(self) -> Confinement | None:
        """What holds the agent, as in a run of a task."""
        if self.means.level is SandboxLevel.NONE:
            return None
        return Confinement(means=self.means, run=self.run, workdir=str(self.slot.work), readable=self.stores)

    def command_context(self, spec: SandboxSpec) -> CommandContext:
        """What holds set-up and verification."""
        env = process.clean_environment(home=self.home, tmp=self.tmp, run=self.run, repo=self.paths.state.name)
        env = verification_environment(env, self.checkouts)
        own = (str(self.home), str(self.tmp), str(self.slot.work))
        held = self.confinement and apply_grants(replace(self.confinement, writable=own), spec)
        return CommandContext(env=env, marker=self.run, timeout=SECONDS, confinement=held, tells_refused=True)


def examine(paths: Paths, agent: AgentSpec, settings: Settings) -> Iterator[Finding]:
    """Try it, step by step; what does not work ends the trial where nothing after it could."""
    state = paths.state / "trial"
    with Repo.open(paths.root) as repo, tempfile.TemporaryDirectory(prefix="cowork-trial-") as tmp:
        commit = repo.head().commit
        if commit is None:
            yield _finding("slot", Level.BAD, "the repository has no commit yet", "make the first one")
            return
        try:
            assignment = slot.SlotAssignment(task="trial", agent=agent.name, base=commit, setup=settings.setup)
            made = slot.open_slot(repo, state, _NUMBER, assignment)
            home = paths.state / "homes" / agent.name
            home.mkdir(parents=True, exist_ok=True)
            sandbox = Sandbox(paths.state, read_user_settings().sandbox, protected(paths, repo))
            place = _Place(
                paths=paths, slot=made, run=f"trial-{secrets.token_hex(4)}", home=home, tmp=Path(tmp),
                stores=object_stores(repo.common_dir / "objects"), means=sandbox.means,
                checkouts=Checkouts.of(repo, paths.state),
            )  # fmt: skip
            yield _finding("slot", Level.OK, f"a checkout of {commit[:12]}")
            yield from _steps(repo, place, agent, settings)
        except CoworkError as error:
            yield _finding("slot", Level.BAD, str(error), "see the documentation on slots")
        finally:
            shutil.rmtree(state, ignore_errors=True)


def _steps(repo: Repo, place: _Place, agent: AgentSpec, settings: Settings) -> Iterator[Finding]:
    missing = setup_commands.copy_files(repo.root, place.slot.private, settings.copy)
    for path in missing:
        yield _finding("copy", Level.WEAK, f"`{path}` is not there", "make it, or take it out of `copy:`")
    context = place.command_context(settings.sandbox)
    yield _checked("set-up", setup_commands.set_up(place.slot, context), settings.setup)
    yield from _toolchain(settings, place.slot.work)
    yield from _agent(place, agent)
    yield _checked("verify", carry_out(settings.verify, place.slot.work, _without_network(context)), settings.verify)


def _without_network(context: CommandContext) -> CommandContext:
    return replace(context, confinement=context.confinement and replace(context.confinement, network=()))


def _checked(name: str, checks: Sequence[Check], commands: Sequence[str]) -> Finding:
    if not commands:
        return _finding(name, Level.OK, "nothing to run")
    red = next((check for check in checks if not check.green), None)
    if red is None:
        return _finding(name, Level.OK, f"{len(commands)} commands, all green on the commit as it is")
    if red.timed_out:
        return _finding(name, Level.WEAK, f"`{red.command}` takes longer than the trial's {SECONDS:.0f} s")
    said = last_line(red.tail, 200) or f"exit {red.exit}"
    level = Level.BAD if name == "set-up" else Level.WEAK
    return _finding(name, level, f"`{red.command}` fails on the commit as it is: {said}", "correct that first")


def _toolchain(settings: Settings, work: Path) -> Iterator[Finding]:
    """Whether the programs that commands begin with are there."""
    for command in (*settings.setup, *settings.verify):
        try:
            program = shlex.split(command)[0]
        except (ValueError, IndexError):
            continue
        plain = program.replace("-", "").replace("_", "").replace(".", "").isalnum()
        if plain and shutil.which(program) is None and not (work / program).exists() and program not in _BUILTINS:
            advice = "install it where the daemon's search path has it"
            yield _finding("toolchain", Level.BAD, f"`{program}` of `{command}` is not there", advice)


# ---- the agent


def _agent(place: _Place, agent: AgentSpec) -> Iterator[Finding]:
    started, rung = time.monotonic(), threading.Event()
    executor = LocalExecutor(rung.set)
    try:
        executor.submit(_assignment(place, agent))
        events = _until_the_end(executor, place.run, rung)
    except CoworkError as error:
        yield _finding("starts", Level.BAD, str(error), f"correct agents/{agent.name}.md")
        return
    finally:
        executor.close(0.0)
    yield from judge(agent.name, events, time.monotonic() - started)


def _assignment(place: _Place, agent: AgentSpec) -> Assignment:
    return Assignment(
        run=place.run, task="trial", attempt=1, epoch=1, agent=agent, prompt=PROMPT, worktree=str(place.slot.work),
        run_dir=str(place.tmp / "run"), home=str(place.home), timeout=SECONDS, stall=SECONDS, output_limit=100_000,
        repo_id=place.paths.state.name, confinement=place.confinement,
    )  # fmt: skip


def _until_the_end(executor: LocalExecutor, run: str, rung: threading.Event) -> list[AgentEvent]:
    """What it tells until it ends, or has had its time."""
    until, found = time.monotonic() + SECONDS, list[AgentEvent]()
    while not (found and isinstance(found[-1], Ended)) and time.monotonic() < until:
        rung.wait(max(until - time.monotonic(), 0.0))
        rung.clear()
        reports = executor.events()
        found += [report.event for report in reports]
        if reports:
            executor.commit(run, reports[-1].offset)
    return found


def judge(name: str, events: Sequence[AgentEvent], seconds: float) -> Iterator[Finding]:
    """What its events say of an agent that was tried."""
    end = events[-1] if events and isinstance(events[-1], Ended) else None
    errors = [event for event in events if isinstance(event, ErrorReported)]
    told = [event for event in events if not isinstance(event, Ended | ErrorReported | ConnectionsRefused)]
    refused = next((error for error in errors if error.kind is ErrorKind.AUTH), None)
    hosts = [entry for event in events if isinstance(event, ConnectionsRefused) for entry in event.entries]
    failed = end is not None and end.reason not in (EndReason.DONE, EndReason.TIMED_OUT, EndReason.STALLED)
    if hosts:
        level = Level.BAD if failed else Level.WEAK
        yield _finding(
            "network",
            level,
            refused_hosts.describe(hosts),
            refused_hosts.advice(hosts, f"agents/{name}.md"),
        )
    if failed and not told and refused is None and not errors:
        yield _finding(
            "starts", Level.BAD, (end.message if end else "") or "it ends at once", f"correct agents/{name}.md"
        )
        return
    if not events:
        yield _finding("starts", Level.WEAK, f"it reported nothing within {seconds:.0f} s", "try it by hand")
        return
    how = f"ended after {seconds:.1f} s" if end else f"still at work after {seconds:.0f} s, and ended then"
    yield _finding("starts", Level.OK, how)
    if refused is not None:
        advice = f"sign its program in, or give it a key (`login`, `env_pass` in agents/{name}.md)"
        yield _finding("login", Level.BAD, refused.message, advice)
        return
    yield from (_finding("provider", Level.WEAK, f"{error.kind}: {error.message}") for error in errors)
    if failed and end is not None:
        yield _finding("ends", Level.WEAK, f"{end.reason}: {end.message}", "look at what it says")


def _finding(name: str, level: Level, found: str, advice: str = "") -> Finding:
    return Finding(name=name, level=level, found=found, advice=advice)
