"""Many files at once, and a folder that goes and comes back, under a daemon that could miss it."""

from __future__ import annotations

import os
import signal

from tests.acceptance.files.workspace import Workspace, wait_for

MANY = 20_000 if os.environ.get("FAULTS") == "all" else 2000


def titles(work: Workspace) -> dict[str, str]:
    return {task["id"]: task["title"] for task in work.json("list")["tasks"]}


def test_a_burst_while_the_daemon_sleeps_is_taken_in_whole(work: Workspace) -> None:
    work.up()
    assert work.daemon is not None
    os.kill(work.daemon.pid, signal.SIGSTOP)
    try:
        for number in range(MANY):
            work.save(f"tasks/{number % 7}/t{number}.md", f"---\ntitle: first {number}\nstatus: draft\n---\n")
        for number in range(0, MANY, 3):
            work.save(f"tasks/{number % 7}/t{number}.md", f"---\ntitle: second {number}\nstatus: draft\n---\n")
    finally:
        os.kill(work.daemon.pid, signal.SIGCONT)
    wanted = {f"t{n}": f"{'first' if n % 3 else 'second'} {n}" for n in range(MANY)}
    wait_for("every file has been taken in", lambda: titles(work) == wanted)


def test_the_folder_renamed_away_and_back_is_heard_again(work: Workspace) -> None:
    work.save("tasks/t.md", "---\ntitle: before\nstatus: draft\n---\n")
    work.up()
    wait_for("the task is there", lambda: titles(work) == {"t": "before"})
    (work.repo / ".cowork").rename(work.root / "aside")
    wait_for("the folder is missed", lambda: "deletion" in work.cmd("status", "--json"))
    (work.root / "aside").rename(work.repo / ".cowork")
    wait_for("it is back", lambda: "deletion" not in work.cmd("status", "--json"))
    work.save("tasks/t.md", "---\ntitle: after\nstatus: draft\n---\n")
    wait_for("a change is heard", lambda: titles(work) == {"t": "after"})
