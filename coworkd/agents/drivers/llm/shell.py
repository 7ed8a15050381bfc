"""Commands of the model: started where every agent's program is started, without the driver's own keys."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from coworkd.agents.drivers.llm.providers import is_secret
from coworkd.agents.drivers.llm.worktree_files import ToolError
from coworkd.agents.port import Assignment, EndReason, TextWritten
from coworkd.agents.worker.launch import is_program_missing, launch, start_failure
from coworkd.agents.worker.missing_program import missing_program_reason, refused_by_launcher
from coworkd.agents.worker.run_signals import RunSignals
from coworkd.agents.worker.running_program import RunningProgram
from coworkd.agents.worker.watchdog import Watchdog
from coworkd.core.errors import ProgramMissingError

_OUTPUT = 30_000
"""Bytes of a command's output that the model gets to see."""
_HOME = "commands"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    code: int
    output: str
    timed_out: bool


class Shell:
    """Runs command lines in the worktree, one at a time, and ends all that they start."""

    def __init__(self, assignment: Assignment, tmp: Path, signals: RunSignals, watchdog: Watchdog) -> None:
        self._assignment = _without_secrets(assignment)
        self._tmp = tmp
        self._signals = signals
        self._watchdog = watchdog

    def run_line(self, line: str, timeout: float) -> CommandResult:
        """Carry out a command line; standard error joins the output."""
        return self.run(("bash", "-c", f"exec 2>&1\n{line}"), timeout)

    def run(self, argv: tuple[str, ...], timeout: float) -> CommandResult:
        """Carry out a command and wait for its end, or end it when the run is to stop.

        Raises ToolError, and ProgramMissingError where no command can be started at all.
        """
        limited = replace(self._assignment, timeout=timeout, stall=timeout)
        try:
            child = launch(limited, argv, self._tmp)
        except OSError as error:
            if is_program_missing(error):
                raise ProgramMissingError(start_failure(limited, argv[0], error)) from error
            raise ToolError(f"cannot start {argv[0]!r}: {error.strerror}") from None
        program = RunningProgram(limited, child, self._signals.wakeup)
        pieces: list[TextWritten] = []
        late = False
        try:
            while (code := child.poll()) is None:
                program.poll(within=self._watchdog.seconds_left(time.monotonic(), waiting=False))
                pieces += program.take_text()
                now = time.monotonic()
                late = late or program.watchdog.check(now, waiting=False) is not None
                program.stop_if(self._reason(now, late=late), killed=self._signals.killed)
            program.finish()
            pieces += program.remaining_text()
        finally:
            program.close()
        if refused_by_launcher(code, program.stderr()):
            raise ProgramMissingError(missing_program_reason(limited, argv[0], code, program.stderr()))
        return CommandResult(code=code, output="".join(piece.text for piece in pieces), timed_out=late)

    def _reason(self, now: float, *, late: bool) -> EndReason | None:
        """Why the command is to end now. That one is at work is a sign of life of its run."""
        self._watchdog.record_activity(now)
        if self._signals.stopped or self._watchdog.check(now, waiting=False):
            return EndReason.CANCELLED
        return EndReason.TIMED_OUT if late else None


def _without_secrets(assignment: Assignment) -> Assignment:
    """The run as its commands see it: nothing to start with, a home beside that of the sessions, no keys."""
    agent = replace(
        assignment.agent,
        env=tuple((name, value) for name, value in assignment.agent.env if not is_secret(name)),
        env_pass=tuple(name for name in assignment.agent.env_pass if not is_secret(name)),
    )
    home = str(Path(assignment.home, _HOME))
    return replace(assignment, agent=agent, prompt="", home=home, output_limit=_OUTPUT)
