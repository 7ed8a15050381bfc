"""The machine fails under the daemon: it lives, says what is wrong, and goes on by itself. Every fault is a real one."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.acceptance.machine.disks import fill, make_room, small_disk
from tests.acceptance.workbench import EDIT, Workbench


def private(work: Workbench) -> Path:
    return work.repo / ".git" / "cowork"


def log(work: Workbench) -> str:
    """Empty before the first line: a daemon that ends soon after its start has not said anything."""
    file = private(work) / "coworkd.log"
    return file.read_text() if file.exists() else ""


def problems_told(work: Workbench) -> str:
    """What `status` says, which a daemon that cannot work answers as well."""
    return json.dumps(work.json("status")["problems"])


def starts(work: Workbench, task: str) -> int:
    file = work.scratch / f"starts.{task}"
    return len(file.read_text().splitlines()) if file.exists() else 0


COUNTED = 'echo x >> "@SCRATCH@/starts.$COWORK_TASK"\n' + EDIT


@contextmanager
def held(work: Workbench, kind: str) -> Generator[None]:
    """Another program has a transaction open."""
    holder = sqlite3.connect(private(work) / "state.db", isolation_level=None, timeout=30)
    holder.execute(f"BEGIN {kind}")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


@pytest.mark.parametrize("kind", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_database_held_by_another_program_is_waited_for(work: Workbench, kind: str) -> None:
    work.config("agent: ed\napprove: []\n")
    work.agent("ed", COUNTED)
    work.up()
    work.task("before")
    work.until("before", "done")
    with held(work, kind):
        work.task("one")
        work.wait("it is said", lambda: "another program holds the database" in problems_told(work))
        assert "another program holds the database" in work.text("inbox.md")
        # Asked again and again, it tries each time, and lives.
        for _ in range(3):
            assert "another program holds" in problems_told(work)
        assert starts(work, "one") == 0, "the fault did not fire"
    work.until("one", "done")
    assert starts(work, "one") == 1
    assert "another program holds" not in work.problems()
    assert "Traceback" not in (work.root / "daemon.log").read_text()
    assert '"suspended"' in work.cmd("events").stdout


def test_a_daemon_that_starts_waits_for_the_lock_of_another_program(work: Workbench) -> None:
    work.task("one", status="draft")
    work.up()
    work.wait("known", lambda: work.card("one"))
    work.down()
    with held(work, "EXCLUSIVE"):
        work.up()
        work.wait("it is said", lambda: "another program holds" in log(work))
    work.wait("it goes on", lambda: work.card("one"))


def test_an_agent_at_work_outlives_a_fault_of_the_database(work: Workbench) -> None:
    work.config("agent: ed\napprove: []\n")
    work.agent(
        "ed",
        'echo x >> "@SCRATCH@/starts.$COWORK_TASK"\nwhile [ ! -e "@SCRATCH@/go" ]; do sleep 0.1; done\necho made > made\n',
    )
    work.up()
    work.task("slow")
    work.wait("it works", lambda: starts(work, "slow") == 1)
    with held(work, "IMMEDIATE"):
        work.task("other", status="draft")
        work.wait("it is said", lambda: "another program holds" in problems_told(work))
        (work.scratch / "go").touch()
    work.until("slow", "done")
    assert starts(work, "slow") == 1
    assert work.landed("made") == "made"


def test_a_full_repository_disk_is_outlived(tmp_path: Path) -> None:
    root = tmp_path / "bench"
    with small_disk(root / "repo", 8):
        work = Workbench(root)
        try:
            work.config("agent: ed\napprove: []\n")
            work.agent(
                "ed",
                'echo x >> "@SCRATCH@/starts.$COWORK_TASK"\nwhile [ ! -e "@SCRATCH@/go" ]; do sleep 0.1; done\necho made > made\n',
            )
            work.up()
            work.task("slow")
            work.wait("it works", lambda: starts(work, "slow") == 1)
            fill(work.repo)
            (work.scratch / "go").touch()
            work.wait("it is said", lambda: "no space is left" in (work.root / "daemon.log").read_text())
            assert (
                "free some disk space"
                in work.cmd("status", check=False).stdout + work.cmd("status", check=False).stderr
            )
            work.stays("it lives", lambda: work.daemon is not None and work.daemon.poll() is None, seconds=3)
            make_room(work.repo)
            work.until("slow", "done")
            assert starts(work, "slow") == 1
            assert "Traceback" not in (work.root / "daemon.log").read_text()
        finally:
            work.close()


def overwrite_together(files: Sequence[Path]) -> None:
    """All are opened first: once one is damaged, the daemon renames the others."""
    with ExitStack() as stack:
        for file in [stack.enter_context(path.open("r+b")) for path in files]:
            file.write(b"\xa5" * os.fstat(file.fileno()).st_size)


@pytest.mark.parametrize("how", ["deleted", "replaced", "written over"])
def test_a_database_deleted_under_the_daemon_is_rebuilt(work: Workbench, how: str) -> None:
    work.config("agent: ed\n")
    work.agent("ed", COUNTED)
    work.up()
    for name in ("landed", "asked"):
        work.task(name)
        work.until(name, "review")
    work.finish("landed")
    work.wait("asked", lambda: work.field("reviews/asked.md", "approval") == "pending")
    tip = work.git("rev-parse", "cowork/integration")
    if how == "written over":
        overwrite_together(list(private(work).glob("state.db*")))
    else:
        for file in private(work).glob("state.db*"):
            file.unlink()
    if how == "replaced":
        other = sqlite3.connect(private(work) / "other.db")
        other.execute("CREATE TABLE strangers (x)")
        other.close()
        (private(work) / "other.db").replace(private(work) / "state.db")
    work.wait("it is noticed", lambda: work.json("status")["tasks"] and "deleted or replaced" in log(work))
    for name, status in (("landed", "done"), ("asked", "review")):
        work.until(name, status)
        assert work.card(name)["status"] == status
    work.stays("nothing runs or lands again", lambda: starts(work, "landed") == starts(work, "asked") == 1, seconds=3)
    assert work.git("rev-parse", "cowork/integration") == tip
    work.finish("asked")


def test_a_run_at_work_when_the_database_is_deleted_is_ended_and_its_task_paused(work: Workbench) -> None:
    work.config("agent: ed\napprove: []\n")
    work.agent(
        "ed",
        'echo x >> "@SCRATCH@/starts.$COWORK_TASK"\nwhile [ ! -e "@SCRATCH@/go" ]; do sleep 0.1; done\necho made > made\n',
    )
    work.up()
    work.task("slow")
    work.wait("it works", lambda: starts(work, "slow") == 1)
    for file in private(work).glob("state.db*"):
        file.unlink()
    work.cmd("status")
    work.until("slow", "paused")
    assert "when the database was lost" in work.card("slow")["why"]
    work.wait("its agent is ended", lambda: not work.survivors(b"COWORK_TASK=slow"))
    (work.scratch / "go").touch()
    work.cmd("ready", "slow")
    work.until("slow", "done")
    assert starts(work, "slow") == 2


def test_too_many_open_files_are_outlived(work: Workbench) -> None:
    work.config("agent: ed\napprove: []\n")
    work.agent("ed", COUNTED)
    work.up()
    work.task("before")
    work.until("before", "done")
    assert work.daemon is not None
    pid = int((private(work) / "pid").read_text())
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, usual[1]))
    work.task("one")
    work.wait("the fault fires", lambda: "oo many open files" in log(work) + (work.root / "daemon.log").read_text())
    work.stays("it lives", lambda: work.daemon is not None and work.daemon.poll() is None, seconds=2)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
    work.until("one", "done")
    assert starts(work, "one") == 1


def test_the_whole_database_folder_is_deleted_under_the_daemon(work: Workbench) -> None:
    work.config("agent: ed\n")
    work.agent("ed", COUNTED)
    work.up()
    for name in ("landed", "asked"):
        work.task(name)
        work.until(name, "review")
    work.finish("landed")
    work.wait("asked", lambda: work.field("reviews/asked.md", "approval") == "pending")
    instance = work.json("status")["instance"]
    # Out of its place at once: what the daemon still writes there cannot keep it from being deleted.
    shutil.rmtree(private(work).rename(work.root / "deleted"))
    work.wait("it is made again", lambda: (private(work) / "state.db").exists() and (private(work) / "socket").exists())
    found = work.json("status")
    assert found["instance"] == instance
    assert work.daemon is not None
    assert found["daemon"] == {"running": True, "pid": work.daemon.pid}
    work.wait("the same tasks", lambda: {c["id"]: c["status"] for c in work.json("status")["tasks"]}
              == {"landed": "done", "asked": "review"})  # fmt: skip
    refused = work.cmd("up", check=False)
    assert refused.returncode != 0, "a second daemon has the workspace"
    assert "already runs" in refused.stderr
    work.finish("asked")
    assert starts(work, "landed") == starts(work, "asked") == 1


def test_a_socket_that_is_deleted_comes_back(work: Workbench) -> None:
    work.up()
    work.task("one", status="draft")
    work.wait("it listens", lambda: (private(work) / "socket").exists())
    (private(work) / "socket").unlink()
    work.wait("it listens again", lambda: (private(work) / "socket").exists())
    assert work.json("status")["daemon"]["running"]
