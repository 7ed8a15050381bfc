from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.core.model import Kind, Status
from coworkd.store.notices import noticed_paths
from coworkd.sync.disk.folder import Content, FileStat, Folder, ReadResult
from coworkd.sync.engine import BATCH_SIZE
from coworkd.sync.guards import DELETIONS
from coworkd.sync.pusher import WRITE_BATCH_SIZE
from coworkd.sync.scanner import MIN_SCAN_INTERVAL, REREAD_PERIOD, SECOND_LOOK
from coworkd.sync.stray import SOURCE
from tests.integration.workspacekit import TASK, Workspace

READY = "---\nstatus: ready\nlabels: [ui]\n---\nDo it.\n"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def started(place: Workspace) -> Workspace:
    """A task whose run the daemon has begun, with its file written once."""
    place.save(READY)
    place.turns()
    place.move(status=Status.RUNNING, attempt=1, by="anna-0001", requested_status="")
    place.turns()
    return place


def test_a_saved_file_becomes_a_row_and_a_status_request(place: Workspace) -> None:
    place.save(READY)
    place.turns()
    assert place.task().requested_status == "ready"
    assert place.task().status is Status.DRAFT
    assert place.text() == READY, "nothing is written while the daemon has nothing to say"


def test_only_the_daemons_values_are_written(place: Workspace) -> None:
    started(place)
    assert place.text() == (
        "---\nstatus: running\nlabels: [ui]\ncowork:\n  id: a\n  by: anna-0001\n  attempt: 1\n  rev: 1\n---\nDo it.\n"
    )


def test_our_own_write_comes_back_as_nothing(place: Workspace) -> None:
    started(place)
    events = place.db.scalar("SELECT count(*) FROM events")
    place.engine.mark_dirty(TASK, place.now)
    place.turns()
    assert place.db.scalar("SELECT count(*) FROM events") == events
    assert place.document().rev == 1


def test_a_stale_save_keeps_the_edit_and_loses_the_old_status(place: Workspace) -> None:
    started(place)
    place.save(READY.replace("Do it.", "Do it well."))
    place.turns()
    assert place.task().requested_status == ""
    assert place.task().status is Status.RUNNING
    assert "status: running" in place.text()
    assert place.text().endswith("Do it well.\n")
    assert "rev: 2" in place.text()


def test_what_a_stale_save_lacks_counts_all_the_same(place: Workspace) -> None:
    started(place)
    stale = place.text()
    place.move(status=Status.REVIEW)
    place.turns()
    place.save(place.text().replace("labels: [ui]", "labels: [ui]\ndepends_on: [b]\nagent: claude\npriority: high"))
    place.turns()
    place.save(stale.replace("Do it.", "Do it well."))
    place.turns()
    assert "depends_on: [b]" in place.text()
    assert place.task().agent == "claude"
    assert place.task().priority == 1.0
    assert [row["needed"] for row in place.db.query("SELECT needed FROM needs WHERE task = 'a'")] == ["b"]


def test_a_key_taken_out_stays_out_after_a_stale_save(place: Workspace) -> None:
    place.save(READY.replace("labels", "agent: claude\nlabels"))
    place.turns()
    place.move(status=Status.RUNNING, attempt=1, by="anna-0001", requested_status="")
    place.turns()
    before = place.text()
    place.move(status=Status.REVIEW)
    place.turns()
    place.save(place.text().replace("agent: claude\n", ""))
    place.turns()
    place.save(before.replace("Do it.", "Do it well."))
    place.turns()
    assert "agent:" not in place.text()
    assert place.text().endswith("Do it well.\n")


def clash(place: Workspace) -> str:
    """Two buffers change the same line; returns what the database held before the second was saved."""
    started(place)
    stale = place.text()
    place.move(status=Status.REVIEW)
    place.turns()
    place.save(place.text().replace("Do it.", "Do it in blue."))
    place.turns()
    held = place.document().target_bytes.decode()
    place.save(stale.replace("Do it.", "Do it in red."))
    place.turns()
    return held


def test_when_both_changed_the_same_line_the_other_version_is_kept_aside(place: Workspace) -> None:
    held = clash(place)
    assert place.text().endswith("Do it in red.\n")
    (kept,) = (place.root / "conflicts").iterdir()
    assert kept.read_text() == held
    assert "Do it in blue." in held
    assert f"conflicts/{kept.name}" in place.problems()["clash-body"]
    assert "status: review" in place.text()


def test_a_clash_is_settled_by_the_next_save(place: Workspace) -> None:
    clash(place)
    place.save(place.text().replace("in red", "in violet"))
    place.turns()
    assert place.problems() == {}
    assert place.text().endswith("Do it in violet.\n")


def test_an_unknown_revision_does_nothing_but_says_so(place: Workspace) -> None:
    started(place)
    place.save(place.text().replace("rev: 1", "rev: 77").replace("running", "done"))
    place.turns()
    assert place.task().requested_status == ""
    assert "rev" in place.problems()
    assert "status: running" in place.text()


def test_a_file_that_was_deleted_and_written_again_is_a_new_status_request(place: Workspace) -> None:
    started(place)
    place.move(status=Status.DONE, landed="abc")
    place.turns()
    place.delete()
    place.turns(4)
    assert place.task().file_missing
    place.save(READY)
    place.turns()
    assert not place.task().file_missing
    assert place.task().requested_status == "ready"


def test_a_file_that_was_deleted_and_brought_back_turns_nothing_on(place: Workspace) -> None:
    started(place)
    place.move(status=Status.DONE, landed="abc")
    place.turns()
    written = place.text()
    place.delete()
    place.turns(4)
    place.save(written)
    place.turns()
    assert place.task().requested_status == ""
    assert place.text() == written


# ---- files that make no sense


def test_an_unreadable_file_is_held_then_shown_and_its_last_good_version_stays(place: Workspace) -> None:
    started(place)
    good = place.text()
    broken = good.replace("labels: [ui]", "labels: [ui")
    place.save(broken)
    place.turn(0.1)
    assert place.problems() == {}, "it may be a save in progress"
    place.move(status=Status.REVIEW)
    place.turns(4)
    assert "read" in place.problems()
    assert place.text() == broken, "never changed"
    place.save(good)
    place.turns()
    assert place.problems() == {}
    assert "status: review" in place.text()


def test_a_restart_forgets_no_unreadable_file(place: Workspace) -> None:
    started(place)
    good = place.text()
    place.save("---\n: [\n---\n")
    place.turns(4)
    place.restart()
    place.turns()
    assert "read" in place.problems()
    place.save(good)
    place.turns()
    assert place.problems() == {}


def test_an_emptied_task_is_unreadable_and_keeps_no_one_busy(place: Workspace) -> None:
    started(place)
    place.save("")
    place.move(status=Status.REVIEW)
    place.turns(4)
    assert "read" in place.problems()
    assert place.text() == ""
    events = place.db.scalar("SELECT count(*) FROM events")
    place.turns(20)
    assert place.db.scalar("SELECT count(*) FROM events") == events
    assert place.engine.deadline() > place.now


def test_what_is_not_a_regular_file_is_shown_and_not_written(place: Workspace) -> None:
    started(place)
    target = place.root.parent / "outside.md"
    target.write_text("mine")
    place.delete()
    (place.root / TASK).symlink_to(target)
    place.move(status=Status.REVIEW)
    place.turns(8)
    assert "symbolic link" in place.problems()["read"]
    assert target.read_text() == "mine"
    assert not place.task().file_missing
    assert place.task().requested_status == ""
    assert place.engine.deadline() > place.now


def test_a_bad_file_that_goes_takes_its_problem_along(place: Workspace) -> None:
    place.save("---\n: [\n---\n", "tasks/bad.md")
    place.turns(4)
    assert place.problems("tasks/bad.md")
    place.delete("tasks/bad.md")
    place.turns(4)
    assert place.problems("tasks/bad.md") == {}


def test_a_bad_file_harms_only_itself(place: Workspace) -> None:
    place.save("---\nstatus: [ready\n---\n", "tasks/bad.md")
    place.save("---\nstatus: ready\nagent: [a, b]\n---\nx\n", "tasks/worse.md")
    place.save(b"\xff\xfe\x00", "tasks/bytes.md")
    place.save(READY)
    place.turns(4)
    assert place.task().requested_status == "ready"
    assert {path for path in ("tasks/bad.md", "tasks/worse.md", "tasks/bytes.md") if place.problems(path)} == {
        "tasks/bad.md", "tasks/worse.md", "tasks/bytes.md",
    }  # fmt: skip
    assert place.db.scalar("SELECT count(*) FROM tasks") == 1


# ---- moves and deletions


def test_a_renamed_file_stays_the_same_task(place: Workspace) -> None:
    started(place)
    (place.root / "tasks" / "ui").mkdir()
    (place.root / TASK).rename(place.root / "tasks/ui/b.md")
    place.engine.scan(place.now, lambda: 0.0)
    place.turns(4)
    assert place.task().path == "tasks/ui/b.md"
    assert place.task().status is Status.RUNNING
    assert not place.task().file_missing
    place.move(status=Status.REVIEW)
    place.turns()
    assert "status: review" in place.text("tasks/ui/b.md")
    assert not (place.root / TASK).exists()


def test_a_renamed_and_edited_file_after_problems_at_its_new_path(place: Workspace) -> None:
    started(place)
    place.save("---\n: [\n---\n", "tasks/b.md")
    place.turns(4)
    text = place.text()
    place.delete()
    place.save(text.replace("Do it.", "Do it well."), "tasks/b.md")
    place.turns(4)
    assert place.task().path == "tasks/b.md"
    assert place.problems("tasks/b.md") == {}


def test_a_copy_with_the_same_id_is_a_problem_and_no_task(place: Workspace) -> None:
    started(place)
    place.save(place.text(), "tasks/copy.md")
    place.turns(4)
    assert "has the id of tasks/a.md" in place.problems("tasks/copy.md")["duplicate"]
    assert place.db.scalar("SELECT count(*) FROM tasks") == 1


def test_an_editors_gap_is_no_deletion(place: Workspace) -> None:
    started(place)
    text = place.text()
    place.delete()
    place.turn(0.5)
    assert not place.task().file_missing
    place.save(text)
    place.turns(5)
    assert place.task().requested_status == ""


def test_a_deleted_file_cancels_its_task_after_quiet(place: Workspace) -> None:
    started(place)
    place.delete()
    place.turns(3)
    row = place.task()
    assert (row.file_missing, row.requested_status) == (True, "cancelled")
    assert row.request_due_at >= place.now + 7
    assert not (place.root / TASK).exists(), "it is not written again"


def test_a_deleted_draft_is_forgotten(place: Workspace) -> None:
    place.save("---\nstatus: draft\n---\nLater.\n")
    place.turns()
    place.delete()
    place.turns(3)
    assert place.db.scalar("SELECT count(*) FROM tasks") == 0
    place.turns(3)
    assert place.files() == {}


def test_a_deletion_just_before_a_crash_is_seen_after_it(place: Workspace) -> None:
    started(place)
    place.delete()
    place.turn(0.1)
    place.restart()
    place.turns(4)
    assert place.task().requested_status == "cancelled"


def test_a_message_deleted_before_it_was_sent_is_not_sent(place: Workspace) -> None:
    place.save("Use blue.\n", "messages/a/1.md")
    place.turns()
    assert place.db.scalar("SELECT count(*) FROM messages WHERE stage = 'new'") == 1
    place.delete("messages/a/1.md")
    place.turns(4)
    assert place.db.scalar("SELECT count(*) FROM messages") == 0


def many(place: Workspace) -> list[str]:
    paths = [f"tasks/t{n}.md" for n in range(6)]
    for path in paths:
        place.save("---\nstatus: paused\n---\nx\n", path)
    place.turns()
    return paths


def test_many_deletions_at_once_are_held_until_confirmed(place: Workspace) -> None:
    paths = many(place)
    for path in paths:
        place.delete(path)
    place.turns(4)
    assert "6 of 6 files are missing" in place.problems(DELETIONS)["absent"]
    assert place.db.scalar("SELECT count(*) FROM tasks WHERE gone AND status = 'draft'") == 6
    with place.db.write():
        place.db.state.deletions_confirmed = True
    place.engine.recheck_missing(place.now)
    place.turns()
    assert place.problems(DELETIONS) == {}
    assert place.db.scalar("SELECT count(*) FROM tasks") == 0


def test_many_deletions_are_forgiven_when_the_files_come_back(place: Workspace) -> None:
    paths = many(place)
    for path in paths:
        place.delete(path)
    place.turns(4)
    for path in paths:
        place.save("---\nstatus: paused\n---\nx\n", path)
    place.turns(4)
    assert place.problems(DELETIONS) == {}
    assert place.db.scalar("SELECT count(*) FROM tasks WHERE NOT gone") == 6


def test_a_parked_file_that_comes_back_is_brought_up_to_date(place: Workspace) -> None:
    started(place)
    text = place.text()
    place.past.listed.add(TASK)
    place.delete()
    place.turns(3)
    assert place.task().file_missing
    place.move(status=Status.REVIEW)
    place.restart()
    place.turns(3)
    assert place.task().file_missing, "a restart takes nothing for a deletion"
    place.save(text)
    place.turns(3)
    assert not place.task().file_missing
    assert "status: review" in place.text()


# ---- knowing when to look


def test_a_missed_event_is_made_good_by_a_scan(place: Workspace) -> None:
    (place.root / "tasks").mkdir()
    (place.root / TASK).write_text(READY)
    place.turns(2)
    assert place.db.scalar("SELECT count(*) FROM tasks") == 0
    place.turns(2, seconds=MIN_SCAN_INTERVAL)
    assert place.task().requested_status == "ready"


def test_a_change_that_the_stat_does_not_show_is_seen_while_it_may_happen(place: Workspace) -> None:
    """Same size, same inode, same times: what was read within the clock's grain is read again."""
    place.save(READY)
    file = place.root / TASK
    os.utime(file, (place.now, place.now))
    place.turn(0.01)
    stat = file.stat()
    with file.open("r+b") as out:
        out.write(READY.replace("Do it.", "Do IT.").encode())
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    place.turns(2)
    assert place.document().target_bytes.endswith(b"Do IT.\n")


def test_a_time_in_the_future_does_not_hide_the_next_save(place: Workspace) -> None:
    place.save(READY)
    os.utime(place.root / TASK, (place.now + 9000, place.now + 9000))
    place.turns(3)
    place.save(READY.replace("Do it.", "Do it well."))
    place.turns(2)
    assert place.document().target_bytes.endswith(b"well.\n")


def test_a_write_in_place_is_given_time_to_end(place: Workspace) -> None:
    place.save(READY)
    place.turns()
    with (place.root / TASK).open("r+b") as out:
        out.write(READY.encode())
    os.utime(place.root / TASK, (place.now, place.now))
    place.engine.mark_dirty(TASK, place.now)
    place.turn(0.02)
    assert place.engine.deadline() == pytest.approx(place.now + 0.03, abs=0.001)


class Counted(Folder):
    """Counts the files that are looked at."""

    looked_at = 0

    def walk(self, below: str = "") -> Iterator[tuple[str, FileStat]]:
        for found in super().walk(below):
            self.looked_at += 1
            yield found


def test_of_a_folder_that_came_only_its_own_files_are_looked_at(tmp_path: Path) -> None:
    folder = Counted(tmp_path / ".cowork", tmp_path / "trash")
    place = Workspace(tmp_path, folder)
    for number in range(50):
        place.save(READY, f"tasks/{number}.md")
    place.turns()
    (place.root / "tasks" / "new").mkdir()
    (place.root / "tasks" / "new" / "a.md").write_text(READY)
    folder.looked_at = 0
    place.engine.scan_folders({"tasks/new/"}, place.now)
    place.turns()
    assert folder.looked_at == 1
    assert place.task("a").path == "tasks/new/a.md"


def test_a_folder_that_came_is_looked_at_once_more_for_it_may_have_been_filled_before_it_was_watched(
    place: Workspace,
) -> None:
    place.turns()
    (place.root / "tasks" / "new").mkdir(parents=True)
    place.engine.scan_folders({"tasks/new/"}, place.now)
    (place.root / "tasks" / "new" / "a.md").write_text(READY)
    place.turn(0.0)
    assert place.engine.deadline() <= place.now + SECOND_LOOK
    place.now += SECOND_LOOK
    place.engine.scan_folders((), place.now)
    place.turn(0.0)
    assert place.task("a").path == "tasks/new/a.md"


def test_what_was_in_a_folder_that_went_is_missing(place: Workspace) -> None:
    place.save(READY, "tasks/old/a.md")
    place.save(READY, "tasks/older.md")
    place.turns()
    shutil.rmtree(place.root / "tasks" / "old")
    place.engine.scan_folders({"tasks/old/"}, place.now)
    place.turn()
    assert place.document("tasks/old/a.md").absent_since is not None
    assert place.document("tasks/older.md").absent_since is None


def test_a_folder_where_a_document_stood_is_seen_as_such(place: Workspace) -> None:
    place.save(READY)
    place.turns()
    (place.root / TASK).unlink()
    (place.root / TASK).mkdir()
    place.engine.scan_folders({f"{TASK}/"}, place.now)
    place.turns()
    assert "not a regular file" in place.problems()["read"]


def test_a_notice_about_a_stray_file_goes_with_its_folder(place: Workspace) -> None:
    stray = place.root / "task" / "deep" / "a.md"
    stray.parent.mkdir(parents=True)
    stray.write_text(READY)
    place.engine.scan_folders({"task/"}, place.now)
    assert "`task/` is no folder" in place.problems("task/")["stray"]
    place.engine.scan_folders({"tasks/"}, place.now)
    assert place.problems("task/"), "another folder says nothing of it"
    shutil.rmtree(stray.parent)
    place.engine.scan_folders({"task/deep/"}, place.now)
    assert place.problems("task/") == {}


class Timeless(Folder):
    """A file system on which no time tells of a change: they are all set back."""

    def walk(self, below: str = "") -> Iterator[tuple[str, FileStat]]:
        return ((path, vague(found)) for path, found in super().walk(below))

    def stat(self, path: str) -> FileStat | None:
        found = super().stat(path)
        return None if found is None else vague(found)

    def read(self, path: str) -> ReadResult:
        read = Folder(self.root, self.root).read(path)
        return Content(read.data, vague(read.stat)) if isinstance(read, Content) else read


def vague(found: FileStat) -> FileStat:
    return found._replace(mtime_ns=0, ctime_ns=0, inode=0)


def test_a_change_that_no_stat_shows_is_found_within_a_day(tmp_path: Path) -> None:
    place = Workspace(tmp_path, Timeless(tmp_path / ".cowork", tmp_path / "trash"))
    turn = REREAD_PERIOD / 5
    place.now += turn - place.now % turn + 60.0  # Just after the turn of one of five files: the next is hours away.
    for name in "abcde":
        place.save(READY, f"tasks/{name}.md")
    place.turns()
    (place.root / "tasks" / "c.md").write_text(READY.replace("Do it.", "Do ti."))
    place.turns(20, seconds=MIN_SCAN_INTERVAL)
    assert "Do it." in place.document("tasks/c.md").target_bytes.decode(), "nothing says that it has changed"
    changes = place.db.connection.total_changes
    place.turns(int(REREAD_PERIOD / MIN_SCAN_INTERVAL / 60), seconds=60 * MIN_SCAN_INTERVAL)
    assert "Do ti." in place.document("tasks/c.md").target_bytes.decode()
    assert place.db.connection.total_changes < changes + 30, "what is as it was writes nothing"


# ---- quiet


def test_nothing_to_do_writes_nothing(place: Workspace) -> None:
    started(place)
    place.save("---\ndriver: command\ncommand: [x]\n---\n", "agents/x.md")
    place.save("Use blue.\n", "messages/a/1.md")
    place.save("---\n: [\n---\n", "tasks/bad.md")
    (place.root / "tasks" / "link.md").symlink_to("nowhere")
    place.engine.scan(place.now, lambda: 0.0)
    place.turns(8)
    before, changes = place.files(), place.db.connection.total_changes
    times = {path: (place.root / path).stat().st_mtime_ns for path in before}
    place.turns(50, seconds=MIN_SCAN_INTERVAL)
    assert place.db.connection.total_changes == changes
    assert place.files() == before
    assert {path: (place.root / path).stat().st_mtime_ns for path in before} == times


def test_a_refused_write_is_tried_again_later_and_shown_until_it_works(place: Workspace) -> None:
    started(place)
    (place.root / "messages").write_text("a file where a folder should be")
    place.want("---\nfrom: x\n---\nHi.\n", "messages/a/1.md")
    place.turns(2)
    assert "cannot be written" in place.problems("messages/a/1.md")["write"]
    assert place.engine.deadline() > place.now, "no rest is no busy loop"
    (place.root / "messages").unlink()
    place.turns(6)
    assert place.text("messages/a/1.md").endswith("Hi.\n")
    assert place.problems("messages/a/1.md") == {}


def test_a_refusal_that_no_longer_matters_wakes_no_one(place: Workspace) -> None:
    (place.root / "messages").write_text("in the way")
    place.want("---\nfrom: x\n---\nHi.\n", "messages/a/1.md")
    place.turns(2)
    place.db.execute("UPDATE documents SET want_sha = '' WHERE path = 'messages/a/1.md'")
    place.turns(8)
    assert place.engine.deadline() > place.now


def test_a_file_that_git_is_at_work_on_waits(place: Workspace) -> None:
    started(place)
    text = place.text()
    place.move(status=Status.REVIEW)
    place.now += 1
    place.engine.push(place.now, blocked=lambda path: path == TASK)
    assert place.text() == text
    place.turn()
    assert "status: review" in place.text()


def test_a_push_that_has_had_enough_leaves_the_rest_to_the_next_one_which_is_due_at_once(place: Workspace) -> None:
    names = [f"t{number:03}" for number in range(3 * WRITE_BATCH_SIZE)]
    for name in names:
        place.save("---\nstatus: draft\n---\nDo it.\n", f"tasks/{name}.md")
    place.turns()
    for name in names:
        place.move(name, status=Status.PAUSED)
    place.move(names[-1], status=Status.REVIEW)
    place.want("---\nfrom: x\n---\nA question.\n", "messages/a/1.md")
    written: list[int] = []
    while not written or written[-1] < len(names):
        assert not written or place.engine.deadline() <= place.now
        place.engine.push(place.now, blocked=lambda _: False, enough=lambda: True)
        if not written:
            assert "A question" in place.text("messages/a/1.md"), "what people wait for goes first"
            assert "status: review" in place.text(f"tasks/{names[-1]}.md")
        written.append(sum("status: draft" not in place.text(f"tasks/{name}.md") for name in names))
    assert written == [WRITE_BATCH_SIZE - 1, 2 * WRITE_BATCH_SIZE - 1, 3 * WRITE_BATCH_SIZE - 1, 3 * WRITE_BATCH_SIZE]
    place.turns()
    assert place.engine.deadline() > place.now


def test_a_pull_that_has_had_enough_leaves_the_rest_to_the_next_one_which_is_due_at_once(place: Workspace) -> None:
    for number in range(2 * BATCH_SIZE):
        place.save("---\nstatus: draft\n---\nDo it.\n", f"tasks/t{number:03}.md")
    place.save("version: 1\nconcurrency: 7\n", "config.yaml")
    place.now += 1
    known: list[int] = []
    while not known or known[-1] < 2 * BATCH_SIZE:
        assert not known or place.engine.deadline() <= place.now
        place.engine.pull(place.now, enough=lambda: True)
        known.append(len(place.db.query("SELECT 1 FROM tasks")))
        assert place.document("config.yaml").disk_sha, "the settings go first"
    assert known == [BATCH_SIZE - 1, 2 * BATCH_SIZE - 1, 2 * BATCH_SIZE]


def test_a_document_of_ours_too_large_to_read_does_not_stop_the_engine(place: Workspace) -> None:
    place.want("---\nfrom: x\n---\n" + "x" * 1_200_000, "messages/a/1.md")
    place.save(READY)
    place.turns(4)
    assert place.task().requested_status == "ready"


def test_foreign_text_is_shown_and_requests_nothing(place: Workspace) -> None:
    place.past.foreign.add(READY.encode())
    place.save(READY)
    place.turns()
    assert place.task().from_git
    assert place.task().requested_status == ""
    assert place.document().kind is Kind.TASK
    assert place.text() == READY


def test_foreign_text_in_a_known_file_requests_nothing_either(place: Workspace) -> None:
    draft = READY.replace("ready", "draft")
    place.save(draft)
    place.turns()
    place.past.foreign.add(READY.encode())
    place.save(READY)
    place.turns()
    assert place.task().from_git
    assert place.task().requested_status == ""


def test_a_file_that_git_lists_is_deleted_all_the_same_unless_git_keeps_it_away(place: Workspace) -> None:
    started(place)
    place.past.listed.add(TASK)
    place.past.kept_away.add(TASK)
    place.delete()
    place.turns(12)
    assert (place.task().file_missing, place.task().requested_status) == (True, ""), "parked"
    place.past.kept_away.clear()
    place.turns(6)
    assert place.task().requested_status == "cancelled"


def test_an_agent_that_appears_lets_its_tasks_be_looked_at_again(place: Workspace) -> None:
    place.db.execute("INSERT INTO problems (path, source, message) VALUES ('tasks/a.md', 'agent', 'no agent x')")
    place.save("---\ndriver: command\ncommand: [x]\n---\n", "agents/x.md")
    place.turns()
    assert place.problems() == {}


def test_a_file_that_cannot_be_read_for_now_is_tried_again_soon_then_ever_less_often(place: Workspace) -> None:
    file = place.folder.root / "tasks" / "a.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.symlink_to(place.folder.root / "elsewhere.md")
    place.engine.mark_dirty("tasks/a.md", place.now)
    pauses: list[float] = []
    for _ in range(6):
        place.engine.pull(place.now)
        due = place.engine.deadline()
        pauses.append(due - place.now)
        place.now = due
    assert pauses == sorted(pauses)
    assert pauses[0] <= 0.2
    assert pauses[-1] > 1.0


def test_a_scan_of_one_folder_leaves_what_is_said_of_files_elsewhere(place: Workspace) -> None:
    place.turns()
    for path in ("messages/a/yes.txt", "task/b.md"):
        (place.root / path).parent.mkdir(parents=True, exist_ok=True)
        (place.root / path).write_text("Yes.\n")
    place.engine.mark_dirty("messages/a/yes.txt", place.now)
    place.engine.scan_folders({"task/"}, place.now)
    assert noticed_paths(place.db, SOURCE) == ["messages/a/yes.txt", "task/"]
    (place.root / "task" / "b.md").unlink()
    place.engine.scan_folders({"task/"}, place.now)
    assert noticed_paths(place.db, SOURCE) == ["messages/a/yes.txt"]
