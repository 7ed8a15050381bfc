"""The loop: ask the model, carry out its calls, tell it what came of them, until it has finished.

Reads from the top: `events` is the whole of it. Each step writes to the conversation what it did before the next one
begins, so that a loop that starts over from the same conversation goes on in the middle.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from coworkd.agents.drivers.llm import permission_texts, tools
from coworkd.agents.drivers.llm.litellm_client import Answered
from coworkd.agents.drivers.llm.model_session import Mind
from coworkd.agents.drivers.llm.run_clock import HaltError, Pace
from coworkd.agents.drivers.llm.tool_runner import Done, Toolbox
from coworkd.agents.drivers.llm.tools import Tool, Use
from coworkd.agents.drivers.llm.transcript import (
    Begun,
    Call,
    Conversation,
    Prompt,
    Reply,
    Result,
    Words,
    begun,
    earlier,
    pending,
)
from coworkd.agents.drivers.llm.worktree_files import ToolError
from coworkd.agents.port import (
    AgentEvent,
    Asked,
    AskKind,
    Assignment,
    Decision,
    EndReason,
    InboxAnswer,
    SessionStarted,
    TextWritten,
    ToolEnded,
    ToolStarted,
)
from coworkd.agents.protocols.tool_calls import circumstances
from coworkd.agents.worker.refusals import Refusals
from coworkd.agents.worker.run_signals import Desk
from coworkd.core.policy.tool_permissions import Decision as Verdict
from coworkd.core.policy.tool_permissions import Ruling, ToolCall, rule

Deed: TypeAlias = Generator[AgentEvent, None, Done]
Refusal: TypeAlias = Generator[AgentEvent, None, str]
Answer: TypeAlias = Generator[AgentEvent, None, InboxAnswer]

_GO_ON = "You were interrupted. Look at where you are, and go on with the task."
_NOTHING = "You said nothing and called no tool. Go on with the task; call `finish` when it is done or cannot be done."
_CUT = "Your reply was cut because it became too long. Go on in smaller steps."
_INTERRUPTED = "Interrupted before it ended: nobody knows how far it came. Look before you do it again."
_MOST_TURNS = 500
_MOST_SILENT = 2
"""Replies in a row with nothing in them, after which the model counts as broken."""
_LOGGED = 4000
"""Characters of a tool's output that go into the run's log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the loop works with."""

    assignment: Assignment
    session: str
    talk: Conversation
    desk: Desk
    pace: Pace
    mind: Mind
    toolbox: Toolbox


class Loop:
    """One run of a model with its tools."""

    def __init__(self, around: Surroundings) -> None:
        self._assignment = around.assignment
        self._session = around.session
        self._talk = around.talk
        self._desk = around.desk
        self._pace = around.pace
        self._mind = around.mind
        self._toolbox = around.toolbox
        self._finished = False
        self._silent = 0
        self._refusals = Refusals()

    def events(self) -> Iterator[AgentEvent]:
        """Everything that happens, the end last."""
        yield SessionStarted(session=self._session)
        try:
            yield from self._carry_out_calls()  # those that an earlier life left open
            self._open()
            for _ in range(_MOST_TURNS):
                if self._finished:
                    raise HaltError(EndReason.DONE)
                answered = yield from self._mind.think()
                self._take(answered)
                yield from self._carry_out_calls()
                self._hear()
            raise HaltError(EndReason.FAILED, f"no end after {_MOST_TURNS} replies of the model")
        except HaltError as halt:
            yield halt.ended

    # ---- the conversation

    def _open(self) -> None:
        """Begin, or go on where an earlier life stopped."""
        records = self._talk.records
        resumed = bool(records and self._assignment.resume)
        prompt = (resumed and self._assignment.follow_up) or self._assignment.prompt
        if not any(isinstance(record, Prompt) and record.text == prompt for record in records):
            self._talk.add(Prompt(text=prompt))
            self._finished = False
        elif isinstance(records[-1], Reply):
            self._talk.add(Words(text=_GO_ON))

    def _hear(self) -> None:
        """What people said meanwhile joins the conversation; then there is more to do."""
        if words := self._desk.take_words():
            self._talk.add(*(Words(text=text) for text in words))
            self._finished = False

    def _take(self, answered: Answered) -> None:
        """Keep a reply, and see whether it is the last one: a model may also end by calling nothing."""
        reply = answered.reply
        self._talk.add(reply)
        done_something = bool(reply.calls) or bool(reply.text.strip() and not answered.cut)
        self._silent = 0 if done_something else self._silent + 1
        if self._silent > _MOST_SILENT:
            what = "its replies are cut because they are too long" if answered.cut else "it says nothing"
            raise HaltError(EndReason.FAILED, f"the model calls no tool, and {what}")
        if reply.calls:
            return
        if answered.cut or self._silent:
            self._talk.add(Words(text=_CUT if answered.cut else _NOTHING))
        else:
            self._finished = True

    # ---- its calls

    def _carry_out_calls(self) -> Iterator[AgentEvent]:
        """Whatever the last reply wants done and has no result yet."""
        for call in pending(self._talk.records):
            yield from self._carry_out(call)

    def _carry_out(self, call: Call) -> Iterator[AgentEvent]:
        """One call, from what it means to what came of it."""
        self._pace.check()
        try:
            use = tools.meant(call)
            wanted = tools.ruled(use, self._toolbox.path(use))
        except ToolError as error:
            yield ToolStarted(call=call.id, tool=call.tool, summary=call.arguments[:_LOGGED])
            yield self._note(call, Done(ok=False, text=str(error)))
            self._count_refusal(str(error))
            return
        if use.tool is Tool.FINISH:
            yield from self._finish(call, use)
        elif use.tool is Tool.ASK:
            yield from self._question(call, use)
        else:
            yield ToolStarted(call=call.id, tool=use.tool, summary=use.subject[:_LOGGED])
            done = yield from self._use(call, use, wanted)
            yield self._note(call, done)

    def _use(self, call: Call, use: Use, wanted: ToolCall | None) -> Deed:
        """Do it, if the rules or a person let it."""
        if begun(self._talk.records, call):
            return Done(ok=False, text=_INTERRUPTED)
        if wanted is not None:
            refused = yield from self._refusal(call, use, wanted)
            if refused:
                return Done(ok=False, text=refused)
        if use.changes:
            self._talk.add(Begun(call=call.id))
        done = self._toolbox.use(use)
        self._pace.heard()
        self._pace.check()  # a command that was ended with its run has no result
        return done

    def _refusal(self, call: Call, use: Use, wanted: ToolCall) -> Refusal:
        """Why the call may not be made, in words for the model; empty: it may."""
        ruling = self._ruling(wanted)
        if ruling.decision is Verdict.ALLOW:
            self._refusals.reset_row()
            return ""
        if ruling.decision is Verdict.DENY:
            self._count_refusal(f"`{wanted}`: {ruling.reason}.")
            return f"Denied: {ruling.reason}."
        asked = Asked(
            request=use.request(earlier(self._talk.records, call)),
            kind=AskKind.PERMISSION,
            text=permission_texts.permission(use, ruling.reason),
            tool=wanted.tool,
            arguments=wanted.subject,
        )
        answer = yield from self._ask(asked)
        if answer.decision is Decision.APPROVED:
            self._refusals.reset_row()
            return ""
        self._count_refusal(f"`{wanted}`.")
        return permission_texts.refused(answer)

    def _count_refusal(self, refused: str) -> None:
        self._refusals.add(refused, refused)
        if reason := self._refusals.limit_reason:
            raise HaltError(EndReason.FAILED, reason)

    def _ruling(self, wanted: ToolCall) -> Ruling:
        order = self._assignment
        return rule(wanted, order.agent.tools, circumstances(order, requested=False))

    def _question(self, call: Call, use: Use) -> Iterator[AgentEvent]:
        request = use.request(earlier(self._talk.records, call))
        answer = yield from self._ask(Asked(request=request, kind=AskKind.QUESTION, text=use.text("question")))
        self._talk.add(Result(call=call.id, text=permission_texts.answered(answer), ok=True))

    def _finish(self, call: Call, use: Use) -> Iterator[AgentEvent]:
        self._talk.add(Result(call=call.id, text="ok", ok=True))
        self._finished = True
        yield TextWritten(text=use.text("summary"))

    def _ask(self, asked: Asked) -> Answer:
        """Ask, unless an earlier start of this run was answered; the clocks stand still until the answer comes."""
        if self._desk.answered(asked.request) is None:
            yield asked
        while (answer := self._desk.answered(asked.request)) is None:
            self._pace.wait(waiting=True)
        self._pace.check(waiting=True)
        return answer

    def _note(self, call: Call, done: Done) -> ToolEnded:
        self._talk.add(Result(call=call.id, text=done.text, ok=done.ok))
        return ToolEnded(call=call.id, ok=done.ok, output=done.text[:_LOGGED])
