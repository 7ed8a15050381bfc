"""The driver `command`: any program is an agent.

The prompt is its standard input, what it prints its reply, its exit code the outcome; messages, questions and requests
for permission are files in its outbox, their answers files in its inbox.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from coworkd.agents.port import (
    AgentEvent,
    Asked,
    Assignment,
    Ended,
    EndReason,
    ErrorKind,
    ErrorReported,
    InboxAnswer,
    Posted,
)
from coworkd.agents.worker.inbox import Inbox, render_answer
from coworkd.agents.worker.launch import failed_start_events, launch
from coworkd.agents.worker.mailbox import OUTBOX_LEDGER, mailbox_environment
from coworkd.agents.worker.missing_program import missing_program_reason
from coworkd.agents.worker.outbox import Outbox
from coworkd.agents.worker.running_program import RunningProgram
from coworkd.core.errors import AgentError, AgentFileError
from coworkd.system.wakeup import Wakeup


class CommandAgent:
    """One run of a program."""

    def __init__(self) -> None:
        self._wakeup = Wakeup()
        self._open: set[str] = set()
        self._asked: set[str] = set()
        self._answered_before: frozenset[str] = frozenset()
        """Asked by an earlier start of the run, and answered before this one."""
        self._cancelled = False
        self._killed = False
        self._inbox: Inbox | None = None

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        """A program keeps no session of its own: `resume` is not needed, the inbox holds the answers."""
        if not assignment.agent.command:
            raise AgentFileError(f"agent {assignment.agent.name!r} has no `command`: say which program to start")
        self._answered_before = frozenset(file.name for file in assignment.inbox)
        self._inbox = Inbox(assignment.inbox_dir, assignment.inbox)
        return self._events(assignment, self._inbox)

    def answer(self, request: str, answer: InboxAnswer) -> None:
        self.deliver(request, render_answer(answer))
        self._open.discard(request)
        self._wakeup.notify()

    def deliver(self, name: str, text: str) -> None:
        if self._inbox is None:
            raise AgentError("a run that has not started takes no messages")
        self._inbox.put(name, text)

    def cancel(self) -> None:
        self._cancelled = True
        self._wakeup.notify()

    def kill(self) -> None:
        self._killed = True
        self._wakeup.notify()

    @property
    def waiting(self) -> bool:
        """A request waits for a person."""
        return bool(self._open)

    def _events(self, assignment: Assignment, inbox: Inbox) -> Iterator[AgentEvent]:
        outbox = Outbox(assignment.outbox_dir, Path(assignment.run_dir, OUTBOX_LEDGER), inbox.has)
        try:
            with tempfile.TemporaryDirectory(prefix="cowork-", ignore_cleanup_errors=True) as tmp:
                yield from self._work(assignment, outbox, Path(tmp))
        finally:
            outbox.close()
            inbox.close()
            self._wakeup.close()

    def _work(self, assignment: Assignment, outbox: Outbox, tmp: Path) -> Iterator[AgentEvent]:
        argv = assignment.agent.command
        try:
            child = launch(assignment, argv, tmp, mailbox_environment(assignment))
        except OSError as error:
            yield from failed_start_events(assignment, argv[0], error)
            return
        program = RunningProgram(assignment, child, self._wakeup)
        program.watch(outbox)
        try:
            while (code := child.poll()) is None:
                program.poll(waiting=self.waiting)
                yield from program.take_text()
                yield from self._posts(outbox, program)
                program.stop_if(self._stop_reason(program), killed=self._killed)
            answered = self._asked - self._open
            program.finish()
            yield from program.remaining_text()
            yield from self._posts(outbox, program, last=True)
            if missing := missing_program_reason(assignment, argv[0], code, program.stderr()):
                yield ErrorReported(kind=ErrorKind.PROGRAM, message=missing)
            yield self._with_undelivered_requests(program.end_event(code), answered)
        finally:
            program.close()

    def _with_undelivered_requests(self, end: Ended, answered: set[str]) -> Ended:
        """`answered`: while it ran. A program that exits unavailable may have missed an answer."""
        undelivered = self._asked if end.reason is EndReason.UNAVAILABLE else self._asked - answered
        return replace(end, undelivered_requests=tuple(sorted(undelivered)))

    def _posts(self, outbox: Outbox, program: RunningProgram, *, last: bool = False) -> Iterator[Asked | Posted]:
        now = time.monotonic()
        if not last and outbox.seconds_to_look(now) != 0.0:
            return
        for event in outbox.poll_all(now) if last else outbox.poll(now):
            program.watchdog.record_activity(now)
            if isinstance(event, Asked) and event.request not in self._answered_before:
                self._open.add(event.request)  # before anybody can answer it
                self._asked.add(event.request)
            yield event

    def _stop_reason(self, program: RunningProgram) -> EndReason | None:
        now = time.monotonic()
        reason = program.watchdog.check(now, waiting=self.waiting)
        if reason is EndReason.STALLED and program.is_stopped():
            program.watchdog.record_activity(now)  # stopped by hand, it is to go on later
            reason = None
        return EndReason.CANCELLED if self._cancelled or self._killed else reason
