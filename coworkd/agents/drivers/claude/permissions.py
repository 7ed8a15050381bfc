"""What becomes of Claude Code's calls: ruled on as they come, or held open until a person has decided.

It asks twice. By its hook before every call: what the rules deny is denied there, and what they ask about is sent on
to the second question. By `can_use_tool` when that or a rule of its own wants somebody's word.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coworkd.agents.drivers.claude import calls
from coworkd.agents.drivers.claude import messages as claude
from coworkd.agents.json_codec import Json
from coworkd.agents.port import AnswerDecision, Asked, AskKind, Assignment, InboxAnswer
from coworkd.agents.protocols.json_access import text_at, value_at
from coworkd.agents.protocols.tool_calls import call_context, permission_text
from coworkd.agents.worker.refusals import Refusals
from coworkd.agents.worker.request_names import RequestNames
from coworkd.agents.worker.run_signals import RunSignals
from coworkd.core.policy.tool_permissions import Decision as Verdict
from coworkd.core.policy.tool_permissions import Ruling, ToolCall, rule

_PLAN_TAKEN = "The plan has been handed over, and a person decides on it later. Your work is done: end your turn now."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A call that waits for a person's word."""

    name: str
    reply_to: str
    given: Json
    question: bool
    since: float


class Permits:
    """The permissions and questions of one start of a run."""

    def __init__(self, order: Assignment, say: Callable[[claude.Message], None], desk: RunSignals) -> None:
        self._order = order
        self._say = say
        self._desk = desk
        self._requests = RequestNames(Path(order.run_dir))
        self._held: dict[str, _Held] = {}
        self.refusals = Refusals()

    @property
    def held(self) -> tuple[str, ...]:
        """Requests that a person owes an answer to."""
        return tuple(held.name for held in self._held.values())

    def held_for(self, now: float) -> float:
        """Seconds that the oldest of them has been held open."""
        return max((now - held.since for held in self._held.values()), default=0.0)

    def before(self, number: str, hook: Json) -> None:
        """It is about to make a call: the hook's question."""
        call = self._call(text_at(hook, "tool_name"), value_at(hook, "tool_input"))
        ruling = self._rule(call, requested=False) if call else None
        word = claude.HookDecision.PASS
        if ruling is not None and ruling.decision is not Verdict.ALLOW:
            word = claude.HookDecision.DENY if ruling.decision is Verdict.DENY else claude.HookDecision.ASK
        if ruling is not None:
            self._count(ruling, str(call))
        self._say(claude.control_response(number, claude.hook_decision(word, ruling.reason if ruling else "")))

    def asked(self, number: str, request: Json) -> Iterator[Asked]:
        """It asks whether it may make a call."""
        tool, given = text_at(request, "tool_name"), value_at(request, "input")
        call = self._call(tool, given)
        if tool == calls.QUESTION_TOOL:
            yield from self._question(number, given)
        elif tool == calls.PLAN_TOOL:
            self._say(claude.control_response(number, claude.deny(_PLAN_TAKEN)))
        elif call is None:
            self._say(claude.control_response(number, claude.allow(given)))
        else:
            yield from self._permission(number, request, call)

    def withdrawn(self, number: str) -> None:
        """It does not wait for this answer any more."""
        self._held.pop(number, None)

    def decide(self) -> bool:
        """Pass on every answer that has come; whether there was one."""
        answers = [(held, answer) for held in self._held.values() if (answer := self._desk.answer_to(held.name))]
        for held, answer in answers:
            del self._held[held.reply_to]
            self._pass_on(held, answer)
        return bool(answers)

    def _question(self, number: str, given: Json) -> Iterator[Asked]:
        name = self._requests.name("question", calls.identifying_arguments(given), self.held)
        self._hold(number, name, given, question=True)
        if self._desk.answer_to(name) is None:
            yield Asked(request=name, kind=AskKind.QUESTION, text=calls.questions_text(given))

    def _permission(self, number: str, request: Json, call: ToolCall) -> Iterator[Asked]:
        tool, given = text_at(request, "tool_name"), value_at(request, "input")
        ruling = self._rule(call, requested=True)
        if ruling.decision is not Verdict.ASK:
            allowed = ruling.decision is Verdict.ALLOW
            self._count(ruling, str(call))
            self._say(claude.control_response(number, claude.allow(given) if allowed else claude.deny(_no(ruling))))
            return
        name = self._requests.name("permit", [tool, calls.identifying_arguments(given)], self.held)
        self._hold(number, name, given, question=False)
        if self._desk.answer_to(name) is None:
            yield Asked(
                request=name, kind=AskKind.PERMISSION, tool=call.tool, arguments=call.subject,
                text=permission_text(call, text_at(request, "description"), _details(call, given), ruling.reason),
            )  # fmt: skip

    def _hold(self, number: str, name: str, given: Json, *, question: bool) -> None:
        """Before anybody can answer it."""
        self._held[number] = _Held(
            name=name, reply_to=number, given=given, question=question, since=time.monotonic()
        )  # fmt: skip

    def _pass_on(self, held: _Held, answer: InboxAnswer) -> None:
        said = answer.body.strip() or answer.comment.strip()
        if held.question:
            self._requests.mark_used(held.name)
            self._say(claude.control_response(held.reply_to, claude.answer_questions(held.given, said)))
        elif answer.decision is AnswerDecision.APPROVED:
            self._requests.mark_used(held.name)
            self.refusals.reset_row()
            self._say(claude.control_response(held.reply_to, claude.allow(held.given)))
        else:  # a no stands for the whole run
            words = f"The person you work for does not allow it{f': {said}' if said else '.'}"
            self.refusals.add(held.name, words)
            self._say(claude.control_response(held.reply_to, claude.deny(words)))

    def _count(self, ruling: Ruling, call: str) -> None:
        if ruling.decision is Verdict.DENY:
            self.refusals.add(call, f"`{call}`: {ruling.reason}.")
        elif ruling.decision is Verdict.ALLOW:
            self.refusals.reset_row()

    def _call(self, tool: str, given: Json) -> ToolCall | None:
        return calls.parse_tool_call(tool, given, self._order.worktree, self._order.home)

    def _rule(self, call: ToolCall, *, requested: bool) -> Ruling:
        return rule(call, self._order.agent.tools, call_context(self._order, requested=requested))


def _no(ruling: Ruling) -> str:
    return f"It is denied: {ruling.reason}. Go on without it."


def _details(call: ToolCall, given: Json) -> str:
    """The arguments that its subject does not show."""
    if not isinstance(given, dict):
        return ""
    rest = {key: value for key, value in given.items() if key != "description" and value != call.subject}
    return json.dumps(rest, ensure_ascii=False, indent=2) if rest else ""
