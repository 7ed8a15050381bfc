"""The loop: ask the model, carry out its calls, report the results, until it has finished.

Reads from the top: `events` is the whole of it. Each step writes to the transcript what it did before the next one
begins, so that a loop that starts over from the same transcript continues in the middle.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from coworkd.agents.drivers.llm import permission_texts, tools
from coworkd.agents.drivers.llm.litellm_client import ModelAnswer
from coworkd.agents.drivers.llm.model_session import ModelSession
from coworkd.agents.drivers.llm.run_clock import RunClock
from coworkd.agents.drivers.llm.tool_runner import ToolResult, ToolRunner
from coworkd.agents.drivers.llm.tools import Tool, ToolUse
from coworkd.agents.drivers.llm.transcript import (
    Begun,
    Prompt,
    Reply,
    RequestedCall,
    Result,
    Transcript,
    Words,
    earlier_answers,
    pending_calls,
    was_started,
)
from coworkd.agents.drivers.llm.worktree_files import ToolError
from coworkd.agents.port import (
    AgentEvent,
    AnswerDecision,
    Asked,
    AskKind,
    Assignment,
    EndReason,
    InboxAnswer,
    SessionStarted,
    TextWritten,
    ToolEnded,
    ToolStarted,
)
from coworkd.agents.prompt.templates import Template, render
from coworkd.agents.protocols.tool_calls import call_context
from coworkd.agents.worker.refusals import Refusals
from coworkd.agents.worker.run_ended import RunEnded
from coworkd.agents.worker.run_signals import RunSignals
from coworkd.core.policy.tool_permissions import ToolCall, ToolDecision, ToolPermission, decide_tool_call

ToolSteps: TypeAlias = Generator[AgentEvent, None, ToolResult]
RefusalSteps: TypeAlias = Generator[AgentEvent, None, str]
AnswerSteps: TypeAlias = Generator[AgentEvent, None, InboxAnswer]

_MAX_TURNS = 500
_MAX_EMPTY_REPLIES = 2
"""Replies in a row with nothing in them, after which the model counts as broken."""
_MAX_LOGGED = 4000
"""Characters of a tool's output that go into the run's log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopContext:
    """What the loop works with."""

    assignment: Assignment
    session: str
    transcript: Transcript
    signals: RunSignals
    clock: RunClock
    model: ModelSession
    tools: ToolRunner


class AgentLoop:
    """One run of a model with its tools."""

    def __init__(self, context: LoopContext) -> None:
        self._assignment = context.assignment
        self._session = context.session
        self._transcript = context.transcript
        self._signals = context.signals
        self._clock = context.clock
        self._model = context.model
        self._tools = context.tools
        self._finished = False
        self._empty_replies = 0
        self._refusals = Refusals()

    def events(self) -> Iterator[AgentEvent]:
        """Everything that happens, the end last."""
        yield SessionStarted(session=self._session)
        try:
            yield from self._carry_out_calls()  # those that an earlier start left open
            self._add_prompt()
            for _ in range(_MAX_TURNS):
                if self._finished:
                    raise RunEnded.because(EndReason.DONE)
                answered = yield from self._model.next_reply()
                self._add_reply(answered)
                yield from self._carry_out_calls()
                self._add_messages()
            raise RunEnded.because(EndReason.FAILED, f"no end after {_MAX_TURNS} replies of the model")
        except RunEnded as halt:
            yield halt.ended

    # ---- the transcript

    def _add_prompt(self) -> None:
        """Begin, or continue where an earlier start stopped."""
        records = self._transcript.records
        resumed = bool(records and self._assignment.resume)
        prompt = (resumed and self._assignment.follow_up) or self._assignment.prompt
        if not any(isinstance(record, Prompt) and record.text == prompt for record in records):
            self._transcript.add(Prompt(text=prompt))
            self._finished = False
        elif isinstance(records[-1], Reply):
            self._transcript.add(Words(text=render(Template.MODEL_INTERRUPTED)))

    def _add_messages(self) -> None:
        """Add what people said meanwhile to the transcript; then there is more to do."""
        if words := self._signals.take_messages():
            self._transcript.add(*(Words(text=text) for text in words))
            self._finished = False

    def _add_reply(self, answered: ModelAnswer) -> None:
        """Keep a reply, and see whether it is the last one: a model may also end by calling nothing."""
        reply = answered.reply
        self._transcript.add(reply)
        done_something = bool(reply.calls) or bool(reply.text.strip() and not answered.cut)
        self._empty_replies = 0 if done_something else self._empty_replies + 1
        if self._empty_replies > _MAX_EMPTY_REPLIES:
            what = "its replies are cut because they are too long" if answered.cut else "it says nothing"
            raise RunEnded.because(EndReason.FAILED, f"the model calls no tool, and {what}")
        if reply.calls:
            return
        if answered.cut or self._empty_replies:
            self._transcript.add(
                Words(text=render(Template.MODEL_CUT_REPLY if answered.cut else Template.MODEL_EMPTY_REPLY))
            )
        else:
            self._finished = True

    # ---- its calls

    def _carry_out_calls(self) -> Iterator[AgentEvent]:
        """Run the calls of the last reply that have no result yet."""
        for call in pending_calls(self._transcript.records):
            yield from self._carry_out(call)

    def _carry_out(self, call: RequestedCall) -> Iterator[AgentEvent]:
        """One call, from parsing to its result."""
        self._clock.check()
        try:
            use = tools.parse_call(call)
            wanted = tools.permission_subject(use, self._tools.path(use))
        except ToolError as error:
            yield ToolStarted(call=call.id, tool=call.tool, summary=call.arguments[:_MAX_LOGGED])
            yield self._add_result(call, ToolResult(ok=False, text=str(error)))
            self._count_refusal(str(error))
            return
        if use.tool is Tool.FINISH:
            yield from self._finish(call, use)
        elif use.tool is Tool.ASK:
            yield from self._question(call, use)
        else:
            yield ToolStarted(call=call.id, tool=use.tool, summary=use.subject[:_MAX_LOGGED])
            done = yield from self._use(call, use, wanted)
            yield self._add_result(call, done)

    def _use(self, call: RequestedCall, use: ToolUse, wanted: ToolCall | None) -> ToolSteps:
        """Do it, if the rules or a person let it."""
        if was_started(self._transcript.records, call):
            return ToolResult(ok=False, text=render(Template.MODEL_INTERRUPTED_CALL))
        if wanted is not None:
            refused = yield from self._refusal(call, use, wanted)
            if refused:
                return ToolResult(ok=False, text=refused)
        if use.changes:
            self._transcript.add(Begun(call=call.id))
        done = self._tools.use(use)
        self._clock.record_activity()
        self._clock.check()  # a command that was ended with its run has no result
        return done

    def _refusal(self, call: RequestedCall, use: ToolUse, wanted: ToolCall) -> RefusalSteps:
        """Why the call is not allowed, as the model is told; empty: it is allowed."""
        decision = self._decide(wanted)
        if decision.decision is ToolPermission.ALLOW:
            self._refusals.reset_row()
            return ""
        if decision.decision is ToolPermission.DENY:
            self._count_refusal(f"`{wanted}`: {decision.reason}.")
            return f"Denied: {decision.reason}."
        asked = Asked(
            request=use.request_name(earlier_answers(self._transcript.records, call)),
            kind=AskKind.PERMISSION,
            text=permission_texts.permission_request(use, decision.reason),
            tool=wanted.tool,
            arguments=wanted.subject,
        )
        answer = yield from self._ask(asked)
        if answer.decision is AnswerDecision.APPROVED:
            self._refusals.reset_row()
            return ""
        self._count_refusal(f"`{wanted}`.")
        return permission_texts.refusal_text(answer)

    def _count_refusal(self, refused: str) -> None:
        self._refusals.add(refused, refused)
        if reason := self._refusals.limit_reason:
            raise RunEnded.because(EndReason.FAILED, reason)

    def _decide(self, wanted: ToolCall) -> ToolDecision:
        assignment = self._assignment
        return decide_tool_call(wanted, assignment.agent.tools, call_context(assignment, requested=False))

    def _question(self, call: RequestedCall, use: ToolUse) -> Iterator[AgentEvent]:
        request = use.request_name(earlier_answers(self._transcript.records, call))
        answer = yield from self._ask(Asked(request=request, kind=AskKind.QUESTION, text=use.text("question")))
        self._transcript.add(Result(call=call.id, text=permission_texts.answer_text(answer), ok=True))

    def _finish(self, call: RequestedCall, use: ToolUse) -> Iterator[AgentEvent]:
        self._transcript.add(Result(call=call.id, text="ok", ok=True))
        self._finished = True
        yield TextWritten(text=use.text("summary"))

    def _ask(self, asked: Asked) -> AnswerSteps:
        """Ask, unless an earlier start of this run was answered; the clocks stand still until the answer comes."""
        if self._signals.answer_to(asked.request) is None:
            yield asked
        while (answer := self._signals.answer_to(asked.request)) is None:
            self._clock.wait(waiting=True)
        self._clock.check(waiting=True)
        return answer

    def _add_result(self, call: RequestedCall, done: ToolResult) -> ToolEnded:
        self._transcript.add(Result(call=call.id, text=done.text, ok=done.ok))
        return ToolEnded(call=call.id, ok=done.ok, output=done.text[:_MAX_LOGGED])
