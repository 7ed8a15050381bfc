"""The base of drivers whose program has a protocol: it starts the program and takes signals from other threads.

The driver gives it a command line and a conversation.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from coworkd.agents.port import AgentEvent, Assignment, Ended, EndReason, ErrorKind, ErrorReported
from coworkd.agents.protocols.jsonl_channel import JsonlChannel
from coworkd.agents.worker.credentials import provide_credentials
from coworkd.agents.worker.launch import failed_start_events, launch
from coworkd.agents.worker.mailbox import Mailbox, mailbox_environment
from coworkd.agents.worker.missing_program import missing_program_reason
from coworkd.agents.worker.run_signals import RunSignals
from coworkd.agents.worker.signalled_agent import SignalledAgent


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationContext:
    """What a conversation works with."""

    assignment: Assignment
    channel: JsonlChannel
    signals: RunSignals
    mailbox: Mailbox


ConversationFn: TypeAlias = Callable[[ConversationContext], Iterator[AgentEvent]]
"""A conversation: everything that happens, the end last."""


class ProtocolAgent(SignalledAgent):
    """One start of a run. A driver's `start` reads the assignment and calls `run_program`."""

    def credentials(self, assignment: Assignment) -> Mapping[str, str]:
        """What the program signs in with. Raises AgentError when there are none."""
        return provide_credentials(assignment, Path.home())

    def run_program(
        self, assignment: Assignment, argv: tuple[str, ...], env: Mapping[str, str], talk: ConversationFn
    ) -> Iterator[AgentEvent]:
        """The events of a run of `argv`; `env` is added to the agent's own."""
        self._signals.preload_answers(assignment.inbox)
        return self._events(assignment, argv, {**mailbox_environment(assignment), **env}, talk)

    def _events(
        self, assignment: Assignment, argv: tuple[str, ...], env: Mapping[str, str], talk: ConversationFn
    ) -> Iterator[AgentEvent]:
        with ExitStack() as stack:
            stack.enter_context(closing(self._signals))
            Path(assignment.run_dir).mkdir(parents=True, exist_ok=True)
            tmp = stack.enter_context(tempfile.TemporaryDirectory(prefix="cowork-", ignore_cleanup_errors=True))
            try:
                child = launch(assignment, argv, Path(tmp), env)
            except OSError as error:
                yield from failed_start_events(assignment, argv[0], error)
                return
            dialogue = stack.enter_context(closing(JsonlChannel(assignment, child, self._signals.wakeup)))
            mail = stack.enter_context(closing(Mailbox(assignment)))
            for event in talk(
                ConversationContext(assignment=assignment, channel=dialogue, signals=self._signals, mailbox=mail)
            ):
                yield from _attributed(event, assignment, argv[0], dialogue)


def _attributed(
    event: AgentEvent, assignment: Assignment, program: str, dialogue: JsonlChannel
) -> Iterator[AgentEvent]:
    """The event; before the end of a conversation whose program could not start, what that lacks."""
    failed = isinstance(event, Ended) and event.reason is EndReason.FAILED
    if failed and (missing := missing_program_reason(assignment, program, dialogue.exit_code or 0, dialogue.stderr())):
        yield ErrorReported(kind=ErrorKind.PROGRAM, message=missing)
    yield event


def without_system_prompt(assignment: Assignment) -> str:
    """The prompt for a program that has a place of its own for the text of the agent's file."""
    return assignment.prompt.removeprefix(assignment.agent.prompt.strip()).lstrip()
