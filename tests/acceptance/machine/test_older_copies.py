"""An older copy comes back (backup, snapshot): what landed since stays done, and nothing runs or counts twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.workbench import EDIT, Workbench

COUNTED = 'echo x >> "@SCRATCH@/starts.$COWORK_TASK"\n' + EDIT
HELD = 'echo x >> "@SCRATCH@/starts.$COWORK_TASK"\nwhile [ ! -e "@SCRATCH@/go" ]; do sleep 0.1; done\n' + EDIT


def starts(work: Workbench, task: str) -> int:
    file = work.scratch / f"starts.{task}"
    return len(file.read_text().splitlines()) if file.exists() else 0


def copy_of(folder: Path, to: Path) -> Path:
    """As a backup makes it; the daemon is down."""
    return shutil.copytree(folder, to, symlinks=True, ignore=shutil.ignore_patterns("socket", "lock"))


def put_back(copy: Path, folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(copy, folder, symlinks=True)


def before_it_is_ready(work: Workbench) -> None:
    work.agent("ed", COUNTED)
    work.task("one")
    work.cmd("status")  # taken in, and nothing is started


def while_it_runs(work: Workbench) -> None:
    work.agent("ed", HELD)
    work.up()
    work.task("one")
    work.wait("it runs", lambda: starts(work, "one") == 1)
    work.kill9()
    (work.scratch / "go").touch()


def in_review(work: Workbench) -> None:
    work.agent("ed", COUNTED)
    work.up()
    work.task("one")
    work.until("one", "review")
    work.wait("asked", lambda: work.field("reviews/one.md", "approval") == "pending")
    work.down()


def land(work: Workbench) -> str:
    """Go on from there until the task has landed; the tip."""
    work.up()
    work.wait("it is there", lambda: work.status("one") in ("review", "paused"))
    if work.status("one") == "paused":
        work.set("tasks/one.md", "status", "ready")
    work.finish("one")
    work.wait("recorded", lambda: list(work.cow("log").glob("*/*.json")))
    work.down()
    return work.git("rev-parse", "cowork/integration")


@pytest.mark.parametrize("moment", [before_it_is_ready, while_it_runs, in_review])
def test_a_landed_task_stays_done_when_the_database_folder_comes_back_older(
    work: Workbench, moment: Callable[[Workbench], None]
) -> None:
    work.config("agent: ed\n")
    moment(work)
    private = work.repo / ".git" / "cowork"
    backup = copy_of(private, work.root / "backup")
    tip, ran = land(work), starts(work, "one")
    put_back(backup, private)
    work.up()
    work.wait("it is said", lambda: "older copy" in (work.root / "daemon.log").read_text())
    work.stays("done, once", lambda: work.status("one") == "done" and starts(work, "one") == ran, seconds=4)
    assert work.card("one")["status"] == "done"
    assert work.git("rev-parse", "cowork/integration") == tip
    assert not [item for item in work.json("status")["waiting"] if item["kind"] == "review"]
    assert list(private.glob("older-*.db"))
    # It goes on from there, with numbers that were never used.
    work.cmd("ready", "one")
    work.until("one", "review")
    refs = work.git("for-each-ref", "--format=%(refname)", "refs/cowork/sub/").splitlines()
    assert len(refs) == len(set(refs)) >= 2
    work.finish("one")
    assert starts(work, "one") == ran + 1
    landings = work.git("for-each-ref", "--format=%(refname)", "refs/cowork/land/").splitlines()
    assert len(landings) == 2


def test_a_copy_that_is_written_over_the_database_in_use_is_noticed(work: Workbench) -> None:
    work.config("agent: ed\napprove: []\n")
    before_it_is_ready(work)
    private = work.repo / ".git" / "cowork"
    backup = copy_of(private, work.root / "backup")
    work.up()
    work.until("one", "done")
    work.wait("recorded", lambda: list(work.cow("log").glob("*/*.json")))
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        there = (backup / name).read_bytes() if (backup / name).exists() else b""
        (private / name).write_bytes(there)  # in place, as `cp` does
    work.task("other", status="draft")
    work.wait("it is noticed", lambda: list(private.glob("*-1.db")))
    work.stays("done, once", lambda: work.status("one") == "done" and starts(work, "one") == 1, seconds=4)
    assert work.card("one")["status"] == "done"
    assert work.card("other")["status"] == "draft"


def test_a_restart_with_nothing_older_keeps_the_database(work: Workbench) -> None:
    """The control: none of the comparisons takes an ordinary restart, or a killed daemon, for an older copy."""
    work.config("agent: ed\n")
    in_review(work)
    land(work)
    for _ in range(2):
        work.up()
        work.wait("up", lambda: work.json("status")["daemon"]["running"])
        work.kill9()
    work.up()
    work.wait("up", lambda: work.json("status")["daemon"]["running"])
    assert not list((work.repo / ".git" / "cowork").glob("older-*.db"))
    assert work.card("one")["status"] == "done"


def test_files_and_database_older_than_the_refs(work: Workbench) -> None:
    """The workspace and its database come back, the branches do not: the refs know what landed."""
    work.config("agent: ed\n")
    in_review(work)
    private = work.repo / ".git" / "cowork"
    backup = copy_of(private, work.root / "backup")
    files = copy_of(work.repo / ".cowork", work.root / "files")
    tip, ran = land(work), starts(work, "one")
    put_back(backup, private)
    put_back(files, work.repo / ".cowork")
    assert work.status("one") == "review"
    work.up()
    work.until("one", "done")
    assert starts(work, "one") == ran
    assert work.git("rev-parse", "cowork/integration") == tip


def test_a_repository_older_than_its_files_runs_nothing_again(work: Workbench) -> None:
    """The whole `.git` comes back: the files say that the task has landed, and no ref does."""
    work.config("agent: ed\n")
    in_review(work)
    backup = copy_of(work.repo / ".git", work.root / "backup")
    land(work)
    ran = starts(work, "one")
    put_back(backup, work.repo / ".git")
    assert "older copy" in work.cmd("trust").stderr
    work.up()
    work.stays("not again", lambda: work.status("one") == "done" and starts(work, "one") == ran, seconds=4)


def test_a_new_task_under_the_name_of_one_that_landed_runs(work: Workbench) -> None:
    work.config("agent: ed\n")
    in_review(work)
    land(work)
    work.cow("tasks/one.md").unlink()
    for file in (work.repo / ".git" / "cowork").glob("state.db*"):
        file.unlink()
    ran = starts(work, "one")
    work.up()
    work.task("one", body="Something else.")
    work.until("one", "review")
    assert starts(work, "one") == ran + 1


def test_a_copy_of_the_repository_runs_nothing(work: Workbench, tmp_path: Path) -> None:
    work.config("agent: ed\n")
    in_review(work)
    ran = starts(work, "one")
    original = work.repo
    work.repo = shutil.copytree(original, tmp_path / "copy", symlinks=True)
    work.cmd("trust")
    work.up()
    work.wait("shown", lambda: work.card("one"))
    work.stays("nothing runs", lambda: starts(work, "one") == ran, seconds=3)
    assert "on " in work.card("one")["why"], "it is the other repository's"
    work.down()
    work.repo = original


def test_the_database_of_another_repository_is_set_aside(work: Workbench, tmp_path: Path) -> None:
    work.config("agent: ed\n")
    in_review(work)
    other = Workbench(tmp_path / "other")
    other.task("strange", status="draft")
    other.cmd("status")
    private = work.repo / ".git" / "cowork"
    for file in private.glob("state.db*"):
        file.unlink()
    for file in (other.repo / ".git" / "cowork").glob("state.db*"):
        shutil.copy(file, private / file.name)
    for file in private.glob("audit/*"):
        file.unlink()
    work.up()
    work.wait("its own tasks are there", lambda: work.card("one")["status"] == "review")
    assert [card["id"] for card in work.json("status")["tasks"]] == ["one"]
    assert list(private.glob("foreign-*.db"))
    other.close()
