from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.model import Status, TaskSpec
from coworkd.documents.decoding import decode
from coworkd.documents.markdown import parse
from coworkd.store import TaskRow
from coworkd.sync.projection import Projection, project_task_file

ROW = TaskRow(
    id="a", path="tasks/a.md", title="A", status=Status.RUNNING, reason="", since=0.0, agent="", priority=2.0,
    created=0.0, attempt=1, by="anna-0001", landed="", failures=0, conflict_rounds=0, not_before=0.0, closed_by_hand=False, requested_status="",
    request_due_at=0.0, blocked_reason="", from_git=False, owned_elsewhere=False, file_missing=False, agent_used="", cost_usd=None, input_tokens=0,
    output_tokens=0, exact_id=False,
)  # fmt: skip
LAYOUTS = [
    "---\nstatus: ready\n---\nbody",
    "---\r\nstatus:   Ready   # go\r\ntitle: 'x'\r\n---\r\nbody\r\n",
    "\ufeff---\n{status: ready, title: x}\n---\nbody\n",
    "---\ntitle: no status\n---\n",
    "---\nSTATUS: ready\ncowork: {id: a, rev: 4, own: kept}\ntags: [x]\n---\nbody\n",
    "---\n# first\nstatus: done # really\ncowork:\n    id: a\n    rev: 1 # ours\n    landed: abc\nz: |\n  t\n---\n\nx",
    "no header at all\n",
]


def projected(data: bytes, row: TaskRow, rev: int = 5) -> Projection:
    return project_task_file(data, decode("tasks/a.md", parse(data)), row, rev)


ROWS = st.builds(
    dataclasses.replace,
    st.just(ROW),
    status=st.sampled_from(Status),
    attempt=st.integers(0, 9),
    by=st.sampled_from(["", "anna-0001"]),
    landed=st.sampled_from(["", "8c1f2ab"]),
    cost_usd=st.none() | st.floats(0, 100),
    input_tokens=st.integers(0, 10**6),
    output_tokens=st.integers(0, 10**6),
    requested_status=st.sampled_from(["", "ready"]),
)


@pytest.mark.parametrize("text", LAYOUTS)
@given(row=ROWS)
def test_projecting_twice_changes_nothing(text: str, row: TaskRow) -> None:
    once = projected(text.encode(), row)
    again = projected(once.data, row, rev=6)
    assert not again.changed
    assert again.data == once.data


@pytest.mark.parametrize("text", LAYOUTS)
@given(row=ROWS)
def test_only_the_daemons_values_change(text: str, row: TaskRow) -> None:
    before, after = parse(text.encode()), parse(projected(text.encode(), row).data)
    ours = {"status", "cowork"}
    assert after.body == before.body
    assert after.bom == before.bom
    theirs = [[(e.key, e.value) for e in one.entries if e.key.lower() not in ours] for one in (before, after)]
    assert theirs[0] == theirs[1]


@pytest.mark.parametrize("text", LAYOUTS)
@given(row=ROWS)
def test_the_file_says_the_status_unless_a_word_is_pending(text: str, row: TaskRow) -> None:
    made = decode("tasks/a.md", parse(projected(text.encode(), row).data))
    said, before = made.of(TaskSpec).status, decode("tasks/a.md", parse(text.encode())).of(TaskSpec).status
    if row.requested_status:
        assert said is before
    elif before is None and row.status in (Status.DRAFT, Status.READY) and row.attempt == 0:
        assert said is None
    else:
        assert said is row.status


def test_bytes_around_our_values_stay() -> None:
    made = projected(LAYOUTS[1].encode(), ROW).data.decode()
    assert made.startswith("---\r\nstatus:   running   # go\r\ntitle: 'x'\r\ncowork:\r\n")
    assert made.endswith("---\r\nbody\r\n")
    assert not re.search(r"[^\r]\n", made)


def test_a_file_without_anything_to_say_is_left_alone() -> None:
    for text, status in ((LAYOUTS[0], Status.READY), (LAYOUTS[3], Status.DRAFT), (LAYOUTS[3], Status.READY)):
        assert projected(text.encode(), dataclasses.replace(ROW, status=status, attempt=0)) == Projection(
            data=text.encode(), changed=False
        )


def test_a_bare_file_of_a_task_that_was_at_work_says_where_it_stands() -> None:
    shelved = dataclasses.replace(ROW, status=Status.DRAFT, attempt=2)
    made = decode("tasks/a.md", parse(projected(LAYOUTS[3].encode(), shelved).data))
    assert made.of(TaskSpec).status is Status.DRAFT
    assert made.cowork.id == ROW.id
