"""One start of a run with Codex.

It opens a thread or resumes one, and starts turns until one has ended well and nothing is left to say. What people say
meanwhile steers the turn that goes on, or becomes the prompt of the next one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from coworkd.agents.drivers.codex import calls, permissions
from coworkd.agents.drivers.codex import messages as codex
from coworkd.agents.drivers.codex.errors import error_kind, seconds_until_reset, turn_error
from coworkd.agents.drivers.codex.messages import CodexMethod
from coworkd.agents.json_codec import Json
from coworkd.agents.known_programs import program_model
from coworkd.agents.port import (
    AgentEvent,
    ContextUsed,
    Ended,
    EndReason,
    Retrying,
    SessionStarted,
    ToolEnded,
    ToolStarted,
    UsageReported,
)
from coworkd.agents.protocols.conversation import MAX_SHOWN
from coworkd.agents.protocols.json_access import number_at, text_at, value_at
from coworkd.agents.protocols.json_rpc import JsonRpcConversation, PromptSteps, ResponseSteps, result, unsupported
from coworkd.agents.protocols.protocol_agent import ConversationContext
from coworkd.agents.worker.run_ended import RunEnded
from coworkd.core.model import Usage

_STARTING = "starting"
"""Stands for the id of a turn that has been requested and whose id is not known yet."""


class CodexConversation(JsonRpcConversation):
    """What is said in one start of a run."""

    EXPLAIN_BARE_REFUSALS = False

    def __init__(self, context: ConversationContext, resume: str) -> None:
        super().__init__(context, permissions.render_reply)
        self._resume = resume
        self._steering: dict[int, str] = {}
        """Messages that were sent into the turn and not accepted yet, by request."""
        self._items: dict[str, Json] = {}
        self._replies: set[str] = set()
        """Ids of the replies that have begun."""
        self._thread = ""
        self._turn_id = ""
        """Empty: no turn goes on."""
        self._retry_after: float | None = None

    def _converse(self) -> Iterator[AgentEvent]:
        yield from self._start_turn((yield from self._open_thread()))
        while True:
            self._steer()
            if not (self._turn_id or self._steering):
                yield from self._mailbox.new_posts(last=True)
                if prompt := self._next_prompt():
                    yield from self._start_turn(prompt)
                    continue
                if not self._mailbox.open_requests:
                    return
            yield from self._poll()

    def _open_thread(self) -> PromptSteps:
        """Start a thread, or resume the earlier one where it still exists; the first prompt for it."""
        yield from self._call(CodexMethod.INITIALIZE, codex.initialize_params())
        self._notify(CodexMethod.INITIALIZED)
        agent, prompt = self._assignment.agent, self._assignment.prompt
        params = codex.thread_params(
            self._assignment.worktree, program_model(agent), agent.prompt.strip(), self._assignment.mode
        )
        thread = (yield from self._resume_thread(params)) if self._resume else None
        if thread is not None:
            prompt = self._assignment.follow_up or prompt
        else:
            response = yield from self._call(CodexMethod.START, params)
            thread = value_at(response, "result")
            if thread is None:
                raise RunEnded.after(turn_error(value_at(response, "error"), None))
        self._thread = text_at(thread, "thread", "id")
        if not self._thread:
            raise RunEnded.because(EndReason.FAILED, "it opened no thread")
        yield SessionStarted(session=self._thread)
        return prompt

    def _resume_thread(self, params: codex.Fields) -> ResponseSteps:
        """The thread; None: it does not exist any more."""
        response = yield from self._call(CodexMethod.RESUME, {**params, "threadId": self._resume})
        return value_at(response, "result")

    def _start_turn(self, prompt: str) -> Iterator[AgentEvent]:
        self._turn_id = _STARTING
        params: codex.Fields = {"threadId": self._thread, "input": codex.turn_input(prompt)}
        response = yield from self._call(CodexMethod.TURN, params)
        if value_at(response, "error") is not None:
            raise RunEnded.after(turn_error(value_at(response, "error"), None))

    def _steer(self) -> None:
        """Send messages into the turn that goes on; what it does not accept is said in the next prompt."""
        for request in [request for request in self._steering if request in self._responses]:
            text = self._steering.pop(request)
            if value_at(self._responses.pop(request), "error") is not None:
                self._add_message(text)
        for text in self._signals.take_messages() if self._turn_id != _STARTING else ():
            if not self._turn_id:
                self._add_message(text)
                continue
            params: codex.Fields = {
                "threadId": self._thread, "expectedTurnId": self._turn_id, "input": codex.turn_input(text),
            }  # fmt: skip
            self._steering[self._send_request(CodexMethod.STEER, params)] = text

    def _interrupt(self, ended: Ended) -> None:
        if self._turn_id not in ("", _STARTING):
            self._send_request(CodexMethod.INTERRUPT, {"threadId": self._thread, "turnId": self._turn_id})

    # ---- its requests and notifications

    def _handle_request(self, method: str, request_id: Json, params: Json) -> Iterator[AgentEvent]:
        match method:
            case CodexMethod.APPROVE_COMMAND:
                yield from self._broker.ask_permission(permissions.parse_command_request(request_id, params))
            case CodexMethod.APPROVE_CHANGE:
                item, worktree = self._items.get(text_at(params, "itemId")), self._assignment.worktree
                request = permissions.parse_change_request(request_id, params, item, worktree)
                yield from self._broker.ask_permission(request)
            case CodexMethod.QUESTION:
                yield from self._broker.ask_question(permissions.parse_question(request_id, params))
            case CodexMethod.APPROVE_PERMISSIONS:
                self._send(result(request_id, codex.no_permissions()))
            case _:
                self._send(unsupported(request_id, method))

    def _handle_notification(self, method: str, params: Json) -> Iterator[AgentEvent]:
        match method:
            case CodexMethod.TEXT:
                self._write_reply(text_at(params, "itemId"), text_at(params, "delta"))
            case CodexMethod.ITEM_STARTED:
                yield from self._item(value_at(params, "item"), ended=False)
            case CodexMethod.ITEM_COMPLETED:
                yield from self._item(value_at(params, "item"), ended=True)
            case CodexMethod.USAGE if text_at(params, "turnId") == self._turn_id:
                yield from self._usage(value_at(params, "tokenUsage"))
            case CodexMethod.LIMITS:
                self._retry_after = seconds_until_reset(value_at(params, "rateLimits"), time.time())
            case CodexMethod.ERROR if value_at(params, "willRetry") is True:
                yield Retrying(kind=error_kind(value_at(params, "error", "codexErrorInfo")), delay=0.0)
            case CodexMethod.RESOLVED:
                self._broker.withdraw(value_at(params, "requestId"))
            case CodexMethod.TURN_STARTED if text_at(params, "threadId") == self._thread:
                self._turn_id = text_at(params, "turn", "id")
            case CodexMethod.TURN_COMPLETED if text_at(params, "threadId") == self._thread:
                self._end_turn(value_at(params, "turn"))
            case _:
                pass

    def _item(self, item: Json, *, ended: bool) -> Iterator[AgentEvent]:
        name, used = text_at(item, "id"), calls.tool_of_item(item)
        if used is not None:
            if name not in self._items:
                yield ToolStarted(call=name, tool=used[0], summary=used[1][:MAX_SHOWN])
            self._items[name] = item
            if ended:
                output = text_at(item, "aggregatedOutput")[:MAX_SHOWN]
                yield ToolEnded(call=name, ok=calls.succeeded(item), output=output)
        if ended and text_at(item, "type") == "agentMessage" and name not in self._replies:
            self._write_reply(name, text_at(item, "text"))

    def _usage(self, usage: Json) -> Iterator[AgentEvent]:
        last = value_at(usage, "last")
        used = Usage(
            input_tokens=number_at(last, "inputTokens"),
            cached_tokens=number_at(last, "cachedInputTokens"),
            output_tokens=number_at(last, "outputTokens"),
        )
        if used != Usage():
            yield UsageReported(usage=used)
        if window := number_at(usage, "modelContextWindow"):
            yield ContextUsed(used=number_at(last, "totalTokens"), window=window)

    def _end_turn(self, turn: Json) -> None:
        """A turn is over. It went well only if it says so."""
        self._turn_id = ""
        if text_at(turn, "status") != "completed":
            raise RunEnded.after(turn_error(value_at(turn, "error"), self._retry_after))

    def _write_reply(self, item: str, text: str) -> None:
        if item not in self._replies:
            self._replies.add(item)
            self._start_paragraph()
        self._write(text)
