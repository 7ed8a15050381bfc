from __future__ import annotations

import dataclasses

import pytest

from coworkd.core.model import Status
from coworkd.daemon.resolve_requests import refusal_reason
from coworkd.store import SubmissionRow, SubmissionState, TaskRow

TASK = TaskRow(
    id="t", path="tasks/t.md", title="T", status=Status.WAITING, reason="", since=0.0, agent="a", priority=0.0,
    created=0.0, attempt=1, by="", landed="", failures=0, conflict_rounds=0, not_before=0.0, closed_by_hand=False,
    requested_status="", request_due_at=0.0, blocked_reason="", from_git=False, owned_elsewhere=False,
    file_missing=False, agent_used="a", cost_usd=None, input_tokens=0, output_tokens=0, exact_id=False,
)  # fmt: skip
WORK = SubmissionRow(
    task="t", number=1, attempt=1, commit_id="c", tree="t", base="b", state=SubmissionState.CONFLICTED, created=0.0,
    needs_approval=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("task", "work", "agent_resolves", "said"),
    [
        (TASK, WORK, False, ""),
        (dataclasses.replace(TASK, status=Status.MERGING), WORK, False, "still with its agent"),
        (TASK, dataclasses.replace(WORK, state=SubmissionState.RETIRED), True, "still with its agent"),
        (TASK, dataclasses.replace(WORK, state=SubmissionState.RETIRED), False, "no conflict that waits for a person"),
        (dataclasses.replace(TASK, status=Status.DONE), None, False, "it is done"),
        (dataclasses.replace(TASK, owned_elsewhere=True, by="bob-1"), WORK, False, "`t` is on bob-1"),
    ],
)
def test_a_conflict_is_a_persons_when_its_task_waits_for_that(
    task: TaskRow, work: SubmissionRow | None, agent_resolves: bool, said: str
) -> None:
    reason = refusal_reason(task, work, agent_resolves=agent_resolves)
    assert said in reason
    assert bool(reason) == bool(said)
