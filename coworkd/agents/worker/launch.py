"""Starting the program of an agent: the one place where a driver's process gets its environment and its confinement.

A driver that starts a program of its own does it here, so that whatever holds for one agent's process holds for all.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from coworkd.agents.known_programs import PROGRAMS
from coworkd.agents.port import Assignment, Ended, EndReason, ErrorKind, ErrorReported
from coworkd.agents.worker.refused_hosts import RefusedHosts
from coworkd.core.errors import AgentFileError, ConfigError
from coworkd.core.machine_faults import MACHINE_ONLY_KINDS, fault_of
from coworkd.system.process import commands
from coworkd.system.sandbox.launch import shows
from coworkd.system.sandbox.path_grants import apply_grants
from coworkd.system.sandbox.policy import Confinement, contains
from coworkd.system.sandbox.visible_paths import leads_through, tools_of


def launch(
    assignment: Assignment, argv: tuple[str, ...], tmp: Path, extra: Mapping[str, str] | None = None
) -> commands.Child:
    """Start `argv` in the run's worktree with pipes for its three streams, in a clean environment.

    `tmp` is its temporary folder, which goes with the run; `extra` is added by the driver and stands above the agent's
    own `env`. Raises OSError when it cannot be started, AgentFileError when its file is invalid.
    """
    env = run_environment(assignment, tmp, extra)
    _check_program(argv[0], Path(assignment.worktree), env["PATH"])
    confinement = sandbox_policy(assignment, argv, tmp)
    _check_settings(assignment, env, confinement)
    return commands.spawn(argv, cwd=Path(assignment.worktree), env=env, stderr=commands.PIPE, confinement=confinement)


def _check_program(program: str, worktree: Path, path: str) -> None:
    """Raise the OSError that starting it would end with: a sandbox around it is started in any case."""
    if "/" not in program:
        if shutil.which(program, path=path) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
        return
    file = worktree / program
    if not file.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    if not file.is_file() or not os.access(file, os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), program)


def _check_settings(assignment: Assignment, env: Mapping[str, str], confinement: Confinement | None) -> None:
    """Raise AgentFileError where the folder that is set for a program's own settings cannot be used."""
    program = PROGRAMS.get(assignment.agent.driver)
    folder = env.get(program.settings_variable, "") if program else ""
    if program is None or not os.path.isabs(folder):
        return
    named = f"agents/{assignment.agent.name}.md: {program.settings_variable} is {folder}, which"
    if not program.creates_settings_folder and not os.path.isdir(folder):
        raise AgentFileError(f"{named} is not there: make it, or take the variable out of `env`")
    if confinement is not None and not shows(confinement, folder, env):
        raise AgentFileError(
            f"{named} is not visible in the sandbox: name it in `sandbox: {{allow_paths: [...]}}` there, or use"
            " `login: mine` instead"
        )


def run_environment(assignment: Assignment, tmp: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The clean environment of what the run starts."""
    Path(assignment.home).mkdir(parents=True, exist_ok=True)
    return commands.clean_environment(
        home=Path(assignment.home),
        tmp=tmp,
        run=assignment.run,
        repo=assignment.repo_id,
        extra={**dict(assignment.variables), **dict(assignment.agent.env), **(extra or {})},
        passed=assignment.agent.env_pass,
    )


def sandbox_policy(assignment: Assignment, argv: tuple[str, ...], tmp: Path) -> Confinement | None:
    """The run's confinement for one of its commands: its worktree, home, outbox, and what its agent's file opens.

    Files that the command itself names may be read: a program in a folder of the user's own is started by its path.
    Raises AgentFileError when `allow_paths` or `network` is invalid.
    """
    if assignment.confinement is None:
        return None
    for folder in (assignment.outbox_dir, assignment.inbox_dir):
        folder.mkdir(parents=True, exist_ok=True)
    own = (assignment.worktree, assignment.home, str(tmp), str(assignment.outbox_dir))
    read = (str(assignment.inbox_dir), *filter(None, [assignment.conflict]))
    given = assignment.confinement
    base = replace(
        given, writable=(*given.writable, *own), readable=(*given.readable, *read),
        report=RefusedHosts(assignment.run_dir).add,
    )  # fmt: skip
    try:
        opened = apply_grants(base, assignment.agent.sandbox)
    except ConfigError as error:
        raise AgentFileError(f"agents/{assignment.agent.name}.md: {error}") from error
    return replace(opened, readable=(*opened.readable, *_named(opened, argv)))


def _named(confinement: Confinement, argv: tuple[str, ...]) -> list[str]:
    """Files that the arguments of a command name by absolute paths, and the installation that its program is part of.

    But for what no agent is to see, and for what an agent may have led elsewhere.
    """
    whole = [word for word in argv if os.path.isabs(word) and not leads_through(word, confinement.writable)]
    files = [os.path.realpath(word) for word in whole if os.path.isfile(word)]
    installed = tools_of(os.path.dirname(argv[0]), str(Path.home()), confinement.writable)
    protected = confinement.means.protected
    return [path for path in (*files, *installed) if not any(contains(one, path) for one in protected)]


def failed_start_events(assignment: Assignment, program: str, error: OSError) -> Iterator[ErrorReported | Ended]:
    """How a run ends whose program did not start. A program that is missing or not executable is reported."""
    fault = fault_of(error)
    if fault is not None and fault.kind in MACHINE_ONLY_KINDS:
        yield Ended(reason=EndReason.MACHINE, message=str(fault))
        return
    message = start_failure(assignment, program, error)
    if is_program_missing(error) and Path(assignment.worktree).is_dir():
        yield ErrorReported(kind=ErrorKind.PROGRAM, message=message)
    yield Ended(reason=EndReason.FAILED, message=message)


def is_program_missing(error: OSError) -> bool:
    """Whether a program did not start because it is not there, or cannot be executed."""
    return error.errno in _NO_PROGRAM


_NO_PROGRAM = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR)


def start_failure(assignment: Assignment, program: str, error: OSError) -> str:
    """Why an agent's program did not start, and what to do."""
    if not Path(assignment.worktree).is_dir():
        return f"its worktree {assignment.worktree} is not there"
    return (
        f"cannot start {program!r}: {error.strerror}; install it, or change `command` in "
        f"agents/{assignment.agent.name}.md"
    )
