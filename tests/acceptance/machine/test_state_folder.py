"""The folder in which runs work is removed, full or read-only: said, no attempt is used, and it goes on by itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.machine.disks import fill, make_room, small_disk
from tests.acceptance.workbench import EDIT, Workbench

COUNTED = 'echo x >> "@SCRATCH@/starts.$COWORK_TASK"\n' + EDIT
HELD = 'echo x >> "@SCRATCH@/starts.$COWORK_TASK"\nwhile [ ! -e "@SCRATCH@/go" ]; do sleep 0.1; done\n' + EDIT


def starts(work: Workbench, task: str) -> int:
    file = work.scratch / f"starts.{task}"
    return len(file.read_text().splitlines()) if file.exists() else 0


def told(work: Workbench) -> str:
    found = work.json("status")
    return json.dumps([found["problems"], found["waiting"]])


def state(work: Workbench) -> Path:
    return work.home / "state"


@pytest.mark.parametrize("what", ["everything", "its own part"])
def test_a_state_folder_that_is_removed_ends_what_works_in_it(work: Workbench, what: str) -> None:
    work.config("agent: ed\napprove: []\nmax_attempts: 1\n")
    work.agent("ed", HELD)
    work.up()
    work.task("slow")
    work.wait("it works", lambda: starts(work, "slow") == 1)
    if what == "everything":
        shutil.rmtree(state(work))
    else:
        (own,) = [path for path in (state(work) / "coworkd").iterdir() if (path / "slots").is_dir()]
        shutil.rmtree(own)
    work.until("slow", "paused")
    assert "state folder" in (work.root / "daemon.log").read_text()
    work.wait("its agent is ended", lambda: not work.survivors(b"COWORK_TASK=slow"))
    (work.scratch / "go").touch()
    if what == "everything":
        assert "coworkd trust" in told(work)
        work.cmd("trust")
    work.cmd("ready", "slow")
    work.until("slow", "done")
    assert starts(work, "slow") == 2
    assert work.daemon is not None
    assert work.daemon.poll() is None
    assert "Traceback" not in (work.root / "daemon.log").read_text()


def bench(tmp_path: Path) -> Workbench:
    work = Workbench(tmp_path / "bench")
    work.config("agent: ed\napprove: []\nmax_attempts: 1\n")
    return work


def test_a_full_state_folder_costs_no_attempt(tmp_path: Path) -> None:
    with small_disk(tmp_path / "bench/home/state", 8) as disk:
        work = bench(tmp_path)
        try:
            work.agent("ed", COUNTED)
            work.up()
            fill(disk)
            work.task("one")
            work.wait("it is said", lambda: "no space is left" in told(work))
            assert "no space is left" in work.text("inbox.md")
            work.stays("nothing starts, nothing fails", lambda: work.status("one") in ("ready", "running"), seconds=3)
            work.wait("its card says so", lambda: "no space is left" in work.card("one")["why"])
            # Files are taken in and written meanwhile.
            work.task("other", status="draft")
            work.wait("other is known", lambda: work.card("other"))
            make_room(disk)
            work.until("one", "done")
            assert starts(work, "one") == 1
            work.wait("it is over", lambda: "no space is left" not in told(work))
        finally:
            work.close()


def test_a_run_whose_events_cannot_be_written_begins_again_for_free(tmp_path: Path) -> None:
    with small_disk(tmp_path / "bench/home/state", 8) as disk:
        work = bench(tmp_path)
        try:
            work.agent(
                "ed",
                'echo x >> "@SCRATCH@/starts.$COWORK_TASK"\nwhile [ ! -e "@SCRATCH@/go" ]; do sleep 0.1; done\nfor i in $(seq 2000); do echo "line $i of many"; done\n'
                + EDIT,
            )
            work.up()
            work.task("one")
            work.wait("it works", lambda: starts(work, "one") == 1)
            fill(disk)
            (work.scratch / "go").touch()
            work.wait("it is said", lambda: "no space is left" in told(work))
            work.wait("it is not at work for ever", lambda: not work.survivors(b"COWORK_TASK=one"))
            make_room(disk)
            work.until("one", "done")
            assert work.field("tasks/one.md", "status") == "done"
        finally:
            work.close()


def test_a_read_only_state_folder_is_said_and_waited_for(tmp_path: Path) -> None:
    with small_disk(tmp_path / "bench/home/state", 8) as disk:
        work = bench(tmp_path)
        try:
            work.agent("ed", COUNTED)
            work.up()
            work.task("before")
            work.until("before", "done")
            remount(disk, "ro")
            work.task("one")
            work.wait("it is said", lambda: "read-only" in told(work))
            assert starts(work, "one") == 0
            remount(disk, "rw")
            work.until("one", "done")
            assert starts(work, "one") == 1
        finally:
            remount(disk, "rw")
            work.close()


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)
    assert os.statvfs(disk).f_flag & os.ST_RDONLY == (how == "ro")
