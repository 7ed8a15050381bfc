"""Who hears an answer, and what is said of one that comes too late."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coworkd.agents.port import AnswerDecision, InboxAnswer
from coworkd.core.model import Status
from coworkd.core.request_states import RequestState
from coworkd.core.runs import LiveStatus, RunReason, WaitingState
from coworkd.dispatch.runs.delivery_rules import can_receive_answers, inbox_answer, task_over_reason, waiting_seconds
from coworkd.store import RequestKind, RequestRow, RunRow, TaskRow

RUN = RunRow(id="r1", task="a", attempt=1, agent="main", state=WaitingState(), started=0.0)
TASK = TaskRow(
    id="a", path="tasks/a.md", title="a", status=Status.RUNNING, reason="", since=0.0, agent="main", priority=2.0,
    created=0.0, attempt=1, by="", landed="", failures=0, conflict_rounds=0, not_before=0.0, closed_by_hand=False,
    requested_status="", request_due_at=0.0, blocked_reason="", from_git=False, owned_elsewhere=False,
    file_missing=False, agent_used="main", cost_usd=None, input_tokens=0, output_tokens=0, exact_id=False,
)  # fmt: skip
REQUEST = RequestRow(
    id="q1", task="a", run="r1", kind=RequestKind.TOOL, name="q", path="approvals/a.md", state=RequestState.ANSWERED,
    answer="approved", comment="go on", text="", created=0.0, number=1, tool="bash",
)  # fmt: skip


@pytest.mark.parametrize(
    ("run", "alive", "hears"),
    [
        (RUN, {"r1"}, True),
        (RUN, {"r2"}, False),
        (replace(RUN, state=WaitingState(reason=RunReason.DONE)), {"r1"}, False),
    ],
)
def test_only_an_agent_that_is_at_work_hears_an_answer(run: RunRow, alive: set[str], hears: bool) -> None:
    assert can_receive_answers(run, alive) is hears


@pytest.mark.parametrize(
    ("status", "by_hand", "reason"),
    [
        (Status.DONE, False, "the task is done; `coworkd ready a` starts it again"),
        (Status.DONE, True, "the task is done (closed by hand); `coworkd ready a` starts it again"),
        (Status.CANCELLED, False, "the task is cancelled; `coworkd ready a` starts it again"),
    ],
)
def test_why_nothing_is_sent_to_a_task_that_is_over(status: Status, by_hand: bool, reason: str) -> None:
    assert task_over_reason(replace(TASK, status=status, closed_by_hand=by_hand)) == reason


@pytest.mark.parametrize(("since", "before", "waited"), [(0.0, 5.0, 5.0), (90.0, 5.0, 15.0), (120.0, 5.0, 5.0)])
def test_how_long_a_run_has_waited(since: float, before: float, waited: float) -> None:
    run = replace(RUN, state=WaitingState(since=since), live=LiveStatus(waiting_seconds=before))
    assert waiting_seconds(run, 100.0) == waited


def test_an_answer_to_a_question_is_text_and_any_other_a_decision_with_a_comment() -> None:
    reply = replace(REQUEST, answer=str(AnswerDecision.REPLY))
    assert inbox_answer(reply) == InboxAnswer(decision=AnswerDecision.REPLY, body="go on")
    assert inbox_answer(REQUEST) == InboxAnswer(decision=AnswerDecision.APPROVED, comment="go on")
