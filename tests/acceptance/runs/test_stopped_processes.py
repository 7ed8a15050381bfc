"""The daemon or a worker is stopped (SIGSTOP) while agents work: what goes on and what ends is found as it is after that."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from tests.acceptance.workbench import Workbench

AGENT = (
    "echo $COWORK_RUN >> @SCRATCH@/starts.$COWORK_TASK; n=0;"
    " while [ ! -e @SCRATCH@/go.$COWORK_TASK ]; do"
    " sleep 0.1; n=$((n+1)); echo $n > @SCRATCH@/next.$COWORK_TASK;"
    " mv @SCRATCH@/next.$COWORK_TASK @SCRATCH@/ticks.$COWORK_TASK; done;"
    " echo work > work.$COWORK_TASK; touch @SCRATCH@/ended.$COWORK_TASK\n"
)
"""Counts tenths of a second until it is let go, and leaves a line for each of its starts."""

LOOKS = 30
"""Tenths of a second in which the daemon would look at its agents several times, were it not stopped."""


def _ticks(w: Workbench, task: str) -> int:
    file = w.scratch / f"ticks.{task}"
    return int(file.read_text()) if file.exists() else 0


def _runs(w: Workbench, task: str) -> list[dict[str, Any]]:
    return w.json("show", task)["runs"]


def _events(w: Workbench) -> list[str]:
    return [json.loads(line)["kind"] for line in w.cmd("events").stdout.splitlines()]


def _signal(w: Workbench, number: signal.Signals) -> None:
    assert w.daemon is not None
    os.kill(w.daemon.pid, number)


def test_no_agent_is_lost_or_started_twice_for_a_daemon_that_was_stopped(w: Workbench) -> None:
    w.agent("ann", AGENT)
    w.config("agent: ann\nconcurrency: 2\napprove: []\n")
    w.up()
    for task in ("ends", "stays"):
        w.task(task)
    w.wait("both are at work", lambda: _ticks(w, "ends") and _ticks(w, "stays"))
    _signal(w, signal.SIGSTOP)
    try:
        began = _ticks(w, "stays")
        (w.scratch / "go.ends").touch()
        w.wait("one has ended", (w.scratch / "ended.ends").exists)
        w.wait("one has worked on", lambda: _ticks(w, "stays") >= began + LOOKS)
    finally:
        _signal(w, signal.SIGCONT)
    w.until("ends", "done")
    (run,) = _runs(w, "stays")
    assert (run["attempt"], run["state"]) == (1, "working")
    again = _ticks(w, "stays")
    w.wait("it is at work", lambda: _ticks(w, "stays") > again)
    (w.scratch / "go.stays").touch()
    w.until("stays", "done")
    for task in ("ends", "stays"):
        assert len((w.scratch / f"starts.{task}").read_text().split()) == 1
        assert [run["attempt"] for run in _runs(w, task)] == [1]
    assert not {"run lost", "run again", "late end refused"} & set(_events(w))


def _parent(pid: int) -> int | None:
    """None: it has ended meanwhile, as a command of the agent's script may."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return None


def _worker(w: Workbench) -> int:
    """The process that looks after the one agent at work."""
    marked = set(w.survivors(b"COWORK_RUN="))
    parents = {pid: parent for pid in marked if (parent := _parent(pid)) is not None}
    (found,) = {pid for pid, parent in parents.items() if parent not in marked}
    return found


def test_a_run_whose_worker_was_stopped_says_so_and_goes_on(w: Workbench) -> None:
    w.agent("ann", AGENT)
    w.config("agent: ann\napprove: []\n")
    w.up()
    w.task("one")
    w.wait("it is at work", lambda: _ticks(w, "one"))
    worker = _worker(w)
    os.kill(worker, signal.SIGSTOP)
    try:
        w.wait("that is shown", lambda: f"`kill -CONT {worker}`" in w.cmd("status").stdout)
        (w.scratch / "go.one").touch()
    finally:
        os.kill(worker, signal.SIGCONT)
    w.until("one", "done")
    assert "kill -CONT" not in w.cmd("status").stdout
    assert [run["attempt"] for run in _runs(w, "one")] == [1]
