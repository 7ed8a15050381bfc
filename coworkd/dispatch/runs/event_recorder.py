"""What a run reports while it works: text, questions, permissions, messages, usage become rows and files."""

from __future__ import annotations

import secrets
from dataclasses import replace

from coworkd.agents.port import (
    AgentEvent,
    Asked,
    AskKind,
    ConnectionsRefused,
    ContextUsed,
    ErrorReported,
    Posted,
    SessionStarted,
    TextWritten,
    ToolEnded,
    ToolStarted,
    UsageReported,
)
from coworkd.board.approvals.forms import MAX_SHOWN
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.task_board import Board
from coworkd.board.views import tool_timeline
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Answer, MessageKind, Status, Usage
from coworkd.core.nights import NIGHT
from coworkd.core.policy.tool_permissions import ToolPermission, call_of, proposal
from coworkd.core.runs import ReportedError, WaitingState
from coworkd.dispatch.executors.run_paths import RunPaths
from coworkd.dispatch.runs.grants import Grants
from coworkd.dispatch.runs.permission_requests import PermissionRequests
from coworkd.dispatch.runs.unattended_answers import UnattendedAnswers, unattended_answer
from coworkd.dispatch.scheduling.budget_queries import BudgetReader
from coworkd.dispatch.scheduling.budget_rules import exceeded_reason, invalid_usage_reason
from coworkd.store import RequestKind, RequestRow, RequestState, RunRow, StopRequest
from coworkd.store.events import NewEvent, add_event
from coworkd.store.messages import count_messages
from coworkd.store.requests import find_reported
from coworkd.store.runs import move_run, request_stop, run_event, update_run
from coworkd.store.usage import UsageRow, add_usage

MAX_REPLY = 200_000
"""Characters of a reply that its message holds; the whole of it is in the run's log."""

CONTEXT_WARNINGS = (0.8, 0.9)
"""Shares of the context at which that is said."""


class EventRecorder:
    """Records the events of runs; used by the writer thread alone."""

    def __init__(self, board: Board, places: RunPaths) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._places = places
        self._grants = Grants(board)
        self._permission_requests = PermissionRequests(board)
        self._unattended = UnattendedAnswers(board)
        self._budgets = BudgetReader(board)

    def record(self, run: RunRow, event: AgentEvent, now: float) -> None:
        """One event of a run that is alive; `Ended` is not recorded here."""
        self._record_first_output(run, event, now)
        after = _updated_run(run, event, now)
        update_run(
            self._db, run.id, session=after.session, reply=after.reply, live=after.live, error=after.error
        )  # fmt: skip
        match event:
            case Asked():
                self._add_request(run, event, now)
            case Posted(text=text):
                number = 1 + self._count_messages(run, MessageKind.PROGRESS)
                self._documents.add_message(run, MessageKind.PROGRESS, text, now, name=f"message-{number}")
            case UsageReported():
                self._record_usage(run, event, now)
            case ContextUsed():
                self._record_context(run, after, now)
            case ErrorReported() | ConnectionsRefused():
                self._record_error(run, event, now)
            case _:
                pass

    def _record_first_output(self, run: RunRow, event: AgentEvent, now: float) -> None:
        """The first event of each start of the agent, and the first text of its reply, are events of their own."""
        if run.live.last_event_at <= run.start.at:
            add_event(self._db, run_event(run, now, EventKind.FIRST_OUTPUT, actor="agent"))
        if isinstance(event, TextWritten) and not run.live.first_reply_at:
            add_event(self._db, run_event(run, now, EventKind.FIRST_TEXT, actor="agent"))

    def _record_context(self, run: RunRow, after: RunRow, now: float) -> None:
        """Write an event when it begins to matter how full its context is."""
        live = after.live
        for mark in CONTEXT_WARNINGS:
            if run.live.context_share < mark <= live.context_share:
                self._db.event(now, EventKind.CONTEXT_FILLED, task=run.task, run=run.id, used=live.context_used,
                               window=live.context_window, full=mark)  # fmt: skip

    def _record_error(self, run: RunRow, error: ErrorReported | ConnectionsRefused, now: float) -> None:
        """What the provider or the sandbox reported as wrong; it counts when the run ends with it."""
        if isinstance(error, ConnectionsRefused):
            self._db.event(now, EventKind.CONNECTIONS_REFUSED, task=run.task, run=run.id, hosts=list(error.entries))
            return
        self._db.event(now, EventKind.AGENT_ERROR, task=run.task, actor="agent", run=run.id, error=error.kind,
                       message=error.message[:MAX_SHOWN], retry_after=error.retry_after)  # fmt: skip

    def _count_messages(self, run: RunRow, kind: MessageKind) -> int:
        return count_messages(self._db, run.id, kind)

    # ---- asking

    def _add_request(self, run: RunRow, asked: Asked, now: float) -> None:
        """Request an answer: from a person, unless rules or grants decide.

        The same request of the same run is asked once, however often it is reported.
        """
        known = find_reported(self._db, run.id, asked.request)
        if known is not None and known.text == asked.text:
            return
        permission = asked.kind is AskKind.PERMISSION
        call = call_of(asked.tool, asked.arguments) if permission else None
        request = RequestRow(
            id=secrets.token_hex(8), task=run.task, run=run.id,
            kind=RequestKind.TOOL if permission else RequestKind.QUESTION, name=asked.request, path="",
            state=RequestState.OPEN, answer="", comment="", text=asked.text, created=now, number=0, tool=asked.tool,
            arguments=asked.arguments, pattern=proposal(call) if call else "",
        )  # fmt: skip
        ruling = self._grants.decide(run, asked) if permission else None
        if ruling is not None and ruling.decision is not ToolPermission.ASK:
            answer = Answer.APPROVED if ruling.decision is ToolPermission.ALLOW else Answer.REJECTED
            self._add_settled(request, str(answer), ruling.reason, "policy", now)
        elif self._unattended.is_night(now):
            self._answer_unattended(run, request, now)
        else:
            self._ask_person(run, request, now)

    def _answer_unattended(self, run: RunRow, request: RequestRow, now: float) -> None:
        """No person is there: the agent goes on at once, with the answer that everybody gets at night."""
        decision, words = unattended_answer(request.kind)
        if request.kind is RequestKind.QUESTION:
            number = 1 + self._count_messages(run, MessageKind.QUESTION)
            path = self._documents.add_question(run, number, request.text, now, answer=words)
            request = replace(request, path=path)
        self._add_settled(request, decision, words, NIGHT, now)

    def _add_settled(self, request: RequestRow, answer: str, why: str, by: str, now: float) -> None:
        """No person needs to be asked: the answer is known already, and is delivered like any other."""
        ruled = replace(request, answer=answer, comment=why, answered_by=by)
        data = {
            "run": request.run, "request": request.id, "tool": request.tool or "a question",
            "arguments": request.arguments[:MAX_SHOWN], "answer": answer, "reason": why,
        }  # fmt: skip
        event = NewEvent(at=now, kind=EventKind.REQUEST_SETTLED, task=request.task, actor=by, data=data)
        self._board.requests.add_settled(ruled, event)

    def _ask_person(self, run: RunRow, request: RequestRow, now: float) -> None:
        """A person is asked: the request is committed, its file follows, the task waits."""
        permission = request.kind is RequestKind.TOOL
        if permission:
            self._permission_requests.ask(request, now)
        else:
            self._ask_question(run, request, now)
        why = "the agent asks for a permission" if permission else "the agent asks a question"
        if not isinstance(run.state, WaitingState):
            move_run(self._db, run.id, WaitingState(since=now), run_event(run, now, EventKind.RUN_WAITS, why=why))
        self._board.transition(run.task, Status.WAITING, why, now)

    def _ask_question(self, run: RunRow, request: RequestRow, now: float) -> None:
        number = 1 + self._count_messages(run, MessageKind.QUESTION)
        asked = replace(request, path=self._documents.add_question(run, number, request.text, now))
        self._board.requests.add(asked, now)

    # ---- money

    def _record_usage(self, run: RunRow, report: UsageReported, now: float) -> None:
        """Count what a turn used. A report that cannot be right is not counted, and shown."""
        usage, wrong = report.usage, invalid_usage_reason(report.usage)
        if wrong:
            text = f"{run.agent} reported {wrong} for a turn, which cannot be; that turn is not counted"
            self._board.add_problem(self._board.task(run.task), "usage", text, now)
            self._db.event(now, EventKind.USAGE_REFUSED, task=run.task, run=run.id, reason=wrong)
            usage = Usage()
        add_usage(
            self._db,
            UsageRow(
                at=now, run=run.id, task=run.task, agent=run.agent, billing=run.billing, usage=usage,
                estimated=report.estimated,
            ),
        )  # fmt: skip
        total = run.usage.with_turn(usage, estimated=report.estimated)
        update_run(self._db, run.id, usage=total)
        self._board.update_cost(run.task)
        self._check_budget(replace(run, usage=total), usage, now)

    def _check_budget(self, run: RunRow, usage: Usage, now: float) -> None:
        """Stop a run whose budget is used up, or of which that is not known any more."""
        run = self._with_extra_dollars(run, now)
        row, paid = self._board.task(run.task), run.billing == "api"
        limit = self._board.specs.task(row.path).budget
        capped = paid and (limit.usd is not None or run.reserved_usd is not None)
        used = self._budgets.used_by_task(row)
        if capped and usage.cost_usd is None:
            end = "what it costs is not known, so its cap in `usd` cannot be kept"
        else:
            bound = limit if paid else replace(limit, usd=None)
            end = exceeded_reason(bound, used, run.reserved_usd if paid else None, run.usage.cost_usd)
        if not end or run.stop not in (StopRequest.NONE, StopRequest.BUDGET):
            return
        update_run(self._db, run.id, stop_message=f"{EventKind.BUDGET_USED_UP}: {end}")
        if not run.stop:
            request_stop(self._db, [run], StopRequest.BUDGET)
            self._db.event(now, EventKind.BUDGET_USED_UP, task=run.task, run=run.id, reason=end)

    def _with_extra_dollars(self, run: RunRow, now: float) -> RunRow:
        """Reserve more for a run whose reservation is used up, where there is more that no other run has reserved."""
        reserved, cost = run.reserved_usd, run.usage.cost_usd
        if run.billing != "api" or run.stop or reserved is None or cost is None or cost < reserved:
            return run
        extra = self._budgets.extra_dollars(self._board.task(run.task), now)
        if extra <= 0:
            return run
        update_run(self._db, run.id, reserved_usd=cost + extra)
        return replace(run, reserved_usd=cost + extra)


def _updated_run(run: RunRow, event: AgentEvent, now: float) -> RunRow:
    """The run with what the event changes of it."""
    live = replace(run.live, last_event_at=now)
    run = replace(run, live=live, error=None if isinstance(event, TextWritten | ToolStarted) else run.error)
    match event:
        case SessionStarted(session=session):
            return replace(run, session=session)
        case TextWritten(text=text):
            return replace(
                run, reply=_shortened(run.reply + text), live=replace(live, first_reply_at=live.first_reply_at or now)
            )
        case ToolStarted() | ToolEnded():
            return replace(run, live=replace(live, tool_calls=_updated_tools(live.tool_calls, event, now)))
        case ContextUsed(used=used, window=window) if used >= 0 and window > 0:
            return replace(run, live=replace(live, context_used=used, context_window=window))
        case ConnectionsRefused(entries=entries):
            return replace(run, live=replace(live, refused_hosts="\n".join(entries)))
        case ErrorReported():
            retry_at = None if event.retry_after is None else now + event.retry_after
            error = ReportedError(kind=event.kind, message=event.message[:MAX_SHOWN], retry_at=retry_at)
            return replace(run, error=error)
        case _:
            return run


def _updated_tools(kept: str, event: ToolStarted | ToolEnded, now: float) -> str:
    if isinstance(event, ToolStarted):
        return tool_timeline.call_started(kept, event.call, event.tool, event.summary, now)
    return tool_timeline.call_ended(kept, event.call, now, ok=event.ok)


def _shortened(text: str) -> str:
    if len(text) <= MAX_REPLY:
        return text
    half = MAX_REPLY // 2
    return f"{text[:half]}\n\n[... cut here; the run's log has all that was kept ...]\n\n{text[-half + 200 :]}"
