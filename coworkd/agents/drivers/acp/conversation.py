"""One run of an agent that speaks the protocol.

Reads from the top: greet, open or resume a session, prompt, and hear until the turn is over; what people said meanwhile
is the next prompt.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import TypeAlias

from coworkd.agents.drivers.acp import messages as acp
from coworkd.agents.drivers.acp.errors import error_report
from coworkd.agents.drivers.acp.messages import AcpMethod, AgentCapabilities, StopReason
from coworkd.agents.drivers.acp.permissions import Permissions
from coworkd.agents.json_codec import Json
from coworkd.agents.known_programs import key_variables
from coworkd.agents.port import (
    FALLBACK_ERRORS,
    AgentEvent,
    ContextUsed,
    Ended,
    EndReason,
    ErrorKind,
    ErrorReported,
    SessionStarted,
    ToolEnded,
    ToolStarted,
    UsageReported,
)
from coworkd.agents.protocols.protocol_agent import ConversationContext
from coworkd.agents.worker.text_stream import TextStream
from coworkd.core.model import Mode, Usage

Answer: TypeAlias = Generator[AgentEvent, None, Json]

QUIET_SECONDS = 0.5
"""Seconds without a word after which an agent has told the whole of an old session."""
_GREETING = 60.0
"""Seconds that an agent has to answer before it is at work."""
_LEAVE = 3.0
"""Seconds that an agent has to go when it is done."""
_SHOWN = 4000


class _Over(Exception):  # noqa: N818 - no error: the run has come to an end
    """The run has ended, this way."""

    def __init__(self, ended: Ended, *reports: ErrorReported) -> None:
        super().__init__(ended.message)
        self.ended = ended
        self.reports = reports


class AcpConversation:
    """What is said in one run."""

    def __init__(self, around: ConversationContext) -> None:
        self._order = around.assignment
        self._dialogue = around.channel
        self._desk = around.signals
        self._mail = around.mailbox
        self._permissions = Permissions(around.assignment, around.channel, around.signals)
        self._session = ""
        self._numbers = 0
        self._answers: dict[int, Json] = {}
        self._tools: dict[str, str] = {}
        self._notes: list[str] = []
        self._replaying = False
        self._cost = 0.0
        self._reply_text = TextStream(around.assignment.output_limit)
        self._first = around.assignment.prompt

    def events(self, resume: str) -> Iterator[AgentEvent]:
        """Everything that happens, the end last."""
        try:
            yield from self._open(resume)
            yield from self._work()
            ended = Ended(reason=EndReason.DONE)
        except _Over as over:
            yield from over.reports
            ended = over.ended
        yield from self._reply_text.close()
        self._leave()
        yield ended

    # ---- before the work

    def _open(self, resume: str) -> Iterator[AgentEvent]:
        able = acp.parse_capabilities(
            (yield from self._ask(AcpMethod.INITIALIZE, acp.initialize_params(), patience=_GREETING))
        )
        opened = yield from self._session_for(resume, able)
        yield SessionStarted(session=self._session)
        yield from self._set(opened)

    def _session_for(self, resume: str, able: AgentCapabilities) -> Answer:
        """The session to work in: the old one where the agent can take it up, else a new one."""
        place: dict[str, Json] = {"cwd": self._order.worktree, "mcpServers": []}
        how = AcpMethod.RESUME if able.can_resume else AcpMethod.LOAD if able.can_load else None
        if resume and how is not None:
            self._session, self._replaying = resume, True
            answer = yield from self._reply(how, {**place, "sessionId": resume})
            yield from self._until_quiet()
            self._replaying = False
            if acp.value_at(answer, "error") is None:
                self._first = self._order.follow_up or self._order.prompt
                return acp.value_at(answer, "result")
        answer = yield from self._reply(AcpMethod.NEW, place, patience=_GREETING)
        if acp.value_at(answer, "error", "code") == acp.AUTH_REQUIRED and (way := self._login(able)):
            yield from self._ask(AcpMethod.AUTHENTICATE, {"methodId": way}, patience=_GREETING)
            answer = yield from self._reply(AcpMethod.NEW, place, patience=_GREETING)
        opened = _result(answer)
        self._session = acp.text_at(opened, "sessionId")
        if not self._session:
            raise _Over(Ended(reason=EndReason.FAILED, message="the agent opened no session"))
        return opened

    def _login(self, able: AgentCapabilities) -> str:
        """The way to sign in that needs nobody: by a key that the agent is given."""
        agent = self._order.agent
        names = {name for name, _ in agent.env}.union(agent.env_pass, key_variables(agent))
        keyed = [way for way in able.auth_methods if "api" in way.lower() and "key" in way.lower()]
        return keyed[0] if keyed and any(name.endswith("_API_KEY") for name in names) else ""

    def _until_quiet(self) -> Iterator[AgentEvent]:
        """An agent may go on telling an old session after it said that it was loaded."""
        quiet_since = time.monotonic()
        while time.monotonic() < quiet_since + QUIET_SECONDS:
            heard = self._dialogue.receive(QUIET_SECONDS)
            if heard:
                quiet_since = time.monotonic()
            yield from self._take(heard)
            self._mind(waiting=False)

    def _set(self, opened: Json) -> Iterator[AgentEvent]:
        """The mode and the model, where the agent offers the wanted ones."""
        modes = [acp.text_at(mode, "id") for mode in acp.items_at(opened, "modes", "availableModes")]
        if self._order.mode is Mode.PLAN and "plan" in modes:
            yield from self._ask(AcpMethod.SET_MODE, {"sessionId": self._session, "modeId": "plan"})
        models = [acp.text_at(model, "modelId") for model in acp.items_at(opened, "models", "availableModels")]
        if self._order.agent.model in models:
            yield from self._ask(AcpMethod.SET_MODEL, {"sessionId": self._session, "modelId": self._order.agent.model})

    # ---- the work

    def _work(self) -> Iterator[AgentEvent]:
        """Turns, until one ends well and nobody has anything to add."""
        text = self._first
        while text:
            answer = yield from self._ask(AcpMethod.PROMPT, acp.prompt_params(self._session, text))
            yield from self._used(answer)
            yield from self._mail.new_posts(last=True)
            while self._mail.open_requests:
                yield from self._turn()
            text = self._next_prompt()
            stop = acp.text_at(answer, "stopReason")
            if not text and stop != StopReason.END_TURN:
                message = f"the agent stopped: {stop or 'it did not say why'}"
                raise _Over(Ended(reason=EndReason.FAILED, message=message))

    def _next_prompt(self) -> str:
        """What people said during the turn, and what it was refused; empty: there is nothing to add."""
        said, self._notes = [*self._notes, *self._desk.take_messages()], []
        explanations = self._permissions.refusals.take_explanations(person_spoke=bool(said))
        return "\n\n".join([*explanations, *said])

    def _used(self, answer: Json) -> Iterator[AgentEvent]:
        if used := acp.parse_usage(answer):
            yield UsageReported(usage=used)

    def _ask(self, method: AcpMethod, params: acp.Message, *, patience: float | None = None) -> Answer:
        """Ask and hear until the answer comes; an error ends the run."""
        return _result((yield from self._reply(method, params, patience=patience)))

    def _reply(self, method: AcpMethod, params: acp.Message, *, patience: float | None = None) -> Answer:
        """The whole answer, an error included."""
        self._numbers += 1
        asked = self._numbers
        self._dialogue.send(acp.request(asked, method, params))
        until = None if patience is None else time.monotonic() + patience
        while asked not in self._answers:
            yield from self._turn()
            if until is not None and time.monotonic() > until and asked not in self._answers:
                raise _Over(Ended(reason=EndReason.FAILED, message=f"no answer to {method} within {patience:g} s"))
        return self._answers.pop(asked)

    def _turn(self) -> Iterator[AgentEvent]:
        """Hear what there is to hear, and pass on what people said."""
        yield from self._take(self._dialogue.receive())
        yield from self._reply_text.take(time.monotonic())
        yield from self._mail.new_posts()
        self._permissions.decide()
        for request in self._mail.open_requests:
            if answer := self._desk.answer_to(request):
                self._notes.append(self._mail.put_answer(request, answer))
        self._mind(waiting=self._permissions.waiting or bool(self._mail.open_requests))

    def _mind(self, *, waiting: bool) -> None:
        """Look at the clocks, at who wants the end, and at whether the agent is still there."""
        reason = self._dialogue.watchdog.check(time.monotonic(), waiting=waiting)
        if self._desk.stopped:
            reason = EndReason.CANCELLED
        if reason is not None:
            raise _Over(Ended(reason=reason, message=self._words(reason)))
        if refused := self._permissions.refusals.limit_reason:
            raise _Over(Ended(reason=EndReason.FAILED, message=refused))
        if (code := self._dialogue.exit_code) is not None:
            message = f"the agent ended in the middle of its work: {self._dialogue.exit_description(code)}"
            raise _Over(Ended(reason=EndReason.FAILED, message=message, exit_code=code))

    def _words(self, reason: EndReason) -> str:
        return "cancelled" if reason is EndReason.CANCELLED else self._dialogue.watchdog.explain(reason)

    # ---- what the agent says

    def _take(self, heard: list[acp.Message]) -> Iterator[AgentEvent]:
        for message in heard:
            said = dict(message)
            method, number = acp.text_at(said, "method"), said.get("id")
            if not method:
                self._answers |= {number: said} if isinstance(number, int) else {}
            elif method == AcpMethod.UPDATE:
                yield from self._update(acp.value_at(said, "params", "update"))
            elif method == AcpMethod.PERMISSION:
                yield from self._permissions.asked(number, acp.value_at(said, "params"))
            elif number is not None:
                self._dialogue.send(acp.refusal(number, method))

    def _update(self, update: Json) -> Iterator[AgentEvent]:
        if self._replaying:
            return
        match acp.text_at(update, "sessionUpdate"):
            case "agent_message_chunk":
                self._reply_text.feed(acp.text_at(update, "content", "text").encode(errors="replace"), time.monotonic())
            case "tool_call" | "tool_call_update":
                yield from self._tool(update)
            case "usage_update":
                yield from self._filled(update)
            case _:
                pass

    def _tool(self, update: Json) -> Iterator[AgentEvent]:
        """A tool begins at its first word and ends once."""
        call, status = acp.text_at(update, "toolCallId"), acp.text_at(update, "status")
        if call not in self._tools:
            self._tools[call] = ""
            title = acp.text_at(update, "title")
            yield ToolStarted(call=call, tool=acp.text_at(update, "kind") or "tool", summary=title[:_SHOWN])
        if status in ("completed", "failed") and not self._tools[call]:
            self._tools[call] = status
            yield ToolEnded(call=call, ok=status == "completed", output=_output(update)[:_SHOWN])

    def _filled(self, update: Json) -> Iterator[AgentEvent]:
        used, window = acp.number_at(update, "used"), acp.number_at(update, "size")
        if window:
            yield ContextUsed(used=used, window=window)
        total = acp.value_at(update, "cost", "amount")
        if isinstance(total, int | float) and acp.text_at(update, "cost", "currency") == "USD" and total > self._cost:
            spent, self._cost = total - self._cost, float(total)
            yield UsageReported(usage=Usage(cost_usd=spent))

    # ---- the end

    def _leave(self) -> None:
        """Let the agent go: politely where it was at work, and in the end without asking."""
        if self._session and self._desk.stopped:
            self._permissions.withdraw()
            self._dialogue.send(acp.notification(AcpMethod.CANCEL, {"sessionId": self._session}))
        self._dialogue.close_input()
        until = time.monotonic() + _LEAVE
        while self._dialogue.exit_code is None:
            self._dialogue.receive()
            if time.monotonic() > until or self._desk.killed:
                self._dialogue.stop(EndReason.CANCELLED, at_once=self._desk.killed)
        self._dialogue.finish()


def _result(answer: Json) -> Json:
    """What was answered; an error ends the run: as unavailable, where another agent may do better."""
    error = acp.value_at(answer, "error")
    if error is None:
        return acp.value_at(answer, "result")
    report = error_report(error)
    message = f"{report.message}; sign in to it, or give it a key" if report.kind is ErrorKind.AUTH else report.message
    reason = EndReason.UNAVAILABLE if report.kind in FALLBACK_ERRORS else EndReason.FAILED
    raise _Over(Ended(reason=reason, message=message), report)


def _output(update: Json) -> str:
    pieces = (acp.text_at(item, "content", "text") for item in acp.items_at(update, "content"))
    return "\n".join(piece for piece in pieces if piece)
