"""The skeleton of a run with a program that has a protocol: its loop, its checks and its end.

A protocol adds what it says: `_converse` opens the conversation and carries it to its end, `_handle` reacts to one
message of the program, `_add_message` passes on what a person said, and `_interrupt` asks the program to stop.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator

from coworkd.agents.port import AgentEvent, Ended, EndReason
from coworkd.agents.protocols.jsonl_channel import Message
from coworkd.agents.protocols.permission_broker import PermissionBroker, ReplyRenderer
from coworkd.agents.protocols.protocol_agent import ConversationContext
from coworkd.agents.worker.run_ended import RunEnded
from coworkd.agents.worker.running_program import earliest
from coworkd.agents.worker.text_stream import TextStream

MAX_SHOWN = 4000
"""Characters of a tool call, and of its output, that are reported."""
_HOLD_SLACK = 0.01
"""Seconds after its limit when a hold is certainly longer than that."""
_EXIT_GRACE = 3.0
"""Seconds that a program has to exit after its input was closed."""


class ProtocolConversation(ABC):
    """One start of a run. Every method is for the run's own thread."""

    HOLD_LIMITED = True
    """The run ends after `limits.hold` and resumes with the answer; otherwise requests are held open without limit."""
    EXPLAIN_BARE_REFUSALS = True
    """See `PermissionBroker`."""

    def __init__(self, context: ConversationContext, render_reply: ReplyRenderer) -> None:
        self._assignment = context.assignment
        self._channel = context.channel
        self._signals = context.signals
        self._mailbox = context.mailbox
        self._broker = PermissionBroker(
            context.assignment,
            context.signals,
            context.channel.send,
            render_reply,
            explain_bare_refusals=self.EXPLAIN_BARE_REFUSALS,
        )
        self._reply = TextStream(context.assignment.output_limit)
        self._reply_started = False
        if self._mailbox.outbox.fd is not None:
            self._channel.watch(self._mailbox.outbox.fd, self._mailbox.outbox.note_change)

    def events(self) -> Iterator[AgentEvent]:
        """Everything that happens, the end last."""
        try:
            yield from self._converse()
            end = RunEnded.because(EndReason.DONE)
        except RunEnded as ended:
            end = ended
        if end.report:
            yield end.report
        yield from self._reply.close()
        self._close(end.ended)
        yield end.ended

    # ---- what a protocol adds

    @abstractmethod
    def _converse(self) -> Iterator[AgentEvent]:
        """Open the conversation and call `_poll` until the work is done. Returning means success."""

    @abstractmethod
    def _handle(self, message: Message) -> Iterator[AgentEvent]:
        """React to one message of the program."""

    @abstractmethod
    def _add_message(self, text: str) -> None:
        """Pass on what a person said, now or in the next prompt."""

    def _interrupt(self, ended: Ended) -> None:
        """Ask the program to stop what it is doing, before its input is closed."""

    # ---- the loop

    def _poll(self, within: float | None = None) -> Iterator[AgentEvent]:
        """Wait until something happens, at most `within` seconds, take it, and end the run if there is a reason to."""
        for message in self._channel.await_messages(self._seconds_to_wait(within), waiting=self._has_open_request):
            yield from self._handle(message)
        yield from self._reply.take(time.monotonic())
        yield from self._mailbox.new_posts()
        self._deliver_answers()
        yield from self._check_end()

    @property
    def _has_open_request(self) -> bool:
        """Whether a request waits for a person."""
        return bool(self._broker.open_requests or self._mailbox.open_requests)

    def _seconds_to_wait(self, within: float | None) -> float | None:
        now = time.monotonic()
        held = self._broker.longest_hold(now)
        hold = self._assignment.agent.limits.hold - held + _HOLD_SLACK if self.HOLD_LIMITED and held else None
        return earliest(within, self._reply.due(now), self._mailbox.outbox.seconds_to_look(now), hold)

    def _deliver_answers(self) -> None:
        if self._broker.deliver_answers():
            self._channel.watchdog.record_activity(time.monotonic())
        for request in self._mailbox.open_requests:
            if answer := self._signals.answer_to(request):
                self._add_message(self._mailbox.put_answer(request, answer))

    def _check_end(self) -> Iterator[AgentEvent]:
        """Raise RunEnded when the run is cancelled, out of time, refused too often, or its program has exited."""
        now = time.monotonic()
        reason = self._channel.watchdog.check(now, waiting=self._has_open_request)
        if reason is EndReason.STALLED and self._channel.is_stopped():
            self._channel.watchdog.record_activity(now)  # stopped by hand, it is to go on later
            reason = None
        if self._signals.stopped:
            raise RunEnded.because(EndReason.CANCELLED, "cancelled")
        if reason is not None:
            raise RunEnded.because(reason, self._channel.watchdog.explain(reason))
        if refused := self._broker.refusals.limit_reason:
            raise RunEnded.because(EndReason.FAILED, refused)
        if self.HOLD_LIMITED and self._broker.longest_hold(now) > self._assignment.agent.limits.hold:
            raise self._hold_exceeded()
        if (code := self._channel.exit_code) is not None:
            yield from self._finish_exited(code)

    def _hold_exceeded(self) -> RunEnded:
        """A person takes long to decide: the session is resumed when the answer is there."""
        undelivered = (*self._broker.open_requests, *self._mailbox.open_requests)
        message = "it goes on when the answer is there"
        return RunEnded(Ended(reason=EndReason.UNAVAILABLE, message=message, undelivered_requests=undelivered))

    def _finish_exited(self, code: int) -> Iterator[AgentEvent]:
        """The program has exited; its last messages may hold the result."""
        for message in self._channel.finish():
            yield from self._handle(message)
        message = f"it ended in the middle of its work: {self._channel.exit_description(code)}"
        raise RunEnded(Ended(reason=EndReason.FAILED, message=message, exit_code=code))

    def _close(self, ended: Ended) -> None:
        """Let the program exit; stop it when it does not."""
        self._interrupt(ended)
        self._channel.close_input()
        until = time.monotonic() + _EXIT_GRACE
        while self._channel.exit_code is None:
            self._channel.receive()
            if time.monotonic() > until or self._signals.killed:
                self._channel.stop(EndReason.CANCELLED, at_once=self._signals.killed)
        self._channel.finish()

    # ---- the reply

    def _start_paragraph(self) -> None:
        if self._reply_started:
            self._write("\n\n")

    def _write(self, text: str) -> None:
        if text:
            self._reply_started = True
            self._reply.feed(text.encode(errors="replace"))
