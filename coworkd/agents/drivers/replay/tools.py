"""The tools of a replayed session: they really read, write and run, inside its worktree."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from coworkd.agents.drivers.replay import recording
from coworkd.agents.port import Assignment
from coworkd.agents.worker.launch import run_environment, sandbox_policy
from coworkd.agents.worker.missing_program import missing_program_reason, refused_by_launcher
from coworkd.core.errors import ProgramMissingError
from coworkd.core.text_formats import shorten_start
from coworkd.system.process import commands

_OUTPUT = 4000
"""Bytes of a tool's output that are reported."""


class _OutsideError(Exception):
    """A step reaches for what is not in the worktree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutcome:
    """The outcome of a tool."""

    ok: bool
    output: str = ""
    fatal: str = ""
    """Why the session cannot go on; empty: it can."""


class ReplayTools:
    """Tools that know their worktree, and stop when `stopped` is set."""

    def __init__(self, assignment: Assignment, tmp: Path, stopped: threading.Event) -> None:
        self._assignment = assignment
        self._root = Path(assignment.worktree).resolve()
        self._stopped = stopped
        self._tmp = tmp
        self._env = run_environment(assignment, tmp)

    def use(self, step: recording.ToolStep, timeout: float) -> ToolOutcome:
        """Run one step; `timeout` in seconds."""
        try:
            return self._use(step, timeout)
        except _OutsideError as error:
            return ToolOutcome(ok=False, fatal=str(error))

    def _use(self, step: recording.ToolStep, timeout: float) -> ToolOutcome:
        match step:
            case recording.Read(read=path):
                return self._read(path)
            case recording.Write(write=path, text=text):
                return self._write(path, text)
            case recording.Edit():
                return self._edit(step)
            case recording.Run(run=command):
                return self._run(("bash", "-c", command), timeout, step.expect)
            case recording.CommitAll(commit=message):
                return self._commit(message, timeout)

    def _read(self, path: str) -> ToolOutcome:
        try:
            return ToolOutcome(
                ok=True, output=self._inside(path).read_text(encoding="utf-8", errors="replace")[:_OUTPUT]
            )
        except OSError as error:
            return ToolOutcome(ok=False, output=f"{path}: {error.strerror}")

    def _write(self, path: str, text: str) -> ToolOutcome:
        target = self._inside(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
        except OSError as error:
            return ToolOutcome(ok=False, fatal=f"cannot write {path}: {error.strerror}")
        return ToolOutcome(ok=True)

    def _edit(self, step: recording.Edit) -> ToolOutcome:
        target = self._inside(step.edit)
        try:
            text = target.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            return ToolOutcome(ok=False, fatal=f"cannot edit {step.edit}: {error}")
        if (found := text.count(step.old)) != 1:
            return ToolOutcome(
                ok=False, fatal=f"cannot edit {step.edit}: {step.old!r} is there {found} times, not once"
            )
        return self._write(step.edit, text.replace(step.old, step.new))

    def _commit(self, message: str, timeout: float) -> ToolOutcome:
        name = self._assignment.agent.name
        added = self._run(("git", "add", "--all"), timeout, 0)
        if not added.ok:
            return added
        who = ("-c", f"user.name={name}", "-c", f"user.email={name}@agents.invalid", "-c", "commit.gpgSign=false")
        return self._run(("git", *who, "commit", "--quiet", "--message", message), timeout, None)

    def _run(self, argv: tuple[str, ...], timeout: float, expect: int | None) -> ToolOutcome:
        spec = commands.ProcessSpec(
            argv=argv,
            cwd=self._root,
            env=self._env,
            timeout=max(0.0, timeout),
            output_limit=_OUTPUT,
            marker=self._assignment.run,
            confinement=sandbox_policy(self._assignment, argv, self._tmp),
        )
        ended = commands.run(spec, self._stopped.is_set)
        if refused_by_launcher(ended.code, ended.tail):
            raise ProgramMissingError(missing_program_reason(self._assignment, argv[0], ended.code, ended.tail))
        surprise = expect is not None and ended.code != expect
        said = shorten_start(ended.tail, 500)
        fatal = f"`{argv[-1]}` ended with {ended.code}, recorded was {expect}: {said}" if surprise else ""
        return ToolOutcome(ok=ended.ok, output=ended.tail, fatal=fatal)

    def _inside(self, path: str) -> Path:
        target = (self._root / path).resolve()
        if target == self._root or not target.is_relative_to(self._root):
            raise _OutsideError(f"{path!r} does not lie in the worktree")
        return target
