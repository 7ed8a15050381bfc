"""The driver's side of the port: sets the loop up, and lays on its desk what comes in from outside."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from coworkd.agents.drivers.llm.agent_loop import Loop, Surroundings
from coworkd.agents.drivers.llm.model_session import Mind, reach
from coworkd.agents.drivers.llm.run_clock import Pace
from coworkd.agents.drivers.llm.shell import Commands
from coworkd.agents.drivers.llm.tool_runner import Toolbox
from coworkd.agents.drivers.llm.transcript import Conversation
from coworkd.agents.port import AgentEvent, Assignment, Ended, EndReason, ErrorKind, ErrorReported, InboxAnswer
from coworkd.agents.worker.launch import held
from coworkd.agents.worker.run_signals import Desk
from coworkd.agents.worker.watchdog import Watchdog
from coworkd.core.errors import AgentError

_SESSIONS = "sessions"


class LlmAgent:
    """One run of a model."""

    def __init__(self) -> None:
        self._desk = Desk()

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        """See the port. Without `resume` the session has the name of the run, which then goes on where it was."""
        reach(assignment)
        session = resume or assignment.run
        if session != Path(session).name or session.startswith("."):
            raise AgentError(f"{session!r} cannot be the name of a session")
        self._desk.lay_out(assignment.inbox)
        return self._events(assignment, session)

    def answer(self, request: str, answer: InboxAnswer) -> None:
        self._desk.answer(request, answer)

    def deliver(self, name: str, text: str) -> None:
        self._desk.deliver(name, text)

    def cancel(self) -> None:
        self._desk.stop()

    def kill(self) -> None:
        self._desk.stop(kill=True)

    def _events(self, assignment: Assignment, session: str) -> Iterator[AgentEvent]:
        with ExitStack() as stack:
            stack.enter_context(closing(self._desk))
            if missing := reach(assignment).missing:
                yield from _no_key(assignment, missing)
                return
            Path(assignment.run_dir).mkdir(parents=True, exist_ok=True)
            tmp = stack.enter_context(tempfile.TemporaryDirectory(prefix="cowork-", ignore_cleanup_errors=True))
            talk = stack.enter_context(closing(Conversation(session_file(assignment, session))))
            watchdog = Watchdog(timeout=assignment.timeout, stall=assignment.stall, now=time.monotonic())
            held(assignment, ("bash",), Path(tmp))  # what cannot be meant is found before the model is asked
            commands = Commands(assignment, Path(tmp), self._desk, watchdog)
            toolbox = stack.enter_context(closing(Toolbox(Path(assignment.worktree), commands)))
            pace = Pace(self._desk, watchdog)
            mind = Mind(assignment, talk, self._desk, pace)
            around = Surroundings(
                assignment=assignment,
                session=session,
                talk=talk,
                desk=self._desk,
                pace=pace,
                mind=mind,
                toolbox=toolbox,
            )
            yield from Loop(around).events()


def session_file(assignment: Assignment, session: str) -> Path:
    """Where a session's conversation is kept: in the agent's home, but not in that of its commands."""
    return Path(assignment.home, _SESSIONS, f"{session}.jsonl")


def _no_key(assignment: Assignment, missing: str) -> Iterator[AgentEvent]:
    message = (
        f"{missing} is not set: {assignment.agent.model} needs it. Set it in the environment that `coworkd up` is "
        "started in, and start coworkd again"
    )
    yield ErrorReported(kind=ErrorKind.AUTH, message=message)
    yield Ended(reason=EndReason.FAILED, message=message)
