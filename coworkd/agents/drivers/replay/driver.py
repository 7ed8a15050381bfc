"""The driver `replay`: carries out the steps of a recorded session in the worktree.

The same recording and the same answers give the same changes, so that demonstrations and tests need no model. A step
must not change anything outside of the worktree.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from coworkd.agents.drivers.replay import recording
from coworkd.agents.drivers.replay.tools import ReplayTools
from coworkd.agents.port import (
    AgentEvent,
    AnswerDecision,
    Asked,
    AskKind,
    Assignment,
    Ended,
    EndReason,
    InboxAnswer,
    TextWritten,
    ToolEnded,
    ToolStarted,
    UsageReported,
)
from coworkd.agents.worker.inbox import read_answer
from coworkd.agents.worker.run_ended import RunEnded
from coworkd.agents.worker.running_program import earliest
from coworkd.agents.worker.watchdog import Watchdog
from coworkd.core.errors import AgentError, AgentFileError
from coworkd.core.model import Usage
from coworkd.system import process_tree


class ReplayAgent:
    """One run of a recording."""

    def __init__(self) -> None:
        self._answers = _Answers()
        self._run = ""

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        """Start at the first step, whatever `resume` is. A request with an answer in the inbox is not repeated."""
        path = Path(assignment.recording, f"{assignment.task}.jsonl")
        try:
            steps = recording.parse_recording(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise AgentError(f"the recording {path} cannot be read: {error}") from error
        speed = _speed(assignment)
        self._run = assignment.run
        for file in assignment.inbox:
            if answer := read_answer(file.text):
                self._answers.put(file.name, answer)
        return _Playback(assignment, self._answers, speed).events(steps)

    def answer(self, request: str, answer: InboxAnswer) -> None:
        self._answers.put(request, answer)

    def deliver(self, name: str, text: str) -> None:
        """Does nothing: the steps of a recording do not depend on messages."""

    def cancel(self) -> None:
        self._answers.stop()

    def kill(self) -> None:
        self._answers.stop()
        process_tree.terminate(lambda: process_tree.members(os.getpid(), self._run), 0.0)


class _Answers:
    """The answers given so far, and whether the run was stopped; safe to use from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._given: dict[str, InboxAnswer] = {}
        self.stopped = threading.Event()

    def put(self, request: str, answer: InboxAnswer) -> None:
        with self._changed:
            self._given[request] = answer
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self.stopped.set()
            self._changed.notify_all()

    def get(self, request: str) -> InboxAnswer | None:
        with self._changed:
            return self._given.get(request)

    def wait(self, request: str) -> InboxAnswer | None:
        """The answer to a request; None when the run is stopped before it comes."""
        with self._changed:
            self._changed.wait_for(lambda: request in self._given or self.stopped.is_set())
            return self._given.get(request)


class _Playback:
    """Carries out the steps of a recording, one after the other."""

    def __init__(self, assignment: Assignment, answers: _Answers, speed: float) -> None:
        self._assignment = assignment
        self._answers = answers
        self._speed = speed
        self._calls = 0
        self._watchdog = Watchdog(timeout=assignment.timeout, stall=assignment.stall, now=time.monotonic())

    def events(self, steps: tuple[recording.Step, ...]) -> Iterator[AgentEvent]:
        with tempfile.TemporaryDirectory(prefix="cowork-", ignore_cleanup_errors=True) as tmp:
            tools = ReplayTools(self._assignment, Path(tmp), self._answers.stopped)
            try:
                yield from self._play(steps, tools)
            except RunEnded as end:
                yield end.ended
            else:
                yield Ended(reason=EndReason.DONE)

    def _play(self, steps: tuple[recording.Step, ...], tools: ReplayTools) -> Iterator[AgentEvent]:
        for step in steps:
            if not isinstance(step, recording.End):  # nothing comes between the last step and the end
                self._raise_if_over()
            self._watchdog.record_activity(time.monotonic())
            yield from self._play_step(step, tools)
        self._raise_if_over()

    def _play_step(self, step: recording.Step, tools: ReplayTools) -> Iterator[AgentEvent]:
        match step:
            case recording.Say(say=text):
                yield _paragraph(recording.fill_answers(text, self._answers.get))
            case recording.Ask():
                yield from self._ask(Asked(request=step.name, kind=AskKind.QUESTION, text=step.ask))
            case recording.Permit():
                yield from self._permit(step, tools)
            case recording.ReportUsage(usage=tokens):
                yield UsageReported(usage=_usage(tokens))
            case recording.Pause(pause=seconds):
                self._pause(seconds / self._speed)
            case recording.End(end=outcome, message=message):
                if message and outcome is recording.RecordedEnd.DONE:
                    yield _paragraph(message)
                raise RunEnded.because(EndReason(outcome.value), message)
            case _:
                yield from self._use_tool(step, tools)

    def _use_tool(self, step: recording.ToolStep, tools: ReplayTools) -> Iterator[AgentEvent]:
        step = recording.fill_step(step, self._answers.get)
        self._calls += 1
        call = str(self._calls)
        tool, summary = recording.describe(step)
        yield ToolStarted(call=call, tool=tool, summary=summary)
        used = tools.use(step, timeout=self._assignment.timeout - self._watchdog.worked_seconds)
        self._watchdog.record_activity(time.monotonic())
        yield ToolEnded(call=call, ok=used.ok, output=used.output)
        self._raise_if_over()
        if used.fatal:
            raise RunEnded.because(EndReason.FAILED, used.fatal)

    def _permit(self, step: recording.Permit, tools: ReplayTools) -> Iterator[AgentEvent]:
        asked = Asked(
            request=step.name, kind=AskKind.PERMISSION, text=step.permit, tool=step.tool, arguments=step.arguments
        )
        yield from self._ask(asked)
        answer = self._answers.get(step.name)
        if answer is not None and answer.decision is not AnswerDecision.APPROVED:
            yield from self._play(step.otherwise, tools)
            raise RunEnded.because(EndReason.DONE)

    def _ask(self, asked: Asked) -> Iterator[AgentEvent]:
        """Ask and wait, unless there is an answer already. The time limits do not include the time spent waiting."""
        if self._answers.get(asked.request) is None:
            yield asked
            self._answers.wait(asked.request)
            self._watchdog.check(time.monotonic(), waiting=True)
        self._raise_if_over()

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - (now := time.monotonic())) > 0:
            self._answers.stopped.wait(earliest(left, self._watchdog.seconds_left(now, waiting=False)))
            self._watchdog.end_wait(time.monotonic(), waiting=False)
            self._raise_if_over()

    def _raise_if_over(self) -> None:
        """Raises RunEnded when the run was stopped, or when a time limit is reached."""
        if self._answers.stopped.is_set():
            raise RunEnded.because(EndReason.CANCELLED, "cancelled")
        if reason := self._watchdog.check(time.monotonic(), waiting=False):
            raise RunEnded.because(reason, self._watchdog.explain(reason))


def _paragraph(text: str) -> TextWritten:
    """A text as a paragraph of its own in the reply."""
    return TextWritten(text=f"{text}\n\n")


def _usage(tokens: recording.Tokens) -> Usage:
    return Usage(
        input_tokens=tokens.input,
        cached_tokens=tokens.cached,
        output_tokens=tokens.output,
        cost_usd=tokens.cost_usd,
    )


def _speed(assignment: Assignment) -> float:
    text = dict(assignment.agent.env).get(recording.SPEED, os.environ.get(recording.SPEED, "1"))
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise AgentFileError(f"{recording.SPEED} is {text!r}: write a number above 0, such as 10 for ten times faster")
    return speed
