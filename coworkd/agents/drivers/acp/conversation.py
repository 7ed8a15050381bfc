"""One start of a run with an agent that speaks the Agent Client Protocol.

It opens or resumes a session and prompts, turn by turn, until one has ended well and nothing is left to say. What
people say meanwhile is the next prompt.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from coworkd.agents.drivers.acp import messages as acp
from coworkd.agents.drivers.acp import permissions
from coworkd.agents.drivers.acp.errors import error_report
from coworkd.agents.drivers.acp.messages import AcpMethod, AgentCapabilities, StopReason
from coworkd.agents.json_codec import Json
from coworkd.agents.known_programs import key_variables
from coworkd.agents.port import (
    AgentEvent,
    ContextUsed,
    Ended,
    EndReason,
    SessionStarted,
    ToolEnded,
    ToolStarted,
    UsageReported,
)
from coworkd.agents.protocols.conversation import MAX_SHOWN
from coworkd.agents.protocols.json_access import items_at, number_at, text_at, value_at
from coworkd.agents.protocols.json_rpc import JsonRpcConversation, PromptSteps, ResponseSteps, unsupported
from coworkd.agents.protocols.protocol_agent import ConversationContext
from coworkd.agents.worker.run_ended import RunEnded
from coworkd.core.model import Mode, Usage

QUIET_SECONDS = 0.5
"""Seconds without a message after which an agent has replayed the whole of an old session."""
_SESSION_MODES: Mapping[Mode, Sequence[str]] = {Mode.BUILD: (), Mode.PLAN: ("plan",), Mode.ANSWER: ("ask", "plan")}
"""The modes that fit, the best first, by the ids that agents give them; none: as it is."""
_START_TIMEOUT = 60.0
"""Seconds that an agent has for each answer before it starts to work."""


class AcpConversation(JsonRpcConversation):
    """What is said in one start of a run."""

    HOLD_LIMITED = False
    ENVELOPE: ClassVar[Mapping[str, Json]] = {"jsonrpc": "2.0"}

    def __init__(self, context: ConversationContext, resume: str) -> None:
        super().__init__(context, permissions.render_reply)
        self._resume = resume
        self._session = ""
        self._replaying = False
        self._tools: dict[str, str] = {}
        """Final status of each tool call; empty while it is at work."""
        self._cost = 0.0

    def _converse(self) -> Iterator[AgentEvent]:
        prompt = yield from self._open()
        while prompt:
            answer = yield from self._ask(AcpMethod.PROMPT, acp.prompt_params(self._session, prompt))
            if used := acp.parse_usage(answer):
                yield UsageReported(usage=used)
            yield from self._mailbox.new_posts(last=True)
            while self._mailbox.open_requests:
                yield from self._poll()
            prompt = self._next_prompt()
            stop = text_at(answer, "stopReason")
            if not prompt and stop != StopReason.END_TURN:
                raise RunEnded.because(EndReason.FAILED, f"the agent stopped: {stop or 'it did not say why'}")

    def _next_prompt(self) -> str:
        self._messages += self._signals.take_messages()
        return super()._next_prompt()

    def _interrupt(self, ended: Ended) -> None:
        if self._session and self._signals.stopped:
            self._broker.cancel_all()
            self._notify(AcpMethod.CANCEL, {"sessionId": self._session})

    # ---- before the work

    def _open(self) -> PromptSteps:
        """Open the session and set it up; the first prompt for it."""
        greeting = yield from self._ask(AcpMethod.INITIALIZE, acp.initialize_params(), timeout=_START_TIMEOUT)
        capabilities = acp.parse_capabilities(greeting)
        prompt = self._assignment.prompt
        session = yield from self._resume_session(capabilities)
        if session is not None:
            prompt = self._assignment.follow_up or prompt
        else:
            session = yield from self._new_session(capabilities)
        yield SessionStarted(session=self._session)
        yield from self._configure(session)
        return prompt

    def _resume_session(self, capabilities: AgentCapabilities) -> ResponseSteps:
        """The earlier session, its id and its state; None where the agent cannot resume it."""
        method = AcpMethod.RESUME if capabilities.can_resume else AcpMethod.LOAD if capabilities.can_load else None
        if not self._resume or method is None:
            return None
        self._session, self._replaying = self._resume, True
        response = yield from self._call(method, {**self._session_params(), "sessionId": self._resume})
        yield from self._wait_until_quiet()
        self._replaying = False
        return None if value_at(response, "error") is not None else value_at(response, "result") or {}

    def _new_session(self, capabilities: AgentCapabilities) -> ResponseSteps:
        response = yield from self._call(AcpMethod.NEW, self._session_params(), timeout=_START_TIMEOUT)
        needs_auth = value_at(response, "error", "code") == acp.AUTH_REQUIRED
        if needs_auth and (method := self._auth_method(capabilities)):
            yield from self._ask(AcpMethod.AUTHENTICATE, {"methodId": method}, timeout=_START_TIMEOUT)
            response = yield from self._call(AcpMethod.NEW, self._session_params(), timeout=_START_TIMEOUT)
        session = _result(response)
        self._session = text_at(session, "sessionId")
        if not self._session:
            raise RunEnded.because(EndReason.FAILED, "the agent opened no session")
        return session

    def _session_params(self) -> acp.Message:
        return {"cwd": self._assignment.worktree, "mcpServers": []}

    def _auth_method(self, capabilities: AgentCapabilities) -> str:
        """The way to sign in that needs no person: by a key that the agent is given."""
        agent = self._assignment.agent
        names = {name for name, _ in agent.env}.union(agent.env_pass, key_variables(agent))
        keyed = [method for method in capabilities.auth_methods if "api" in method.lower() and "key" in method.lower()]
        return keyed[0] if keyed and any(name.endswith("_API_KEY") for name in names) else ""

    def _wait_until_quiet(self) -> Iterator[AgentEvent]:
        """An agent may go on replaying an old session after it has answered that it is loaded."""
        quiet_since = time.monotonic()
        while time.monotonic() < quiet_since + QUIET_SECONDS:
            messages = self._channel.receive(QUIET_SECONDS)
            if messages:
                quiet_since = time.monotonic()
            for message in messages:
                yield from self._handle(message)
            yield from self._check_end()

    def _configure(self, session: Json) -> Iterator[AgentEvent]:
        """Set the mode and the model, where the agent offers the wanted ones."""
        modes = [text_at(mode, "id") for mode in items_at(session, "modes", "availableModes")]
        wanted_mode = next((mode for mode in _SESSION_MODES[self._assignment.mode] if mode in modes), "")
        if wanted_mode:
            yield from self._ask(AcpMethod.SET_MODE, {"sessionId": self._session, "modeId": wanted_mode})
        models = [text_at(model, "modelId") for model in items_at(session, "models", "availableModels")]
        wanted = self._assignment.agent.model
        if wanted in models:
            yield from self._ask(AcpMethod.SET_MODEL, {"sessionId": self._session, "modelId": wanted})

    def _ask(self, method: AcpMethod, params: acp.Message, *, timeout: float | None = None) -> ResponseSteps:
        """Send a request and poll until its result is there; an error ends the run."""
        return _result((yield from self._call(method, params, timeout=timeout)))

    # ---- its requests and notifications

    def _handle_request(self, method: str, request_id: Json, params: Json) -> Iterator[AgentEvent]:
        if method == AcpMethod.PERMISSION:
            request = permissions.parse_request(request_id, params, self._assignment.worktree)
            yield from self._broker.ask_permission(request)
        else:
            self._send(unsupported(request_id, method))

    def _handle_notification(self, method: str, params: Json) -> Iterator[AgentEvent]:
        if method != AcpMethod.UPDATE or self._replaying:
            return
        update = value_at(params, "update")
        match text_at(update, "sessionUpdate"):
            case "agent_message_chunk":
                self._write(text_at(update, "content", "text"))
            case "tool_call" | "tool_call_update":
                yield from self._tool_call(update)
            case "usage_update":
                yield from self._usage(update)
            case _:
                pass

    def _tool_call(self, update: Json) -> Iterator[AgentEvent]:
        """A call starts with its first update, and ends once."""
        call, status = text_at(update, "toolCallId"), text_at(update, "status")
        if call not in self._tools:
            self._tools[call] = ""
            tool, title = text_at(update, "kind") or "tool", text_at(update, "title")
            yield ToolStarted(call=call, tool=tool, summary=title[:MAX_SHOWN])
        if status in ("completed", "failed") and not self._tools[call]:
            self._tools[call] = status
            yield ToolEnded(call=call, ok=status == "completed", output=_output(update)[:MAX_SHOWN])

    def _usage(self, update: Json) -> Iterator[AgentEvent]:
        used, window = number_at(update, "used"), number_at(update, "size")
        if window:
            yield ContextUsed(used=used, window=window)
        total = value_at(update, "cost", "amount")
        if isinstance(total, int | float) and text_at(update, "cost", "currency") == "USD" and total > self._cost:
            added, self._cost = total - self._cost, float(total)
            yield UsageReported(usage=Usage(cost_usd=added))


def _result(response: Json) -> Json:
    error = value_at(response, "error")
    if error is not None:
        raise RunEnded.after(error_report(error))
    return value_at(response, "result")


def _output(update: Json) -> str:
    pieces = (text_at(item, "content", "text") for item in items_at(update, "content"))
    return "\n".join(piece for piece in pieces if piece)
