"""What a saved task means: first sight, wishes, and whose it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.core.model import Status
from tests.integration.workspacekit import TASK, Workspace

BODY = "---\n{}---\nDo it.\n"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def seen(place: Workspace, header: str, body: str = "Do it.\n", path: str = TASK) -> Workspace:
    place.save(f"---\n{header}---\n{body}", path)
    place.turn(0.1)
    return place


@pytest.mark.parametrize(
    ("header", "body", "wanted", "wait"),
    [
        ("title: x\n", "Do it.\n", "ready", 10.0),
        ("title: x\n", "", "", None),
        ("status: ready\n", "Do it.\n", "ready", 1.0),
        ("status: ready\n", "", "ready", 10.0),
        ("status: draft\n", "Do it.\n", "", None),
        ("status: To Do\n", "Do it.\n", "", None),
        ("status: done\n", "Do it.\n", "done", 0.0),
        ("status: paused\n", "Do it.\n", "paused", 0.0),
    ],
)
def test_what_a_new_file_requests(place: Workspace, header: str, body: str, wanted: str, wait: float | None) -> None:
    row = seen(place, header, body).task()
    assert row.status is Status.DRAFT
    assert row.requested_status == wanted
    if wait is not None:
        assert row.request_due_at == pytest.approx(place.now + wait, abs=2.0)


def test_every_save_of_an_unfinished_sentence_begins_the_quiet_time_again(place: Workspace) -> None:
    seen(place, "title: x\n", "Do")
    first = place.task().request_due_at
    place.turn(5)
    seen(place, "title: x\n", "Do it")
    assert place.task().request_due_at >= first + 5


def test_a_word_taken_back_before_it_counted(place: Workspace) -> None:
    seen(place, "title: x\n")
    seen(place, "title: x\nstatus: draft\n")
    assert place.task().requested_status == ""


@pytest.mark.parametrize(
    ("status", "stands"),
    [("running", Status.PAUSED), ("waiting", Status.PAUSED), ("merging", Status.PAUSED), ("review", Status.REVIEW),
     ("done", Status.DONE), ("failed", Status.FAILED), ("draft", Status.DRAFT)],
)  # fmt: skip
def test_a_lost_database_starts_nothing_twice(place: Workspace, status: str, stands: Status) -> None:
    row = seen(place, f"status: {status}\ncowork: {{id: a, rev: 3, by: anna-0001, attempt: 2}}\n").task()
    assert (row.status, row.requested_status, row.attempt) == (stands, "", 2)
    assert ("was lost" in row.reason) == (stands is Status.PAUSED)


def test_a_task_of_another_instance_is_theirs(place: Workspace) -> None:
    row = seen(place, "status: running\ncowork: {id: a, rev: 3, by: bob-7777}\n").task()
    assert (row.status, row.owned_elsewhere, row.requested_status) == (Status.RUNNING, True, "")
    before = place.text()
    seen(place, "status: ready\ncowork: {id: a, rev: 3, by: bob-7777}\n")
    assert place.task().requested_status == ""
    place.turns()
    assert place.text() != before, "what was saved here stays as it was saved"
    assert "running" not in place.text()


def test_ids_that_are_taken_get_their_folder_in_front(place: Workspace) -> None:
    seen(place, "status: draft\n", path="tasks/setup.md")
    seen(place, "status: draft\n", path="tasks/api/setup.md")
    seen(place, "status: draft\n", path="tasks/web/setup.md")
    assert {row["id"]: row["path"] for row in place.db.query("SELECT id, path FROM tasks")} == {
        "setup": "tasks/setup.md",
        "api-setup": "tasks/api/setup.md",
        "web-setup": "tasks/web/setup.md",
    }


def test_a_near_miss_holds_the_task(place: Workspace) -> None:
    assert "depend_on" in seen(place, "status: ready\ndepend_on: [b]\n").task().blocked_reason
    assert seen(place, "status: ready\ndepends_on: [b]\n").task().blocked_reason == ""
    assert place.problems() == {}


def test_notes_are_no_tasks(place: Workspace) -> None:
    for path in ("tasks/README.md", "tasks/ui/index.md"):
        seen(place, "status: ready\n", path=path)
    place.save("Only text.\n", "tasks/text.md")
    place.save("", "tasks/empty.md")
    place.turns()
    assert place.db.scalar("SELECT count(*) FROM tasks") == 0
    assert place.db.scalar("SELECT count(*) FROM problems") == 0


@pytest.mark.parametrize("status", ["running", "waiting", "review", "merging", "failed"])
def test_a_word_that_is_put_back_is_written_back(place: Workspace, status: str) -> None:
    """The lifecycle refuses; here it is only seen to that the file follows the row again."""
    seen(place, "status: draft\n")
    seen(place, f"status: {status}\n")
    assert place.task().requested_status == status
    place.move(requested_status="")
    place.turns()
    assert "status: draft\n" in place.text()


def test_a_third_file_of_one_id_is_told_to_take_another_name(place: Workspace) -> None:
    for name in ("foo.d", "foo.lock", "foo.preflight"):
        place.save("---\nstatus: draft\n---\nDo it.\n", f"tasks/{name}.md")
        place.turns(2)
    told = place.problems("tasks/foo.preflight.md")["duplicate"]
    assert "give it another name" in told
    assert "remove" not in told, "no id is written in it"
