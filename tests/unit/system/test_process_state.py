from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.system.process_state import ProcessState, computes, described, process_state, read_pid_file

SLEEPER = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()", "coworkd"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEPER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sleeper:
        assert sleeper.stdout is not None
        assert sleeper.stdout.readline()
        yield sleeper
        sleeper.kill()


def test_a_process_that_was_stopped_and_goes_on(child: subprocess.Popen[bytes]) -> None:
    os.kill(child.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED)
    assert process_state(child.pid) is ProcessState.STOPPED
    assert not computes(child.pid)
    os.kill(child.pid, signal.SIGCONT)
    os.waitid(os.P_PID, child.pid, os.WCONTINUED)
    assert process_state(child.pid) in (ProcessState.SLEEPING, ProcessState.RUNNING)


def test_a_zombie_and_a_process_that_is_gone(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_state(child.pid) is ProcessState.ZOMBIE
    child.wait()
    assert process_state(child.pid) is ProcessState.GONE


def test_our_own_process_computes() -> None:
    assert process_state(os.getpid()) is ProcessState.RUNNING
    assert computes(os.getpid())


@pytest.mark.parametrize("content", ["", "x\n", "-1\n", "0\n", "99999999\n", f"{os.getppid()}\n"])
def test_a_number_that_is_no_coworkd_is_not_taken_for_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "pid").write_text(content)
    found = read_pid_file(tmp_path / "pid")
    assert found is None or b"coworkd" in Path(f"/proc/{found}/cmdline").read_bytes()
    assert read_pid_file(tmp_path / "none") is None


def test_a_coworkd_that_noted_itself(tmp_path: Path, child: subprocess.Popen[bytes]) -> None:
    (tmp_path / "pid").write_text(f"{child.pid}\n")
    assert read_pid_file(tmp_path / "pid") == child.pid


@pytest.mark.parametrize("state", ProcessState)
def test_every_state_is_named_with_what_to_do(state: ProcessState) -> None:
    assert state.value in described(7, state) or state is ProcessState.UNKNOWN
