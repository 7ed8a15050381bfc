"""One start of a run with Claude Code.

Messages go in as they come: it takes them up between two calls, and repeats each that it has read. The run is done when
a turn has ended well and nothing is left unread.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

from coworkd.agents.drivers.claude import calls, permissions
from coworkd.agents.drivers.claude import messages as claude
from coworkd.agents.drivers.claude.errors import parse_retry, requested_delay, result_error, seconds_until_reset
from coworkd.agents.drivers.claude.messages import MessageType, Subtype
from coworkd.agents.drivers.claude.usage import UsageTracker
from coworkd.agents.json_codec import Json
from coworkd.agents.port import (
    FALLBACK_ERRORS,
    AgentEvent,
    Ended,
    EndReason,
    ErrorReported,
    Retrying,
    SessionStarted,
    ToolEnded,
    ToolStarted,
)
from coworkd.agents.prompt.templates import Template, render
from coworkd.agents.protocols.conversation import MAX_SHOWN, ProtocolConversation
from coworkd.agents.protocols.json_access import items_at, text_at, value_at
from coworkd.agents.protocols.permission_broker import QuestionRequest
from coworkd.agents.protocols.protocol_agent import ConversationContext
from coworkd.agents.worker.run_ended import RunEnded

_MAX_RETRY_DELAY = 10.0
"""Seconds before its own next try after which another agent may do better."""
_OVER_BUDGET = "error_max_budget_usd"


class ClaudeConversation(ProtocolConversation):
    """What is said in one start of a run."""

    def __init__(self, context: ConversationContext) -> None:
        super().__init__(context, permissions.render_reply)
        self._usage = UsageTracker()
        self._session = ""
        self._unread: set[str] = set()
        """Ids of the messages that it has not repeated yet."""
        self._streamed: set[str] = set()
        """Ids of the replies whose text came in pieces."""
        self._current_reply = ""
        self._error = ""
        self._retry_after: float | None = None

    def _converse(self) -> Iterator[AgentEvent]:
        self._channel.send(claude.initialize())
        self._add_message(self._assignment.prompt)
        while True:
            yield from self._poll()

    def _add_message(self, text: str) -> None:
        message_id = str(uuid.uuid4())
        self._unread.add(message_id)
        self._channel.send(claude.user_message(text, message_id))

    def _deliver_answers(self) -> None:
        super()._deliver_answers()
        for text in self._signals.take_messages():
            self._add_message(text)

    def _interrupt(self, ended: Ended) -> None:
        if ended.reason is not EndReason.DONE:
            self._channel.send(claude.interrupt())

    # ---- its messages

    def _handle(self, message: claude.Message) -> Iterator[AgentEvent]:
        match text_at(message, "type"):
            case MessageType.SYSTEM:
                yield from self._system(message)
            case MessageType.STREAM:
                yield from self._stream_event(message)
            case MessageType.ASSISTANT:
                yield from self._reply_block(message)
            case MessageType.USER:
                yield from self._tool_results(message)
            case MessageType.RATE_LIMIT:
                delay = seconds_until_reset(message, time.time())
                self._retry_after = delay if delay is not None else self._retry_after
            case MessageType.CONTROL_REQUEST:
                yield from self._control_request(text_at(message, "request_id"), value_at(message, "request"))
            case MessageType.CONTROL_CANCEL:
                self._broker.withdraw(text_at(message, "request_id"))
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
            yield from self._retry(message)

    def _retry(self, message: claude.Message) -> Iterator[AgentEvent]:
        """It tries again by itself; after a long delay another agent is the better choice."""
        kind, delay = parse_retry(message)
        self._retry_after = requested_delay(message)
        yield Retrying(kind=kind, delay=delay)
        if delay > _MAX_RETRY_DELAY and kind in FALLBACK_ERRORS:
            text = f"the provider refuses ({kind}), and may be asked again in {delay:g} s"
            raise RunEnded.after(ErrorReported(kind=kind, message=text, retry_after=self._retry_after or delay))

    def _stream_event(self, message: claude.Message) -> Iterator[AgentEvent]:
        """A reply as it is written. The text of its sub-agents is not part of the reply."""
        if text_at(message, "parent_tool_use_id"):
            return
        event = value_at(message, "event")
        match text_at(event, "type"):
            case "message_start":
                self._current_reply = text_at(event, "message", "id")
                self._usage.start_reply(value_at(event, "message", "usage"))
            case "content_block_start" if text_at(event, "content_block", "type") == "text":
                self._start_paragraph()
            case "content_block_delta":
                self._streamed.add(self._current_reply)
                self._write(text_at(event, "delta", "text"))
            case "message_delta":
                yield from self._usage.end_reply(value_at(event, "usage"))
            case _:
                pass

    def _reply_block(self, message: claude.Message) -> Iterator[AgentEvent]:
        """A complete block of a reply."""
        self._error = text_at(message, "error")
        if self._error:
            return  # its text comes again with the result
        streamed = text_at(message, "message", "id") in self._streamed
        for block in items_at(message, "message", "content"):
            match text_at(block, "type"):
                case "text" if not streamed and not text_at(message, "parent_tool_use_id"):
                    self._start_paragraph()
                    self._write(text_at(block, "text"))
                case "tool_use":
                    tool, arguments = text_at(block, "name"), value_at(block, "input")
                    summary = calls.call_summary(tool, arguments)[:MAX_SHOWN]
                    yield ToolStarted(call=text_at(block, "id"), tool=tool, summary=summary)
                case _:
                    pass

    def _tool_results(self, message: claude.Message) -> Iterator[AgentEvent]:
        """The results of its calls, or the repetition of a message that it has read."""
        self._unread.discard(claude.replayed_id(message))
        for block in items_at(message, "message", "content"):
            if text_at(block, "type") == "tool_result":
                ok = value_at(block, "is_error") is not True
                yield ToolEnded(call=text_at(block, "tool_use_id"), ok=ok, output=_output(block)[:MAX_SHOWN])

    # ---- its control requests

    def _control_request(self, request_id: str, request: Json) -> Iterator[AgentEvent]:
        match text_at(request, "subtype"):
            case Subtype.HOOK_CALLBACK:
                call = permissions.parse_hook_call(value_at(request, "input"), self._assignment)
                decision = self._broker.check_call(call) if call else None
                self._channel.send(permissions.render_hook_decision(request_id, decision))
            case Subtype.CAN_USE_TOOL if text_at(request, "tool_name") == calls.PLAN_TOOL:
                self._start_paragraph()
                self._write(text_at(request, "input", "plan").strip())
                self._channel.send(claude.control_response(request_id, claude.deny(render(Template.PLAN_ACCEPTED))))
            case Subtype.CAN_USE_TOOL:
                parsed = permissions.parse_request(request_id, request, self._assignment)
                if isinstance(parsed, QuestionRequest):
                    yield from self._broker.ask_question(parsed)
                else:
                    yield from self._broker.ask_permission(parsed)
            case other:
                self._channel.send(claude.control_error(request_id, f"{other} is not offered here"))

    # ---- the end of a turn

    def _result(self, message: claude.Message) -> Iterator[AgentEvent]:
        """A turn is over. The run is done if the turn says that it went well and no message is unread."""
        yield from self._usage.end_turn(message)
        if text_at(message, "subtype") == _OVER_BUDGET:
            raise RunEnded.because(EndReason.BUDGET, "what is left of the budget does not cover more")
        if value_at(message, "is_error") is not False:
            raise RunEnded.after(result_error(message, self._error, self._retry_after))
        yield from self._mailbox.new_posts(last=True)
        self._deliver_answers()
        if not self._unread and not self._mailbox.open_requests:
            raise RunEnded.because(EndReason.DONE)


def _output(block: Json) -> str:
    content = value_at(block, "content")
    if isinstance(content, str):
        return content
    return "\n".join(filter(None, (text_at(piece, "text") for piece in items_at(block, "content"))))
