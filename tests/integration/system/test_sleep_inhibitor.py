"""The machine stays awake while it is to: with programs that stand in for those of the system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from coworkd.system.process_state import ProcessState, process_state
from coworkd.system.sleep_inhibitor import MISSING, SleepInhibitor

GONE = (ProcessState.GONE, ProcessState.ZOMBIE)


def program(tmp_path: Path, body: str) -> tuple[tuple[str, ...], ...]:
    """A program that does this with the command after it; the second in the list, the first of which is missing."""
    script = tmp_path / "inhibit"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    return ((str(tmp_path / "missing"), "-x"), (str(script), "--why=x"))


def awaited(holds: Callable[[], object]) -> bool:
    tick = threading.Event()
    return any(holds() or tick.wait(0.05) for _ in range(200)) and bool(holds())


def pid_in(file: Path) -> int:
    assert awaited(lambda: file.exists() and file.read_text().endswith("\n"))
    return int(file.read_text())


def test_it_is_held_until_it_is_released(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    inhibitor = SleepInhibitor(lambda: os.environ, program(tmp_path, f'echo $$ > {file}; shift; exec "$@"'))
    assert inhibitor.hold() == ""
    pid = pid_in(file)
    assert inhibitor.hold() == ""
    assert process_state(pid) not in GONE
    inhibitor.release()
    assert awaited(lambda: process_state(pid) in GONE)


def test_it_ends_with_the_daemon_however_that_ends(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    programs = program(tmp_path, f'echo $$ > {file}; shift; exec "$@"')
    code = (
        "import os, signal\nfrom coworkd.system.sleep_inhibitor import SleepInhibitor\n"
        f"inhibitor = SleepInhibitor(lambda: os.environ, {programs!r})\n"
        "inhibitor.hold()\nsignal.pause()\n"
    )
    daemon = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3])
    pid = pid_in(file)
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    assert awaited(lambda: process_state(pid) in GONE)


def test_where_there_is_no_such_program_that_is_said(tmp_path: Path) -> None:
    inhibitor = SleepInhibitor(lambda: os.environ, ((str(tmp_path / "missing"),),))
    assert inhibitor.hold() == MISSING
    assert inhibitor.hold() == MISSING
    inhibitor.release()


@pytest.mark.parametrize("body", ["echo 'no bus here' >&2; exit 3", "shift; exec /nowhere 2>&1"])
def test_a_program_that_fails_is_told_once_and_not_begun_again(tmp_path: Path, body: str) -> None:
    inhibitor = SleepInhibitor(lambda: os.environ, program(tmp_path, f"echo x >> {tmp_path}/begun; {body}"))
    inhibitor.hold()
    assert awaited(inhibitor.hold)
    said = inhibitor.hold()
    assert "inhibit ended with " in said
    assert "no bus here" in said or "/nowhere" in said
    assert inhibitor.hold() == said
    assert (tmp_path / "begun").read_text() == "x\n"
    inhibitor.release()


def test_a_program_that_is_killed_keeps_nothing_waiting_for_what_it_started(tmp_path: Path) -> None:
    body = 'shift; "$@" <&0 & echo $! > pid; kill -9 $$'
    inhibitor = SleepInhibitor(lambda: os.environ, program(tmp_path, body.replace("pid", str(tmp_path / "pid"))))
    inhibitor.hold()
    assert awaited(inhibitor.hold)
    assert inhibitor.hold().endswith("inhibit ended with -9: ")
    assert awaited(lambda: process_state(pid_in(tmp_path / "pid")) in GONE), "its lifeline is cut"


def test_a_program_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    file = tmp_path / "inhibit"
    file.write_bytes(b"\x7fELF nothing")
    file.chmod(0o755)
    inhibitor = SleepInhibitor(lambda: os.environ, ((str(file),),))
    assert "cannot be started" in inhibitor.hold()
