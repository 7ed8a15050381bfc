"""What agents and people are told about messages and answers, and which agent can receive one. Pure."""

from __future__ import annotations

from collections.abc import Collection

from coworkd.agents.port import AnswerDecision, InboxAnswer
from coworkd.core.runs import WaitingState, end_reason
from coworkd.store import RequestRow, RunRow, TaskRow


def can_receive_answers(run: RunRow, alive: Collection[str]) -> bool:
    """Whether the run's agent can receive one; once its end is known it cannot, though its process may linger.

    `alive` are the runs that have a process.
    """
    return not end_reason(run.state) and run.id in alive


def task_over_reason(row: TaskRow) -> str:
    """Why nothing is sent to a task that is over."""
    how = " (closed by hand)" if row.closed_by_hand else ""
    return f"the task is {row.status}{how}; `coworkd ready {row.id}` starts it again"


def waiting_seconds(run: RunRow, now: float) -> float:
    """Seconds that a waiting run has waited in all."""
    since = run.state.since if isinstance(run.state, WaitingState) else 0.0
    return run.live.waiting_seconds + (max(now - since, 0.0) if since else 0.0)


def inbox_answer(request: RequestRow) -> InboxAnswer:
    """An answered request as its agent receives it."""
    decision = AnswerDecision(request.answer)
    if decision is AnswerDecision.REPLY:
        return InboxAnswer(decision=decision, body=request.comment)
    return InboxAnswer(decision=decision, comment=request.comment)
