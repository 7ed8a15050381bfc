"""Answers a program's requests for permission and its questions: at once by the rules, or later by a person.

A protocol adds two functions. One parses a request into a `PermissionRequest` or a `QuestionRequest`; the other renders
the broker's reply as a message of the protocol. The broker must never allow a call that neither the rules nor a person
allowed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from coworkd.agents.json_codec import Json
from coworkd.agents.port import AnswerDecision, Asked, AskKind, Assignment, InboxAnswer
from coworkd.agents.prompt.templates import Template, render
from coworkd.agents.protocols.tool_calls import call_context, permission_text
from coworkd.agents.worker.refusals import Refusals
from coworkd.agents.worker.request_names import RequestNames
from coworkd.agents.worker.run_signals import RunSignals
from coworkd.core.policy.tool_permissions import ToolCall, ToolDecision, ToolPermission, decide_tool_call

_STRICTEST_FIRST = (ToolPermission.DENY, ToolPermission.ASK, ToolPermission.ALLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionRequest:
    """A program asks whether it may do something."""

    id: Json
    """The protocol's own id of the request: the reply is addressed to it."""
    calls: tuple[ToolCall, ...] = ()
    """What it wants to do. Nothing: it is allowed."""
    routine_calls: tuple[ToolCall, ...] = ()
    """What it wants to do and needs no permission for unless a rule says so, such as changes in its own worktree."""
    identity: Json = None
    """What makes two requests the same: an answer to one counts for the other after a restart."""
    title: str = ""
    details: str = ""
    payload: Json = None
    """What the protocol needs to render the reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRequest:
    """A program asks its user something."""

    id: Json
    text: str
    identity: Json = None
    payload: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAllowed:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDenied:
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswered:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCancelled:
    """The run ends before a person has answered."""


BrokerRequest: TypeAlias = PermissionRequest | QuestionRequest
BrokerReply: TypeAlias = CallAllowed | CallDenied | QuestionAnswered | RequestCancelled
ReplyRenderer: TypeAlias = Callable[[BrokerRequest, BrokerReply], Mapping[str, Json]]
"""Renders a reply as a message of the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeldRequest:
    """A request that waits for a person."""

    request: BrokerRequest
    since: float


class PermissionBroker:
    """The permissions and questions of one start of a run; used by the run's own thread."""

    def __init__(
        self,
        assignment: Assignment,
        signals: RunSignals,
        send: Callable[[Mapping[str, Json]], None],
        render_reply: ReplyRenderer,
        *,
        explain_bare_refusals: bool = True,
    ) -> None:
        """`explain_bare_refusals`: the reply alone does not tell the program that a person refused."""
        self._assignment = assignment
        self._signals = signals
        self._send = send
        self._render_reply = render_reply
        self._explain_bare_refusals = explain_bare_refusals
        self._names = RequestNames(Path(assignment.run_dir))
        self._held: dict[str, _HeldRequest] = {}
        self.refusals = Refusals()

    @property
    def open_requests(self) -> tuple[str, ...]:
        """Names of the requests that wait for a person."""
        return tuple(self._held)

    def longest_hold(self, now: float) -> float:
        """Seconds that the oldest open request has waited."""
        return max((now - held.since for held in self._held.values()), default=0.0)

    def check_call(self, call: ToolCall) -> ToolDecision:
        """Apply the rules to a call that the program announces and does not ask about."""
        decision = self._decide(call, requested=False)
        self._count(decision, call)
        return decision

    def ask_permission(self, request: PermissionRequest) -> Iterator[Asked]:
        """Reply at once where the rules decide, else ask a person."""
        calls = (*request.calls, *request.routine_calls)
        if not calls:
            self._reply(request, CallAllowed())
            return
        decision = self._strictest(request)
        if decision.decision is ToolPermission.ASK:
            yield from self._ask_person(request, calls[0], decision.reason)
            return
        self._count(decision, calls[0])
        allowed = decision.decision is ToolPermission.ALLOW
        self._reply(request, CallAllowed() if allowed else CallDenied(explanation=_denial(calls[0], decision)))

    def ask_question(self, question: QuestionRequest) -> Iterator[Asked]:
        name = self._hold("question", question)
        if self._signals.answer_to(name) is None:
            yield Asked(request=name, kind=AskKind.QUESTION, text=question.text)

    def deliver_answers(self) -> bool:
        """Reply to every request that a person has answered; whether there was one."""
        answered = [(name, answer) for name in self._held if (answer := self._signals.answer_to(name))]
        for name, answer in answered:
            self._deliver(name, self._held.pop(name).request, answer)
        return bool(answered)

    def withdraw(self, request_id: Json) -> None:
        """The program does not wait for this reply any more."""
        self._held = {name: held for name, held in self._held.items() if held.request.id != request_id}

    def cancel_all(self) -> None:
        """The run ends: reply to every open request that it is cancelled."""
        for held in self._held.values():
            self._reply(held.request, RequestCancelled())
        self._held.clear()

    def _ask_person(self, request: PermissionRequest, call: ToolCall, reason: str) -> Iterator[Asked]:
        name = self._hold("permit", request)
        if self._signals.answer_to(name) is None:
            text = permission_text(call, request.title, request.details, reason)
            yield Asked(request=name, kind=AskKind.PERMISSION, text=text, tool=call.tool, arguments=call.subject)

    def _hold(self, kind: str, request: BrokerRequest) -> str:
        """Register the request before it is asked: an answer may come from another thread at once."""
        name = self._names.name(kind, request.identity, self._held)
        self._held[name] = _HeldRequest(request=request, since=time.monotonic())
        return name

    def _deliver(self, name: str, request: BrokerRequest, answer: InboxAnswer) -> None:
        text = answer.body.strip() or answer.comment.strip()
        if isinstance(request, QuestionRequest):
            self._names.mark_used(name)
            self._reply(request, QuestionAnswered(text=text))
        elif answer.decision is AnswerDecision.APPROVED:
            self._names.mark_used(name)
            self.refusals.reset_row()
            self._reply(request, CallAllowed())
        else:  # the name stays unused: the refusal counts for the whole run
            explanation = render(Template.CALL_REFUSED, comment=f": {text}" if text else ".")
            self.refusals.add(name, explanation if text or self._explain_bare_refusals else "")
            self._reply(request, CallDenied(explanation=explanation))

    def _strictest(self, request: PermissionRequest) -> ToolDecision:
        decisions = [self._decide(call, requested=True) for call in request.calls]
        decisions += [self._decide(call, requested=False) for call in request.routine_calls]
        return min(decisions, key=lambda decision: _STRICTEST_FIRST.index(decision.decision))

    def _decide(self, call: ToolCall, *, requested: bool) -> ToolDecision:
        return decide_tool_call(call, self._assignment.agent.tools, call_context(self._assignment, requested=requested))

    def _count(self, decision: ToolDecision, call: ToolCall) -> None:
        if decision.decision is ToolPermission.DENY:
            self.refusals.add(str(call), _denial(call, decision))
        elif decision.decision is ToolPermission.ALLOW:
            self.refusals.reset_row()

    def _reply(self, request: BrokerRequest, reply: BrokerReply) -> None:
        self._send(self._render_reply(request, reply))


def _denial(call: ToolCall, decision: ToolDecision) -> str:
    return render(Template.CALL_DENIED, call=call, reason=decision.reason)
