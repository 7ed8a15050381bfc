"""Files that lie beside documents and are none: shown with what to do, and never acted on."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.board.views.status import board_view
from coworkd.core.copy_names import copy_name
from coworkd.documents.decoding import kind_of
from coworkd.store import MessageRow, TaskRow
from coworkd.sync.consistency import disagreements
from tests.integration.workspacekit import TASK, Workspace

READY = "---\ntitle: a\nstatus: ready\n---\nDo it.\n"
CONFLICT = "tasks/a.sync-conflict-20240101-120000-ABCDEFG.md"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def paths(place: Workspace) -> set[str]:
    return {row.path for row in place.db.all(TaskRow)}


def agree(place: Workspace, path: str) -> None:
    kind = kind_of(path)
    assert kind is not None
    assert list(disagreements(place.db, path, kind, (place.root / path).read_bytes())) == []


def test_a_header_that_is_not_read_is_a_problem_until_it_is_corrected(place: Workspace) -> None:
    place.save(f"\n{READY}")
    place.turns(4)
    assert "blank lines" in place.problems()["read"]
    assert not paths(place)
    agree(place, TASK)
    place.save(READY)
    place.turns(2)
    assert not place.problems()
    assert paths(place) == {TASK}


def test_adopted_notes_are_no_excuse_for_a_header_that_is_not_read(place: Workspace) -> None:
    place.save("adopt_notes: true\n", "config.yaml")
    place.save("# Notes\n\nstatus: draft\n")
    place.save("Do it.\n", "tasks/b.md")
    place.turns(4)
    assert paths(place) == {"tasks/b.md"}
    assert "read" in place.problems()


def test_notes_are_counted(place: Workspace) -> None:
    for name in ("one", "two", "README"):
        place.save("Only words.\n", f"tasks/{name}.md")
    place.save(READY)
    place.turns(2)
    assert board_view(place.db, place.now).notes == 3
    place.delete("tasks/one.md")
    place.turns(2)
    assert board_view(place.db, place.now).notes == 2


@pytest.mark.parametrize(
    "path",
    [
        CONFLICT,
        "tasks/a (conflicted copy 2024-01-01).md",
        "tasks/a_BACKUP_123.md",
        "tasks/a.orig.md",
        "tasks/~$a.md",
        "plans/p_LOCAL_7.md",
        "messages/a/hello (conflicted copy).md",
        "agents/ed.bak.md",
        "reviews/a.sync-conflict-20240101-120000-ABCDEFG.md",
    ],
)
def test_what_a_tool_left_does_nothing_by_its_name_alone(place: Workspace, path: str) -> None:
    place.save(READY)
    place.save("---\ntitle: quite another\napproval: approved\n---\nDo that.\n", path)
    place.turns(2)
    assert paths(place) == {TASK}
    assert not place.db.all(MessageRow)
    assert not place.db.scalar("SELECT 1 FROM answers")
    copy = copy_name(Path(path).name)
    assert copy is not None
    assert copy.original in place.problems(path)["copy"]
    agree(place, path)
    place.restart()
    place.turns(2)
    assert "copy" in place.problems(path)
    place.delete(path)
    place.turns(2)
    assert not place.problems(path)


def test_a_copy_of_a_sync_tool_does_not_take_the_place_of_what_it_displaced(place: Workspace) -> None:
    """Syncthing gives the loser of a conflict its new name before the winner comes."""
    place.save("---\ntitle: a\ncowork:\n  id: a\n  rev: 1\n---\nDo it.\n")
    place.turns(2)
    (place.root / TASK).rename(place.root / CONFLICT)
    place.engine.mark_dirty(CONFLICT, place.now)
    place.turn()
    assert place.task().path == TASK
    assert "copy" in place.problems(CONFLICT)


@pytest.mark.parametrize("path", ["tasks/a 2.md", "tasks/a (1).md", "tasks/a copy.md", "tasks/a - Copy.md",
                                  "tasks/a-ANNAS-PC.md"])  # fmt: skip
def test_a_name_that_a_person_may_give_counts_as_a_copy_by_its_text(place: Workspace, path: str) -> None:
    place.save(READY, path)
    place.save(READY)
    place.turns(2)
    assert paths(place) == {TASK}
    assert TASK in place.problems(path)["copy"]
    place.save(READY.replace("title: a", "title: another"), path)
    place.turns(2)
    assert paths(place) == {TASK, path}
    assert not place.problems(path)


def test_an_earlier_version_is_a_copy_as_well(place: Workspace) -> None:
    place.save(READY)
    place.turns(2)
    place.save(READY.replace("Do it", "Do it well"))
    place.turns(2)
    place.save(READY, "tasks/a 2.md")
    place.turns(2)
    assert paths(place) == {TASK}


def test_a_copy_with_the_written_id_is_shown_as_one(place: Workspace) -> None:
    written = "---\ntitle: a\ncowork:\n  id: api\n  rev: 1\n---\n{}\n"
    place.save(written.format("One."), "tasks/z 2.md")
    place.save(written.format("Two."), "tasks/z.md")
    place.turns(2)
    assert paths(place) == {"tasks/z.md"}
    assert "tasks/z.md" in place.problems("tasks/z 2.md")["copy"]


def test_a_second_phase_is_a_task_of_its_own(place: Workspace) -> None:
    place.save(READY, "tasks/phase.md")
    place.save(READY.replace("Do it", "Do more"), "tasks/phase 2.md")
    place.save(READY, "tasks/nothing beside it 2.md")
    place.turns(2)
    assert len(paths(place)) == 3


def test_a_copy_whose_original_goes_is_looked_at_again(place: Workspace) -> None:
    place.save(READY)
    place.save(READY, "tasks/a 2.md")
    place.turns(2)
    assert paths(place) == {TASK}
    place.delete()
    place.turns(4)
    assert "tasks/a 2.md" in paths(place)
