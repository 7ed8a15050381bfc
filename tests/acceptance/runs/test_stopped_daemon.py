"""A daemon that is stopped (SIGSTOP, Ctrl-Z, a debugger): commands say so, write their file, and end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.acceptance.workbench import EDIT, Workbench

PROMPT_END = 8.0
"""Seconds for a whole command on a loaded machine; without an end of its own it takes minutes."""


@pytest.fixture
def stopped(w: Workbench) -> Iterator[Workbench]:
    """One task in draft, one in review, one done; the daemon is stopped. Afterwards it goes on, so that it can end."""
    w.agent("ann", EDIT)
    w.config('agent: ann\napprove: [merge]\nverify: ["true"]\n')
    w.up()
    w.task("one")
    w.finish("one")
    w.task("two")
    w.until("two", "review")
    w.cmd("new", "Three", "--draft")
    assert w.daemon is not None
    os.kill(w.daemon.pid, signal.SIGSTOP)
    try:
        yield w
    finally:
        go_on(w)


def go_on(w: Workbench) -> None:
    assert w.daemon is not None
    if w.daemon.poll() is None:
        os.kill(w.daemon.pid, signal.SIGCONT)


def prompt(w: Workbench, *words: str) -> subprocess.CompletedProcess[str]:
    """A command that ends soon, and names the daemon, its state and what to type."""
    assert w.daemon is not None
    began = time.monotonic()
    done = w.cmd(*words, check=False)
    assert time.monotonic() - began < PROMPT_END, words
    said = done.stdout + done.stderr
    for expected in (f"pid {w.daemon.pid}", "stopped", f"`kill -CONT {w.daemon.pid}`"):
        assert expected in said, (words, said)
    return done


CAT_FILE_COMMAND = [
    ["status"], ["status", "--json"], ["list"], ["list", "--json"], ["show", "three"], ["log"], ["log", "one"], ["cost"],
    ["diff", "one"], ["why", "cowork/integration"], ["agents"], ["events"],
]  # fmt: skip


def test_what_is_read_comes_from_the_database(stopped: Workbench) -> None:
    for words in CAT_FILE_COMMAND:
        assert prompt(stopped, *words).returncode == 0, words
    assert stopped.json("status")["daemon"] == {
        "running": True, "pid": stopped.daemon and stopped.daemon.pid, "answers": False, "state": "stopped",
    }  # fmt: skip
    assert {card["id"] for card in stopped.json("list")["tasks"]} == {"one", "two", "three"}


def test_what_is_written_counts_once_it_goes_on(stopped: Workbench) -> None:
    assert prompt(stopped, "new", "Four").stdout == ".cowork/tasks/four.md\n"
    assert prompt(stopped, "reply", "three", "Mind the gap").returncode == 0
    for words, path in ((["ready", "three"], "tasks/three.md"), (["approve", "two"], "reviews/two.md")):
        done = prompt(stopped, *words)
        assert done.returncode == 1
        assert f"what you asked for is written in .cowork/{path}" in done.stderr
    assert stopped.field("tasks/three.md", "status") == "ready"
    assert stopped.field("reviews/two.md", "approval") == "approved"
    go_on(stopped)
    stopped.until("two", "done")
    stopped.until("three", "review")
    stopped.until("four", "review")
    assert stopped.cmd("approve", "two", check=False).returncode == 1, "asked again: it was answered once"
    assert not stopped.cow("tasks/four-2.md").exists()
    assert "Mind the gap" in stopped.cmd("diff", "three").stdout, "the agent keeps its prompt in a file"


NOT_DONE = [["land"], ["confirm"], ["trust"], ["down"]]


def test_what_no_file_can_say_is_not_done_and_not_done_later(stopped: Workbench) -> None:
    before = stopped.git("rev-parse", "main")
    for words in NOT_DONE * 2:
        done = prompt(stopped, *words)
        assert done.returncode == 1
        assert "nothing was done" in done.stderr or "was not told to end" in done.stderr
    go_on(stopped)
    assert "is up" in stopped.cmd("status").stdout
    assert stopped.git("rev-parse", "main") == before
    assert "landed" in stopped.cmd("land").stdout
    assert "stopped" in stopped.cmd("down").stdout


def test_more_commands_than_a_socket_queues(stopped: Workbench) -> None:
    for _ in range(20):
        prompt(stopped, "list")
    go_on(stopped)
    assert "is up" in stopped.cmd("status").stdout


@pytest.mark.parametrize("words", [["up"], ["up", "--detach"]])
def test_a_second_daemon_is_told_who_holds_the_workspace(stopped: Workbench, words: list[str]) -> None:
    assert prompt(stopped, *words).returncode == 1


def test_doctor_finds_it(stopped: Workbench) -> None:
    done = prompt(stopped, "doctor", "--json")
    assert done.returncode == 1
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert found["daemon"]["level"] == "bad"
    assert "stopped" in found["daemon"]["found"]


def test_a_daemon_that_is_stopped_while_a_command_waits(w: Workbench) -> None:
    w.cmd("new", "A", "--draft")
    w.up()
    w.wait("the daemon", lambda: "is up" in w.cmd("status").stdout)
    assert w.daemon is not None
    follow = subprocess.Popen(
        [str(w.bin / "coworkd"), "events", "--follow"], cwd=w.repo, env=w.env, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert follow.stdout is not None
    assert follow.stderr is not None
    assert follow.stdout.readline()
    os.kill(w.daemon.pid, signal.SIGSTOP)
    try:
        assert f"kill -CONT {w.daemon.pid}" in follow.stderr.readline()
    finally:
        go_on(w)
        follow.kill()
        follow.communicate()


def test_a_stopped_command_that_holds_the_workspace(w: Workbench) -> None:
    """The daemon is down; another command was stopped in its one turn."""
    holder = subprocess.Popen(
        ["python3", "-c", HOLD, str(w.repo / ".git/cowork"), "coworkd"], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline()
    os.kill(holder.pid, signal.SIGSTOP)
    try:
        done = w.cmd("new", "A")
        assert f"pid {holder.pid}" in done.stderr
        assert "stopped" in done.stderr
        assert done.stdout == ".cowork/tasks/a.md\n"
    finally:
        holder.kill()
        holder.communicate()
    assert "A" in w.cmd("list").stdout


HOLD = (
    "import fcntl, os, sys; lock = open(sys.argv[1] + '/lock', 'w'); fcntl.flock(lock, fcntl.LOCK_EX);"
    " print(os.getpid(), file=open(sys.argv[1] + '/pid', 'w'), flush=True); print('held', flush=True); sys.stdin.read()"
)


def test_a_daemon_says_what_its_threads_are_doing_and_goes_on(w: Workbench) -> None:
    w.up()
    w.wait("up", lambda: w.json("status")["daemon"]["running"])
    assert w.daemon is not None
    os.kill(w.daemon.pid, signal.SIGUSR1)
    stacks = w.repo / ".git" / "cowork" / "stacks.txt"
    w.wait("the stacks", lambda: stacks.exists() and "main_loop.py" in stacks.read_text())
    w.agent("ann", EDIT)
    w.config('agent: ann\napprove: [merge]\nverify: ["true"]\n')
    w.task("one")
    w.finish("one")
