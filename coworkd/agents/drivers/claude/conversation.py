"""One start of a run with Claude Code.

Reads from the top: ask to be asked, hand over the prompt, and hear until a turn has ended and nobody has anything to
add. Messages go in as they come: it takes them up between two calls, and says which it has heard.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

from coworkd.agents.drivers.claude import calls
from coworkd.agents.drivers.claude import messages as claude
from coworkd.agents.drivers.claude.errors import parse_retry, requested_delay, result_error, seconds_until_reset
from coworkd.agents.drivers.claude.messages import MessageType, Subtype
from coworkd.agents.drivers.claude.permissions import Permits
from coworkd.agents.drivers.claude.usage import UsageTracker
from coworkd.agents.json_codec import Json
from coworkd.agents.port import (
    FALLBACK_ERRORS,
    AgentEvent,
    Ended,
    EndReason,
    ErrorKind,
    ErrorReported,
    Retrying,
    SessionStarted,
    ToolEnded,
    ToolStarted,
)
from coworkd.agents.protocols.json_access import items_at, text_at, value_at
from coworkd.agents.protocols.protocol_agent import ConversationContext
from coworkd.agents.worker.text_stream import TextStream

_LEAVE = 3.0
"""Seconds that it has to go when it is done."""
_PATIENCE = 10.0
"""Seconds of pause before another try after which somebody else may do better."""
_SHOWN = 4000
_OVER_BUDGET = "error_max_budget_usd"


class ClaudeConversation:
    """What is said in one start of a run."""

    def __init__(self, around: ConversationContext) -> None:
        self._order = around.assignment
        self._dialogue = around.channel
        self._desk = around.signals
        self._mail = around.mailbox
        self._permits = Permits(around.assignment, around.channel.send, around.signals)
        self._bill = UsageTracker()
        self._reply = TextStream(around.assignment.output_limit)
        self._wrote = False
        self._session = ""
        self._untaken: set[str] = set()
        """Numbers of what it was told and has not repeated yet."""
        self._streamed: set[str] = set()
        """Ids of the replies whose text came in pieces."""
        self._replying = ""
        self._error = ""
        self._retry_after: float | None = None
        self._ended: Ended | None = None

    def events(self) -> Iterator[AgentEvent]:
        """Everything that happens, the end last."""
        self._dialogue.send(claude.initialize())
        self._tell(self._order.prompt)
        while self._ended is None:
            yield from self._turn()
        yield from self._reply.close()
        self._leave()
        yield self._ended

    def _turn(self) -> Iterator[AgentEvent]:
        """Hear what there is to hear, and pass on what people said."""
        for message in self._dialogue.receive():
            if self._ended is None:
                yield from self._heard(message)
        yield from self._reply.take(time.monotonic())
        yield from self._mail.new_posts()
        self._pass_on()
        if self._ended is None:
            yield from self._mind()

    def _tell(self, words: str) -> None:
        number = str(uuid.uuid4())
        self._untaken.add(number)
        self._dialogue.send(claude.user_message(words, number))

    def _pass_on(self) -> None:
        if self._permits.decide():
            self._dialogue.watchdog.record_activity()
        for request in self._mail.open_requests:
            if answer := self._desk.answer_to(request):
                self._tell(self._mail.put_answer(request, answer))
        for words in self._desk.take_messages():
            self._tell(words)

    # ---- clocks, wishes and the program's end

    def _mind(self) -> Iterator[AgentEvent]:
        now = time.monotonic()
        waiting = bool(self._permits.held or self._mail.open_requests)
        reason = self._dialogue.watchdog.check(now, waiting=waiting)
        if self._desk.stopped:
            self._ended = Ended(reason=EndReason.CANCELLED, message="cancelled")
        elif reason is not None:
            self._ended = Ended(reason=reason, message=self._dialogue.watchdog.explain(reason))
        elif refused := self._permits.refusals.limit_reason:
            self._ended = Ended(reason=EndReason.FAILED, message=refused)
        elif self._permits.held_for(now) > self._order.agent.limits.hold:
            self._ended = self._stepped_out()
        elif (code := self._dialogue.exit_code) is not None:
            yield from self._fell_silent(code)

    def _stepped_out(self) -> Ended:
        """A person takes long to decide: it goes on in its session when the answer is there."""
        asked = (*self._permits.held, *self._mail.open_requests)
        return Ended(reason=EndReason.UNAVAILABLE, message="it goes on when the answer is there", unheard=asked)

    def _fell_silent(self, code: int) -> Iterator[AgentEvent]:
        """The program is gone; its last words may hold the result."""
        for message in self._dialogue.finish():
            yield from self._heard(message)
        if self._ended is None:
            message = f"it ended in the middle of its work: {self._dialogue.exit_description(code)}"
            self._ended = Ended(reason=EndReason.FAILED, message=message, exit_code=code)

    def _leave(self) -> None:
        """Let it go: politely where it was at work, and in the end without asking."""
        if self._ended is not None and self._ended.reason is not EndReason.DONE:
            self._dialogue.send(claude.interrupt())
        self._dialogue.close_input()
        until = time.monotonic() + _LEAVE
        while self._dialogue.exit_code is None:
            self._dialogue.receive()
            if time.monotonic() > until or self._desk.killed:
                self._dialogue.stop(EndReason.CANCELLED, at_once=self._desk.killed)
        self._dialogue.finish()

    # ---- what it says

    def _heard(self, message: claude.Message) -> Iterator[AgentEvent]:
        match text_at(message, "type"):
            case MessageType.SYSTEM:
                yield from self._system(message)
            case MessageType.STREAM:
                yield from self._streaming(message)
            case MessageType.ASSISTANT:
                yield from self._replied(message)
            case MessageType.USER:
                yield from self._results(message)
            case MessageType.RATE_LIMIT:
                waits = seconds_until_reset(message, time.time())
                self._retry_after = waits if waits is not None else self._retry_after
            case MessageType.CONTROL_REQUEST:
                yield from self._asked(text_at(message, "request_id"), value_at(message, "request"))
            case MessageType.CONTROL_CANCEL:
                self._permits.withdrawn(text_at(message, "request_id"))
            case MessageType.RESULT:
                yield from self._result(message)
            case _:
                pass

    def _system(self, message: claude.Message) -> Iterator[AgentEvent]:
        session = text_at(message, "session_id")
        if text_at(message, "subtype") == Subtype.INIT and session and session != self._session:
            self._session = session
            yield SessionStarted(session=session)
        elif text_at(message, "subtype") == Subtype.API_RETRY:
            kind, delay = parse_retry(message)
            self._retry_after = requested_delay(message)
            yield Retrying(kind=kind, delay=delay)
            if delay > _PATIENCE and kind in FALLBACK_ERRORS:
                said = f"the provider refuses ({kind}), and may be asked again in {delay:g} s"
                yield from self._give_up(ErrorReported(kind=kind, message=said, retry_after=self._retry_after or delay))

    def _streaming(self, message: claude.Message) -> Iterator[AgentEvent]:
        """A reply as it is written; what a helper of its own writes is no reply to us."""
        if text_at(message, "parent_tool_use_id"):
            return
        event = value_at(message, "event")
        match text_at(event, "type"):
            case "message_start":
                self._replying = text_at(event, "message", "id")
                self._bill.start_reply(value_at(event, "message", "usage"))
            case "content_block_start" if text_at(event, "content_block", "type") == "text":
                self._paragraph()
            case "content_block_delta":
                self._streamed.add(self._replying)
                self._write(text_at(event, "delta", "text"))
            case "message_delta":
                yield from self._bill.end_reply(value_at(event, "usage"))
            case _:
                pass

    def _replied(self, message: claude.Message) -> Iterator[AgentEvent]:
        """A block of a reply, whole."""
        self._error = text_at(message, "error")
        if self._error:
            return  # its words come again with the result
        streamed = text_at(message, "message", "id") in self._streamed
        for block in items_at(message, "message", "content"):
            match text_at(block, "type"):
                case "text" if not streamed and not text_at(message, "parent_tool_use_id"):
                    self._paragraph()
                    self._write(text_at(block, "text"))
                case "tool_use":
                    tool, given = text_at(block, "name"), value_at(block, "input")
                    yield ToolStarted(
                        call=text_at(block, "id"), tool=tool, summary=calls.call_summary(tool, given)[:_SHOWN]
                    )
                case _:
                    pass

    def _results(self, message: claude.Message) -> Iterator[AgentEvent]:
        """What its calls came to, or the repetition of what it was told."""
        self._untaken.discard(claude.replayed_id(message))
        for block in items_at(message, "message", "content"):
            if text_at(block, "type") == "tool_result":
                failed = value_at(block, "is_error") is True
                yield ToolEnded(call=text_at(block, "tool_use_id"), ok=not failed, output=_output(block)[:_SHOWN])

    def _asked(self, number: str, request: Json) -> Iterator[AgentEvent]:
        match text_at(request, "subtype"):
            case Subtype.HOOK_CALLBACK:
                self._permits.before(number, value_at(request, "input"))
            case Subtype.CAN_USE_TOOL:
                if text_at(request, "tool_name") == calls.PLAN_TOOL:
                    self._paragraph()
                    self._write(text_at(request, "input", "plan").strip())
                yield from self._permits.asked(number, request)
            case other:
                self._dialogue.send(claude.control_error(number, f"{other} is not offered here"))

    # ---- the end of a turn

    def _result(self, message: claude.Message) -> Iterator[AgentEvent]:
        """A turn is over: well, if it says so without an error; the run with it, if nobody has anything to add."""
        yield from self._bill.end_turn(message)
        if text_at(message, "subtype") == _OVER_BUDGET:
            self._ended = Ended(reason=EndReason.BUDGET, message="what is left of the budget does not cover more")
        elif value_at(message, "is_error") is not False:
            yield from self._give_up(result_error(message, self._error, self._retry_after))
        else:
            yield from self._mail.new_posts(last=True)
            self._pass_on()
            if not self._untaken and not self._mail.open_requests:
                self._ended = Ended(reason=EndReason.DONE)

    def _give_up(self, report: ErrorReported) -> Iterator[AgentEvent]:
        yield report
        message = (
            f"{report.message}; sign in to it, or give it a key" if report.kind is ErrorKind.AUTH else report.message
        )
        reason = EndReason.UNAVAILABLE if report.kind in FALLBACK_ERRORS else EndReason.FAILED
        self._ended = Ended(reason=reason, message=message)

    # ---- its reply

    def _paragraph(self) -> None:
        if self._wrote:
            self._write("\n\n")

    def _write(self, words: str) -> None:
        if words:
            self._wrote = True
            self._reply.feed(words.encode(errors="replace"), time.monotonic())


def _output(block: Json) -> str:
    content = value_at(block, "content")
    if isinstance(content, str):
        return content
    return "\n".join(filter(None, (text_at(piece, "text") for piece in items_at(block, "content"))))
