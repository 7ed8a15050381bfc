"""Approvals that Codex asks for, and its questions: ruled on as they come, or held open until a person has decided."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coworkd.agents.drivers.codex import calls
from coworkd.agents.drivers.codex import messages as codex
from coworkd.agents.json_codec import Json
from coworkd.agents.port import AnswerDecision, Asked, AskKind, Assignment
from coworkd.agents.protocols.json_access import items_at, text_at
from coworkd.agents.protocols.tool_calls import call_context, permission_text
from coworkd.agents.worker.refusals import Refusals
from coworkd.agents.worker.request_names import RequestNames
from coworkd.agents.worker.run_signals import RunSignals
from coworkd.core.policy.tool_permissions import Decision as Verdict
from coworkd.core.policy.tool_permissions import Ruling, ToolCall, rule

_STRICT = (Verdict.DENY, Verdict.ASK, Verdict.ALLOW)
"""The order in which the rulings on the parts of one change count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    name: str
    reply_to: Json
    questions: tuple[Json, ...]
    """Empty: it asks for a permission."""
    since: float


class Permits:
    """The permissions and questions of one start of a run."""

    def __init__(self, order: Assignment, say: Callable[[codex.Message], None], desk: RunSignals) -> None:
        self._order = order
        self._say = say
        self._desk = desk
        self._requests = RequestNames(Path(order.run_dir))
        self._held: list[_Held] = []
        self.refusals = Refusals()

    @property
    def held(self) -> tuple[str, ...]:
        """Requests that a person owes an answer to."""
        return tuple(held.name for held in self._held)

    def held_for(self, now: float) -> float:
        """Seconds that the oldest of them has been held open."""
        return max((now - held.since for held in self._held), default=0.0)

    def to_run(self, number: Json, asked: Json) -> Iterator[Asked]:
        """It asks whether it may run something, or reach some place."""
        call = calls.command_call(asked)
        ruling = self._rule(call, requested=True)
        yield from self._settle(number, (call,), ruling, text_at(asked, "reason"))

    def to_change(self, number: Json, item: Json, asked: Json) -> Iterator[Asked]:
        """It asks whether it may change files; those of its worktree are its own."""
        wanted = calls.change_calls(item, self._order.worktree)
        rulings = [self._rule(call, requested=not calls.is_in_worktree(call)) for call in wanted]
        ruling = min(rulings, key=lambda found: _STRICT.index(found.decision))
        details = "\n".join(filter(None, (text_at(asked, "reason"), calls.diffs_text(item))))
        yield from self._settle(number, wanted, ruling, details)

    def question(self, number: Json, asked: Json) -> Iterator[Asked]:
        questions = items_at(asked, "questions")
        name = self._requests.name("question", list(questions), self.held)
        self._hold(number, name, questions or (None,))
        if self._desk.answer_to(name) is None:
            yield Asked(request=name, kind=AskKind.QUESTION, text=calls.questions_text(asked))

    def decide(self) -> bool:
        """Pass on every answer that has come; whether there was one."""
        answers = [(held, answer) for held in self._held if (answer := self._desk.answer_to(held.name))]
        for held, answer in answers:
            self._held.remove(held)
            said = answer.body.strip() or answer.comment.strip()
            allowed = answer.decision is AnswerDecision.APPROVED
            if held.questions or allowed:
                self._requests.mark_used(held.name)
            if held.questions:
                self._say(codex.result(held.reply_to, codex.answers(held.questions, said)))
                continue
            self._say(codex.result(held.reply_to, codex.decision(allowed=allowed)))
            if allowed:
                self.refusals.reset_row()
            else:
                words = f"The person you work for did not allow it: {said}" if said else ""
                self.refusals.add(held.name, words)
        return bool(answers)

    def resolved(self, number: Json) -> None:
        """It does not wait for this answer any more."""
        self._held = [held for held in self._held if held.reply_to != number]

    def _settle(self, number: Json, wanted: tuple[ToolCall, ...], ruling: Ruling, details: str) -> Iterator[Asked]:
        if ruling.decision is not Verdict.ASK:
            self._say(codex.result(number, codex.decision(allowed=ruling.decision is Verdict.ALLOW)))
            if ruling.decision is Verdict.DENY:
                explanation = f"`{wanted[0]}` was denied: {ruling.reason}. Go on without it."
                self.refusals.add(str(wanted[0]), explanation)
            else:
                self.refusals.reset_row()
            return
        name = self._requests.name("permit", [*(str(call) for call in wanted), details], self.held)
        self._hold(number, name, ())
        if self._desk.answer_to(name) is None:
            call = wanted[0]
            yield Asked(
                request=name, kind=AskKind.PERMISSION, tool=call.tool, arguments=call.subject,
                text=permission_text(call, "", details, ruling.reason),
            )  # fmt: skip

    def _hold(self, number: Json, name: str, questions: tuple[Json, ...]) -> None:
        """Before anybody can answer it."""
        self._held.append(_Held(name=name, reply_to=number, questions=questions, since=time.monotonic()))

    def _rule(self, call: ToolCall, *, requested: bool) -> Ruling:
        return rule(call, self._order.agent.tools, call_context(self._order, requested=requested))
