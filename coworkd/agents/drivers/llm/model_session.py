"""The model as the loop sees it: one reply at a time, within the budget and the context, with retries."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TypeAlias

from coworkd.agents.drivers.llm import litellm_client, tools
from coworkd.agents.drivers.llm.background_request import BackgroundRequest
from coworkd.agents.drivers.llm.chat_messages import chat_messages, summary_messages
from coworkd.agents.drivers.llm.context_meter import ContextMeter
from coworkd.agents.drivers.llm.errors import ProviderError, is_transient
from coworkd.agents.drivers.llm.prices import RunBudget, estimate_tokens, reply_cost
from coworkd.agents.drivers.llm.providers import Access, find_access
from coworkd.agents.drivers.llm.run_clock import RunClock
from coworkd.agents.drivers.llm.transcript import Compacted, Record, Reply, RequestedCall, Transcript, last_count
from coworkd.agents.json_codec import Json
from coworkd.agents.port import (
    FALLBACK_ERRORS,
    AgentEvent,
    Assignment,
    ContextUsed,
    EndReason,
    ErrorKind,
    ErrorReported,
    Retrying,
    TextWritten,
    UsageReported,
)
from coworkd.agents.worker.run_ended import RunEnded
from coworkd.agents.worker.run_signals import RunSignals
from coworkd.agents.worker.text_stream import TextStream
from coworkd.core.errors import AgentFileError
from coworkd.core.model import Usage

ReplySteps: TypeAlias = Generator[AgentEvent, None, litellm_client.ModelAnswer]
RETRY_DELAYS = (0.5, 2.0)
"""Seconds before the second and the third try, where a connection broke. Limits and overload end the run instead."""
_CONNECTION_LOST = "\n\n[The connection broke here; what follows is from a new request.]\n\n"


class ModelSession:
    """Asks the model of one run. The loop adds its replies to the transcript; summaries are added here."""

    def __init__(self, assignment: Assignment, transcript: Transcript, signals: RunSignals, clock: RunClock) -> None:
        litellm_client.refresh_network_settings()
        self._model = assignment.agent.model
        self._access = model_access(assignment)
        self._transcript = transcript
        self._signals = signals
        self._clock = clock
        self._tools = tools.schemas(assignment.mode)
        traits = litellm_client.model_traits(self._model)
        self._prices = traits.prices
        self._max_output = traits.max_output
        self._budget = RunBudget(assignment.budget, traits.prices)
        used, self._counted = last_count(transcript.records)
        """Number of records that the meter's count covers."""
        self._meter = ContextMeter(most=traits.max_input, used=used)
        self._output_left = assignment.output_limit

    def next_reply(self) -> ReplySteps:
        """The next reply, with events on the way. Raises RunEnded when there will be none."""
        if self._meter.full(self._expected() - self._meter.used):
            yield from self._compact()
        try:
            answered = yield from self._ask(chat_messages(self._transcript.records), self._tools)
        except litellm_client.ModelError as error:
            if error.error.kind is not ErrorKind.CONTEXT or not self._compactable():
                yield from self._give_up(error.error)
            yield from self._compact()
            answered = yield from self._ask(chat_messages(self._transcript.records), self._tools, last=True)
        yield from self._measure(answered)
        reply = replace(_unique(answered.reply, self._transcript.records), used=self._meter.used)
        return replace(answered, reply=reply)

    def _expected(self) -> int:
        """Upper estimate of the tokens of the next request."""
        records = self._transcript.records
        if self._counted:
            return self._meter.used + estimate_tokens(json.dumps(chat_messages(records[self._counted :])))
        return estimate_tokens(json.dumps([*chat_messages(records), *self._tools]))

    def _measure(self, answered: litellm_client.ModelAnswer) -> Generator[AgentEvent, None, None]:
        self._counted = len(self._transcript.records) + 1  # with the reply, which is written down next
        share = self._meter.count(answered.usage.input + answered.usage.output)
        if self._meter.most is not None:
            yield ContextUsed(used=self._meter.used, window=self._meter.most)
        if share is not None:
            yield TextWritten(text=f"[The context of the model is {share:.0%} full.]\n\n")

    # ---- one request

    def _ask(self, messages: Sequence[Json], offered: Sequence[Json], *, last: bool = False) -> ReplySteps:
        """Make a request within the budget, and retry if the connection breaks."""
        question = litellm_client.ModelRequest(
            model=self._model, access=self._access, messages=messages, tools=offered, max_output=self._reserve()
        )
        for pause in (*RETRY_DELAYS, None):
            try:
                answered = yield from self._stream(question)
            except litellm_client.ModelError as error:
                trouble = self._redacted(error.error)
                if pause is None or not is_transient(trouble.kind):
                    if trouble.kind is ErrorKind.CONTEXT and not last:
                        raise
                    yield from self._give_up(trouble)
                else:
                    yield Retrying(kind=trouble.kind, delay=pause)
                    self._clock.pause(pause)
            else:
                yield self._charge(answered)
                return answered
        raise AssertionError("the last try gives up")

    def _reserve(self) -> int:
        """The longest reply that may be asked for, so that the worst case stays in the budget."""
        prompt = self._expected()
        if refusal := self._budget.refusal_reason(prompt, self._max_output):
            raise RunEnded.because(EndReason.BUDGET, refusal)
        return self._budget.allowed_output(prompt, self._max_output)

    def _charge(self, answered: litellm_client.ModelAnswer) -> UsageReported:
        spent = answered.usage
        usd = reply_cost(self._prices, spent)
        self._budget.charge(spent, usd)
        usage = Usage(input_tokens=spent.input, cached_tokens=spent.cached, output_tokens=spent.output, cost_usd=usd)
        return UsageReported(usage=usage, estimated=usd is not None)

    def _stream(self, question: litellm_client.ModelRequest) -> ReplySteps:
        """The pieces of one reply as they come. Raises ModelError."""
        exchange = BackgroundRequest(question, self._signals)
        text = TextStream(self._output_left)
        told = 0
        try:
            while not isinstance(piece := exchange.take(), litellm_client.ModelAnswer):
                if piece is None:
                    yield from text.take(time.monotonic())
                    self._clock.wait(text.due(time.monotonic()))
                else:
                    self._clock.record_activity()
                    told += len(piece)
                    text.feed(piece.encode(errors="replace"))
        except litellm_client.ModelError:
            yield from text.close()
            if told:
                yield TextWritten(text=_CONNECTION_LOST)
            raise
        self._output_left = max(0, self._output_left - told)
        yield from text.close()
        if told:
            yield TextWritten(text="\n\n")
        return piece

    def _redacted(self, trouble: ProviderError) -> ProviderError:
        """Some providers quote the key that they refuse."""
        message = trouble.message.replace(self._access.key, "...") if self._access.key else trouble.message
        return replace(trouble, message=message)

    def _give_up(self, trouble: ProviderError) -> Generator[AgentEvent, None, None]:
        yield ErrorReported(kind=trouble.kind, message=trouble.message, retry_after=trouble.retry_after)
        reason = EndReason.UNAVAILABLE if trouble.kind in FALLBACK_ERRORS else EndReason.FAILED
        raise RunEnded.because(reason, f"{self._model}: {trouble.message}")

    # ---- compaction

    def _compactable(self) -> bool:
        """Whether there is anything that a summary could stand for."""
        records = self._transcript.records
        last = max((at for at, record in enumerate(records) if isinstance(record, Compacted)), default=0)
        return any(isinstance(record, Reply) for record in records[last:])

    def _compact(self) -> Generator[AgentEvent, None, None]:
        """Have the model summarise what happened and continue from there. What people said stays word for word."""
        if not self._compactable():
            return
        try:
            answered = yield from self._ask_silently(summary_messages(self._transcript.records))
        except litellm_client.ModelError as error:
            yield from self._give_up(self._redacted(error.error))
            return
        self._transcript.add(Compacted(summary=answered.reply.text or "(nothing was said)"))
        self._counted = 0
        self._meter.emptied()

    def _ask_silently(self, messages: Sequence[Json]) -> ReplySteps:
        """As `_ask`, for what is not part of the reply. The tools stay on offer, as the calls so far need them."""
        steps = self._ask(messages, self._tools)
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                answered: litellm_client.ModelAnswer = end.value
                return answered
            if not isinstance(event, TextWritten):
                yield event


def model_access(assignment: Assignment) -> Access:
    """How the model of an agent is reached. Raises AgentFileError when it names none."""
    agent = assignment.agent
    if not agent.model:
        raise AgentFileError(f"agents/{agent.name}.md has no `model`: write one, such as anthropic/claude-sonnet-4-5")
    return find_access(agent.model, {**os.environ, **dict(agent.env)})


def _unique(reply: Reply, records: Sequence[Record]) -> Reply:
    """Give each call an id that is unique in the session: some servers reuse ids, or send none."""
    seen = {call.id for record in records if isinstance(record, Reply) for call in record.calls}
    calls: list[RequestedCall] = []
    for call in reply.calls:
        name, number = call.id or "call", len(seen)
        calls.append(call if call.id and call.id not in seen else replace(call, id=f"{name}-{number}"))
        seen.add(calls[-1].id)
    return replace(reply, calls=tuple(calls))
