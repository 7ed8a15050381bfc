"""One start of a run with Codex.

Reads from the top: greet, open a thread or take up the one there is, start a turn, and hear until one has ended well
and nobody has anything to add. What people say meanwhile steers the turn, or begins the next one.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import TypeAlias

from coworkd.agents.drivers.codex import calls
from coworkd.agents.drivers.codex import messages as codex
from coworkd.agents.drivers.codex.errors import error_kind, seconds_until_reset, turn_error
from coworkd.agents.drivers.codex.messages import CodexMethod
from coworkd.agents.drivers.codex.permissions import Permits
from coworkd.agents.json_codec import Json
from coworkd.agents.known_programs import program_model
from coworkd.agents.port import (
    FALLBACK_ERRORS,
    AgentEvent,
    ContextUsed,
    Ended,
    EndReason,
    ErrorKind,
    ErrorReported,
    Retrying,
    SessionStarted,
    ToolEnded,
    ToolStarted,
    UsageReported,
)
from coworkd.agents.protocols.json_access import number_at, text_at, value_at
from coworkd.agents.protocols.protocol_agent import ConversationContext
from coworkd.agents.worker.text_stream import TextStream
from coworkd.core.model import Usage

Answer: TypeAlias = Generator[AgentEvent, None, Json]

_LEAVE = 3.0
"""Seconds that it has to go when it is done."""
_SHOWN = 4000
_OPENING = "opening"
"""A turn that has been asked for, and whose id is not known yet."""


class CodexConversation:
    """What is said in one start of a run."""

    def __init__(self, around: ConversationContext) -> None:
        self._order = around.assignment
        self._dialogue = around.channel
        self._desk = around.signals
        self._mail = around.mailbox
        self._permits = Permits(around.assignment, around.channel.send, around.signals)
        self._reply = TextStream(around.assignment.output_limit)
        self._numbers = 0
        self._answers: dict[int, Json] = {}
        self._steering: dict[int, str] = {}
        """What was said into the turn and not taken yet."""
        self._notes: list[str] = []
        """What is said when the turn is over."""
        self._items: dict[str, Json] = {}
        self._streamed: set[str] = set()
        self._thread = ""
        self._turn_id = ""
        """Empty: no turn goes on."""
        self._retry_after: float | None = None
        self._wrote = False
        self._ended: Ended | None = None

    def events(self, resume: str) -> Iterator[AgentEvent]:
        """Everything that happens, the end last."""
        yield from self._open(resume)
        while self._ended is None:
            yield from self._turn()
        yield from self._reply.close()
        self._leave()
        yield self._ended

    # ---- before the work

    def _open(self, resume: str) -> Iterator[AgentEvent]:
        yield from self._ask(CodexMethod.INITIALIZE, codex.initialize_params())
        self._dialogue.send(codex.notification(CodexMethod.INITIALIZED))
        agent = self._order.agent
        params = codex.thread_params(self._order.worktree, program_model(agent), agent.prompt.strip(), self._order.mode)
        opened: Json = None
        if resume:
            opened = value_at((yield from self._ask(CodexMethod.RESUME, {**params, "threadId": resume})), "result")
        prompt = self._order.follow_up if opened and self._order.follow_up else self._order.prompt
        if opened is None:
            answer = yield from self._ask(CodexMethod.START, params)
            opened = value_at(answer, "result")
            if opened is None and self._ended is None:
                yield from self._give_up(turn_error(value_at(answer, "error"), None))
        self._thread = text_at(opened, "thread", "id")
        if self._thread and self._ended is None:
            yield SessionStarted(session=self._thread)
            yield from self._begin(prompt)

    def _begin(self, words: str) -> Iterator[AgentEvent]:
        params: codex.Fields = {"threadId": self._thread, "input": codex.turn_input(words)}
        self._turn_id = _OPENING
        answer = yield from self._ask(CodexMethod.TURN, params)
        if value_at(answer, "error") is not None and self._ended is None:
            yield from self._give_up(turn_error(value_at(answer, "error"), None))

    def _ask(self, method: CodexMethod, params: codex.Message) -> Answer:
        """Ask and hear until the answer comes, or the run has ended: then it is None."""
        asked = self._request(method, params)
        while asked not in self._answers and self._ended is None:
            yield from self._hear()
        return self._answers.pop(asked, None)

    def _request(self, method: CodexMethod, params: codex.Message) -> int:
        self._numbers += 1
        self._dialogue.send(codex.request(self._numbers, method, params))
        return self._numbers

    # ---- the work

    def _turn(self) -> Iterator[AgentEvent]:
        """Hear what there is to hear, pass on what people said, and see whether all is done."""
        yield from self._hear()
        self._take_up()
        if self._ended is not None or self._turn_id or self._steering:
            return
        yield from self._mail.new_posts(last=True)
        if words := self._next_prompt():
            yield from self._begin(words)
        elif not self._mail.open_requests:
            self._ended = Ended(reason=EndReason.DONE)

    def _next_prompt(self) -> str:
        """What people said that no turn took, and what it was refused; empty: there is nothing to add."""
        said, self._notes = self._notes, []
        explanations = self._permits.refusals.take_explanations(person_spoke=bool(said))
        return "\n\n".join([*explanations, *said])

    def _hear(self) -> Iterator[AgentEvent]:
        for message in self._dialogue.receive():
            if self._ended is None:
                yield from self._heard(dict(message))
        yield from self._reply.take(time.monotonic())
        yield from self._mail.new_posts()
        if self._permits.decide():
            self._dialogue.watchdog.record_activity()
        for request in self._mail.open_requests:
            if answer := self._desk.answer_to(request):
                self._notes.append(self._mail.put_answer(request, answer))
        if self._ended is None:
            yield from self._mind()

    def _take_up(self) -> None:
        """Messages steer the turn that goes on; what it did not take is said when it is over."""
        for asked in [asked for asked in self._steering if asked in self._answers]:
            words = self._steering.pop(asked)
            if value_at(self._answers.pop(asked), "error") is not None:
                self._notes.append(words)
        for words in self._desk.take_messages() if self._turn_id != _OPENING else ():
            if not self._turn_id:
                self._notes.append(words)
                continue
            params: codex.Fields = {
                "threadId": self._thread, "expectedTurnId": self._turn_id, "input": codex.turn_input(words),
            }  # fmt: skip
            self._steering[self._request(CodexMethod.STEER, params)] = words

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
            asked = (*self._permits.held, *self._mail.open_requests)
            message = "it goes on when the answer is there"
            self._ended = Ended(reason=EndReason.UNAVAILABLE, message=message, unheard=asked)
        elif (code := self._dialogue.exit_code) is not None:
            for message in self._dialogue.finish():
                yield from self._heard(dict(message))
            words = f"it ended in the middle of its work: {self._dialogue.exit_description(code)}"
            self._ended = self._ended or Ended(reason=EndReason.FAILED, message=words, exit_code=code)

    def _leave(self) -> None:
        """Let it go: politely where it was at work, and in the end without asking."""
        if self._turn_id not in ("", _OPENING):
            self._request(CodexMethod.INTERRUPT, {"threadId": self._thread, "turnId": self._turn_id})
        self._dialogue.close_input()
        until = time.monotonic() + _LEAVE
        while self._dialogue.exit_code is None:
            self._dialogue.receive()
            if time.monotonic() > until or self._desk.killed:
                self._dialogue.stop(EndReason.CANCELLED, at_once=self._desk.killed)
        self._dialogue.finish()

    # ---- what it says

    def _heard(self, message: codex.Fields) -> Iterator[AgentEvent]:
        method, to, params = text_at(message, "method"), message.get("id"), message.get("params")
        if not method:
            self._answers |= {to: message} if isinstance(to, int) else {}
        elif to is not None:
            yield from self._asked(method, to, params)
        else:
            yield from self._noted(method, params)

    def _asked(self, method: str, to: Json, params: Json) -> Iterator[AgentEvent]:
        match method:
            case CodexMethod.APPROVE_COMMAND:
                yield from self._permits.to_run(to, params)
            case CodexMethod.APPROVE_CHANGE:
                item = self._items.get(text_at(params, "itemId"))
                yield from self._permits.to_change(to, item, params)
            case CodexMethod.QUESTION:
                yield from self._permits.question(to, params)
            case CodexMethod.APPROVE_PERMISSIONS:
                self._dialogue.send(codex.result(to, codex.no_permissions()))
            case _:
                self._dialogue.send(codex.refusal(to, method))

    def _noted(self, method: str, params: Json) -> Iterator[AgentEvent]:
        match method:
            case CodexMethod.TEXT:
                self._write(text_at(params, "itemId"), text_at(params, "delta"))
            case CodexMethod.ITEM_STARTED:
                yield from self._item(value_at(params, "item"), ended=False)
            case CodexMethod.ITEM_COMPLETED:
                yield from self._item(value_at(params, "item"), ended=True)
            case CodexMethod.USAGE if text_at(params, "turnId") == self._turn_id:
                yield from self._used(value_at(params, "tokenUsage"))
            case CodexMethod.LIMITS:
                self._retry_after = seconds_until_reset(value_at(params, "rateLimits"), time.time())
            case CodexMethod.ERROR if value_at(params, "willRetry") is True:
                yield Retrying(kind=error_kind(value_at(params, "error", "codexErrorInfo")), delay=0.0)
            case CodexMethod.RESOLVED:
                self._permits.resolved(value_at(params, "requestId"))
            case CodexMethod.TURN_STARTED if text_at(params, "threadId") == self._thread:
                self._turn_id = text_at(params, "turn", "id")
            case CodexMethod.TURN_COMPLETED if text_at(params, "threadId") == self._thread:
                yield from self._completed(value_at(params, "turn"))
            case _:
                pass

    def _item(self, item: Json, *, ended: bool) -> Iterator[AgentEvent]:
        name, used = text_at(item, "id"), calls.tool_of_item(item)
        if used is not None and name not in self._items:
            yield ToolStarted(call=name, tool=used[0], summary=used[1][:_SHOWN])
        if used is not None:
            self._items[name] = item
        if used is not None and ended:
            yield ToolEnded(call=name, ok=calls.succeeded(item), output=text_at(item, "aggregatedOutput")[:_SHOWN])
        if ended and text_at(item, "type") == "agentMessage" and name not in self._streamed:
            self._write(name, text_at(item, "text"))

    def _used(self, usage: Json) -> Iterator[AgentEvent]:
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

    def _completed(self, turn: Json) -> Iterator[AgentEvent]:
        """A turn is over; well only if it says so."""
        self._turn_id = ""
        if text_at(turn, "status") != "completed":
            yield from self._give_up(turn_error(value_at(turn, "error"), self._retry_after))

    def _give_up(self, report: ErrorReported) -> Iterator[AgentEvent]:
        yield report
        advice = "; sign in to it, or give it a key" if report.kind is ErrorKind.AUTH else ""
        reason = EndReason.UNAVAILABLE if report.kind in FALLBACK_ERRORS else EndReason.FAILED
        self._ended = Ended(reason=reason, message=report.message + advice)

    def _write(self, item: str, words: str) -> None:
        new = item not in self._streamed
        self._streamed.add(item)
        words = f"\n\n{words}" if new and self._wrote else words
        self._wrote = True
        self._reply.feed(words.encode(errors="replace"), time.monotonic())
