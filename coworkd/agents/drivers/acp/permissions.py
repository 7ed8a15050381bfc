"""Requests for permission: ruled on as they come, or held open until a person has decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coworkd.agents.drivers.acp import messages as acp
from coworkd.agents.drivers.acp.calls import parse_tool_call
from coworkd.agents.drivers.acp.messages import OptionKind
from coworkd.agents.json_codec import Json
from coworkd.agents.port import AnswerDecision, Asked, AskKind, Assignment
from coworkd.agents.protocols.jsonl_channel import JsonlChannel
from coworkd.agents.protocols.tool_calls import call_context, permission_text
from coworkd.agents.worker.refusals import Refusals
from coworkd.agents.worker.request_names import RequestNames
from coworkd.agents.worker.run_signals import RunSignals
from coworkd.core.policy.tool_permissions import Decision as Verdict
from coworkd.core.policy.tool_permissions import rule

_ALLOW = (OptionKind.ALLOW_ONCE, OptionKind.ALLOW_ALWAYS)
_REJECT = (OptionKind.REJECT_ONCE, OptionKind.REJECT_ALWAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A permission that a person owes an answer to."""

    request: str
    reply_to: Json
    asked: Json


class Permissions:
    """The permissions of one run."""

    def __init__(self, assignment: Assignment, dialogue: JsonlChannel, desk: RunSignals) -> None:
        self._order = assignment
        self._dialogue = dialogue
        self._desk = desk
        self._requests = RequestNames(Path(assignment.run_dir))
        self._held: list[_Held] = []
        self.refusals = Refusals()

    @property
    def waiting(self) -> bool:
        return bool(self._held)

    def asked(self, number: Json, asked: Json) -> Iterator[Asked]:
        """Rule on a request; `refusals` gets what the agent is to be told beside the bare no."""
        tool = acp.value_at(asked, "toolCall")
        call = parse_tool_call(tool, self._order.worktree)
        ruling = rule(call, self._order.agent.tools, call_context(self._order, requested=True))
        if ruling.decision is not Verdict.ASK:
            self._choose(number, asked, allowed=ruling.decision is Verdict.ALLOW)
            if ruling.decision is Verdict.DENY:
                self.refusals.add(str(call), f"`{call}` was denied: {ruling.reason}. Go on without it.")
            return
        held = tuple(held.request for held in self._held)
        request = self._requests.name("permit", [str(call), acp.value_at(tool, "rawInput")], held)
        self._held.append(_Held(request=request, reply_to=number, asked=asked))  # before anybody can answer it
        if self._desk.answer_to(request) is None:
            yield Asked(
                request=request, kind=AskKind.PERMISSION, tool=call.tool, arguments=call.subject,
                text=permission_text(call, acp.text_at(tool, "title"), "", ruling.reason),
            )  # fmt: skip

    def decide(self) -> None:
        """Pass on every answer that has come."""
        for held in list(self._held):
            answer = self._desk.answer_to(held.request)
            if answer is None:
                continue
            self._held.remove(held)
            allowed = answer.decision is AnswerDecision.APPROVED
            if allowed:
                self._requests.mark_used(held.request)
            self._choose(held.reply_to, held.asked, allowed=allowed)
            self._dialogue.watchdog.record_activity()
            if not allowed:
                said = answer.comment.strip() or answer.body.strip()
                words = f"The person you work for did not allow it{f': {said}' if said else '.'}"
                self.refusals.add(held.request, words)

    def withdraw(self) -> None:
        """The run ends: nobody is asked any more."""
        for held in self._held:
            self._dialogue.send(acp.result(held.reply_to, acp.cancel_permission()))
        self._held.clear()

    def _choose(self, number: Json, asked: Json, *, allowed: bool) -> None:
        if allowed:
            self.refusals.reset_row()
        option = acp.find_option(asked, _ALLOW if allowed else _REJECT)
        self._dialogue.send(acp.result(number, acp.select_option(option) if option else acp.cancel_permission()))
