"""The driver's side of the port: builds the loop, and hands it what comes in from other threads."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from coworkd.agents.drivers.llm.agent_loop import AgentLoop, LoopContext
from coworkd.agents.drivers.llm.model_session import ModelSession, model_access
from coworkd.agents.drivers.llm.run_clock import RunClock
from coworkd.agents.drivers.llm.shell import Shell
from coworkd.agents.drivers.llm.tool_runner import ToolRunner
from coworkd.agents.drivers.llm.transcript import Transcript
from coworkd.agents.port import AgentEvent, Assignment, Ended, EndReason, ErrorKind, ErrorReported
from coworkd.agents.worker.launch import sandbox_policy
from coworkd.agents.worker.signalled_agent import SignalledAgent
from coworkd.agents.worker.watchdog import Watchdog
from coworkd.core.errors import AgentError

_SESSIONS = "sessions"


class LlmAgent(SignalledAgent):
    """One run of a model."""

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        """See the port. Without `resume` the session has the name of the run, which then goes on where it was."""
        model_access(assignment)
        session = resume or assignment.run
        if session != Path(session).name or session.startswith("."):
            raise AgentError(f"{session!r} cannot be the name of a session")
        self._signals.preload_answers(assignment.inbox)
        return self._events(assignment, session)

    def _events(self, assignment: Assignment, session: str) -> Iterator[AgentEvent]:
        with ExitStack() as stack:
            stack.enter_context(closing(self._signals))
            if missing := model_access(assignment).missing:
                yield from _missing_key_events(assignment, missing)
                return
            Path(assignment.run_dir).mkdir(parents=True, exist_ok=True)
            tmp = stack.enter_context(tempfile.TemporaryDirectory(prefix="cowork-", ignore_cleanup_errors=True))
            transcript = stack.enter_context(closing(Transcript(session_file(assignment, session))))
            watchdog = Watchdog(timeout=assignment.timeout, stall=assignment.stall, now=time.monotonic())
            sandbox_policy(assignment, ("bash",), Path(tmp))  # an invalid setting is found before the model is asked
            commands = Shell(assignment, Path(tmp), self._signals, watchdog)
            tools = stack.enter_context(closing(ToolRunner(Path(assignment.worktree), commands)))
            clock = RunClock(self._signals, watchdog)
            model = ModelSession(assignment, transcript, self._signals, clock)
            context = LoopContext(
                assignment=assignment,
                session=session,
                transcript=transcript,
                signals=self._signals,
                clock=clock,
                model=model,
                tools=tools,
            )
            yield from AgentLoop(context).events()


def session_file(assignment: Assignment, session: str) -> Path:
    """Where a session's transcript is kept: in the agent's home, but not in that of its commands."""
    return Path(assignment.home, _SESSIONS, f"{session}.jsonl")


def _missing_key_events(assignment: Assignment, missing: str) -> Iterator[AgentEvent]:
    message = (
        f"{missing} is not set: {assignment.agent.model} needs it. Set it in the environment that `coworkd up` is "
        "started in, and start coworkd again"
    )
    yield ErrorReported(kind=ErrorKind.AUTH, message=message)
    yield Ended(reason=EndReason.FAILED, message=message)
