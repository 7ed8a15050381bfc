"""What works on this machine and in this workspace, what is weaker than it could be, and what to do about it.

Looks, and changes nothing: what has to be tried out is tried in a hidden folder of its own, which is gone afterwards.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from coworkd.agents.drivers.llm.providers import provider_settings
from coworkd.agents.known_programs import PROGRAMS
from coworkd.agents.registry import DRIVERS
from coworkd.core.errors import ConfigError, CoworkError, DocumentError
from coworkd.core.model import AgentSpec, SandboxLevel
from coworkd.diagnostics.disk_findings import disk_use, free_space, package_caches
from coworkd.diagnostics.findings import Finding, Level, bad, ok, weak
from coworkd.documents.decoding import decode
from coworkd.documents.markdown import parse, parse_yaml
from coworkd.store import Database
from coworkd.sync.disk.folder import swap
from coworkd.sync.effective_specs import EffectiveSpecs
from coworkd.sync.merging.git_merge_driver import DRIVER, installed_program
from coworkd.system import paths_and_settings
from coworkd.system.control_client import ControlClient, NoAnswerError
from coworkd.system.control_socket import Op
from coworkd.system.git import Repo, check_git
from coworkd.system.git.lock_files import left_lock_files
from coworkd.system.paths_and_settings import FOLDER, Paths
from coworkd.system.process_state import read_pid_file
from coworkd.system.process_tree import HAS_PROC, become_subreaper
from coworkd.system.sandbox.policy import SandboxCapabilities
from coworkd.system.sandbox.protections import PROTECTIONS, Protection
from coworkd.system.sandbox_probes.detection import Sandbox
from coworkd.system.sandbox_probes.escape_probes import EscapeProbe, probe_escapes
from coworkd.system.user_settings import read_user_settings

_INOTIFY = Path("/proc/sys/fs/inotify/max_user_watches")
_SPARE_WATCHES = 4
"""How many times the folders of the workspace the limit should be: other programs watch, too."""
_SOCKET_NAME = 100


def examine(paths: Paths) -> Iterator[Finding]:
    """Every check, in the order in which problems are best solved."""
    checks: tuple[Callable[[Paths], Finding], ...] = (
        _git, _yaml, _swapping, _hard_links, _watches, _reaper, _socket, _state, _git_locks, free_space, disk_use,
        _merge_driver,
    )  # fmt: skip
    for check in checks:
        yield check(paths)
    yield from _sandbox(paths)
    yield from package_caches(paths)
    yield _verification(paths)
    yield _daemon(paths)
    yield from _agents(paths)


# ---- the machine


def _git(_: Paths) -> Finding:
    try:
        return ok("git", check_git())
    except CoworkError as error:
        return bad("git", str(error), "install git 2.38 or newer and put it first on PATH")


def _yaml(_: Paths) -> Finding:
    try:
        parse_yaml(b"key: 'value'\n")
    except CoworkError as error:
        return bad("yaml", str(error), "pip install --force-reinstall PyYAML, from a binary wheel")
    return ok("yaml", "libyaml's reader")


def _swapping(paths: Paths) -> Finding:
    name, advice = "swap", "keep the repository on a local Linux file system"
    found = "two files cannot be swapped in one step here: a save in the same instant as coworkd's may need the trash"
    return _try_in_folder(paths, _can_swap, ok(name, "files are swapped in one step"), weak(name, found, advice))


def _hard_links(paths: Paths) -> Finding:
    name, advice = "links", "move the repository to a file system with hard links (not exFAT, not every network mount)"
    return _try_in_folder(paths, _can_link, ok(name, "hard links"), bad(name, "no hard links in .cowork/", advice))


def _try_in_folder(paths: Paths, attempt: Callable[[Path], bool], success: Finding, failure: Finding) -> Finding:
    place = paths.folder if paths.folder.is_dir() else paths.private
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as scratch:
            for letter in "ab":
                Path(scratch, letter).write_text(letter)
            return success if attempt(Path(scratch)) else failure
    except OSError as error:
        return bad(
            success.name, f"{place} cannot be written: {error.strerror}", "correct its permissions, or free some space"
        )


def _can_swap(scratch: Path) -> bool:
    return swap(str(scratch / "a"), str(scratch / "b")) and (scratch / "a").read_text() == "b"


def _can_link(scratch: Path) -> bool:
    try:
        os.link(scratch / "a", scratch / "c")
    except OSError:
        return False
    return True


def _watches(paths: Paths) -> Finding:
    if not _INOTIFY.exists():
        return weak("watching", "no inotify here", "nothing: changes are found by looking, which takes longer")
    limit = int(_INOTIFY.read_text())
    folders = sum(1 for _ in os.walk(paths.folder)) + 1
    if limit < folders * _SPARE_WATCHES:
        advice = f"sudo sysctl fs.inotify.max_user_watches={max(524288, folders * 100)}"
        return weak("watching", f"{limit} watches for {folders} folders and all other programs", advice)
    if why := _polling(paths):
        advice = "a change may take seconds to be seen; correct that, then `coworkd down` and `up`"
        return weak("watching", f"{why}: the folder is looked at every few seconds", advice)
    return ok("watching", f"inotify, {limit} watches")


def _polling(paths: Paths) -> str:
    """Why the daemon gets no events, as it said last."""
    if not paths.database.exists():
        return ""
    db = Database(paths.database, read_only=True)
    try:
        return db.state.polling_reason
    finally:
        db.close()


def _reaper(_: Paths) -> Finding:
    if become_subreaper() and HAS_PROC:
        return ok("processes", "whole trees are ended")
    found = "no sub-reaper here: a process that leaves its group outlives its run"
    return weak("processes", found, "run coworkd on Linux where agents start daemons of their own")


def _socket(paths: Paths) -> Finding:
    socket = paths.sockets[0]
    length = len(os.fsencode(socket))
    if length < _SOCKET_NAME or HAS_PROC:
        return ok("socket", str(socket))
    advice = "move the repository to a shorter path"
    return bad("socket", f"{length} bytes of path are more than a socket's name may have", advice)


def _state(paths: Paths) -> Finding:
    try:
        paths_and_settings.prepare_state()
    except ConfigError as error:
        found, _, advice = str(error).rpartition(": ")
        return bad("state", found, advice)
    return ok("state", str(paths.state))


# ---- the workspace


def _git_locks(paths: Paths) -> Finding:
    name = "git locks"
    try:
        with Repo.open(paths.root) as repo:
            left = left_lock_files(repo, time.time())
    except CoworkError as error:
        return bad(name, str(error), "correct what git complains about")
    if not left:
        return ok(name, "no git command left one behind")
    minutes = round((time.time() - left[0].stat().st_mtime) / 60)
    found = f"{left[0]} is {minutes} minutes old: git refuses to write until it is gone"
    return bad(name, found, f"when no git command runs here: rm {shlex.join(map(str, left))}")


def _merge_driver(paths: Paths) -> Finding:
    try:
        with Repo.open(paths.root) as repo:
            program, command = installed_program(repo), repo.setting(DRIVER)
    except CoworkError as error:
        return bad("merge driver", str(error), "correct what git complains about")
    if not program:
        found = "not installed: git merges these files as text"
        return weak("merge driver", found, "coworkd merge-driver install")
    if shutil.which(program) is None:
        return bad("merge driver", f"its program is gone: {shlex.split(command)[0]}", "coworkd merge-driver install")
    return ok("merge driver", "installed")


def _sandbox(_: Paths) -> Iterator[Finding]:
    with tempfile.TemporaryDirectory(prefix="cowork-doctor-") as folder:
        means = Sandbox(Path(folder), read_user_settings().sandbox).means
        if means.level is SandboxLevel.NONE:
            advice = "start only agents that you would start yourself, or change that"
            yield weak("sandbox", f"none, an agent can do whatever you can: {means.unavailable_reason}", advice)
            return
        trial = probe_escapes(means)
    yield _whole_sandbox(means, trial)
    for protection in PROTECTIONS:
        yield _protection(protection, means.level, trial)


def _whole_sandbox(means: SandboxCapabilities, trial: EscapeProbe) -> Finding:
    if trial.inside:
        ways = ", ".join(sorted(trial.inside))
        return bad("sandbox", f"{means.level} does not hold: a program inside {ways}", "tell us, please")
    found = f"{means.level}: {len(trial.proven)} ways out tried, none led out; {_confinement_finding(means)}"
    return ok("sandbox", found) if means.filter and means.groups else weak("sandbox", found, _ADVICE)


def _protection(protection: Protection, level: SandboxLevel, trial: EscapeProbe) -> Finding:
    """One line for what an agent is kept from, and how far."""
    name, promise = f"sandbox: {protection.name}", protection.at(level)
    if failed := trial.inside.intersection(protection.attempts):
        return bad(name, f"does not hold: a program inside {', '.join(sorted(failed))}", "tell us, please")
    if promise.whole:
        return ok(name, promise.text)
    return weak(name, promise.text, "nothing has to be done; bubblewrap closes this, where it can be used")


_ADVICE = "nothing has to be done; under `systemd-run --user --scope` control groups can be had in most places"


def _confinement_finding(means: SandboxCapabilities) -> str:
    calls = "system calls are filtered" if means.filter else "system calls are not filtered on this kind of machine"
    limits = "control groups limit memory and processes" if means.groups else "no control group can be made here"
    return f"{calls}; {limits}"


def _verification(paths: Paths) -> Finding:
    name, how = "verification", "`coworkd doctor --verify` runs it on the tip without any change"
    if not paths.database.exists():
        return Finding(name=name, level=Level.OK, found="not looked at yet; coworkd has not run here", advice=how)
    db = Database(paths.database, read_only=True)
    try:
        commands = EffectiveSpecs(db).settings().verify
    finally:
        db.close()
    if not commands:
        found = "there is no `verify` command: a person decides about every change, unverified"
        return weak(name, found, f"write `verify: [COMMAND]` in {FOLDER}/config.yaml; then {how}")
    number = f"{len(commands)} command{'' if len(commands) == 1 else 's'}"
    return Finding(name=name, level=Level.OK, found=f"{number}, not run here", advice=how)


def _daemon(paths: Paths) -> Finding:
    client, pid = ControlClient(paths.sockets, paths.pid, lambda _: None), read_pid_file(paths.pid)
    try:
        reply = client.ask(Op.SYNC)
        client.refuse_suspended_holder()
    except NoAnswerError as error:
        return bad("daemon", str(error), f"its log is {paths.log}")
    if reply is not None and reply.ok:
        return ok("daemon", f"up (pid {pid}) and answering")
    found = f"it listens nowhere (pid {pid})" if pid else "down"
    return weak("daemon", found, "`coworkd up` starts it")


def _agents(paths: Paths) -> Iterator[Finding]:
    files = sorted((paths.folder / "agents").glob("[!.#]*.md"))
    if not files:
        yield weak("agents", "none", f"write {FOLDER}/agents/NAME.md")
    for file in files:
        yield _agent(paths, file)


def _agent(paths: Paths, file: Path) -> Finding:
    name, place = f"agent {file.stem}", f"{FOLDER}/agents/{file.name}"
    try:
        spec = decode(f"agents/{file.name}", parse(file.read_bytes())).of(AgentSpec)
    except DocumentError as error:
        return bad(name, f"{place}:{error.line}: {error.message}", "correct that line")
    except OSError as error:
        return bad(name, f"{place} cannot be read: {error.strerror}", "correct its permissions")
    if spec.driver not in DRIVERS:
        return bad(name, f"there is no driver `{spec.driver}`", f"write one of {', '.join(sorted(DRIVERS))} in {place}")
    if spec.driver == "replay":
        return _recordings(paths, name, spec)
    if spec.driver == "llm":
        return _model(name, spec, place)
    return _program(paths, name, spec, place)


def _model(name: str, spec: AgentSpec, place: str) -> Finding:
    if not spec.model:
        return bad(name, "has no `model`", f"write one such as `model: anthropic/claude-sonnet-4-5` in {place}")
    wanted = provider_settings(spec.model)
    if wanted.keyless or any(os.environ.get(key) for key in wanted.keys):
        return ok(name, spec.model)
    return weak(name, f"${wanted.keys[0]} is not set here", "set it in the environment that `coworkd up` is started in")


def _recordings(paths: Paths, name: str, spec: AgentSpec) -> Finding:
    folder = paths.folder / spec.recording
    if spec.recording and folder.is_dir():
        return ok(name, f"replays {folder}")
    return bad(name, f"no recordings at {folder}", "write `recording:` with a folder relative to .cowork/")


def _program(paths: Paths, name: str, spec: AgentSpec, place: str) -> Finding:
    known = PROGRAMS.get(spec.driver)
    if not spec.command and known is None:
        return bad(name, "has no `command`", f"write which program to start in {place}")
    program = spec.command[0] if spec.command or known is None else known.executable
    # A path counts from the agent's own checkout, so a file of the repository will do.
    found = shutil.which(str(paths.root / program)) if "/" in program else shutil.which(program)
    if found is None:
        how = f"install it (`{known.install}`)" if known else "install it"
        return bad(name, f"`{program}` is not there", f"{how}, or change `command` in {place}")
    return ok(name, found)
