"""Trees of real processes, and how they are ended."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.system.process_state import ProcessState, process_state
from coworkd.system.process_tree import TreeTermination, descendants, terminate
from tests.survivors import hear

SHELLS = 40


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Many shells, each with a next command that leaves a file once its child has ended."""
    os.mkfifo(tmp_path / "fifo")
    script = f"for n in $(seq {SHELLS}); do bash -c 'sleep 1000; > ran-'$n & done; echo ready > fifo; wait; > ran"
    with subprocess.Popen(["bash", "-c", script], cwd=tmp_path) as shell:
        hear(tmp_path / "fifo")
        yield shell
        terminate(lambda: descendants(shell.pid), 0.0)
        shell.kill()


def family(root: subprocess.Popen[bytes]) -> set[int]:
    root.poll()
    return descendants(root.pid) | ({root.pid} if root.returncode is None else set())


def test_no_shell_runs_its_next_command_while_its_tree_is_killed(tree: subprocess.Popen[bytes], tmp_path: Path) -> None:
    terminate(lambda: family(tree), 0.0)
    assert tree.wait() == -signal.SIGKILL
    assert list(tmp_path.glob("ran*")) == []


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    started = [subprocess.Popen(["sleep", "1000"]) for _ in range(2)]
    yield started
    for process in started:
        process.kill()
        process.wait()


def test_a_whole_tree_is_stopped_before_any_of_it_is_killed(sleepers: list[subprocess.Popen[bytes]]) -> None:
    """What was started while it was stopped counts: it is found when the tree is looked at again."""
    first, second = (process.pid for process in sleepers)
    looks = [({first}, set[int]()), ({first, second}, {first}), ({first, second}, {first, second})]

    def find() -> set[int]:
        found, stopped = looks.pop(0)
        assert {how_it_changed(pid) for pid in stopped} <= {os.CLD_STOPPED}
        return found

    assert TreeTermination(find, 0.0).step() == {first, second}
    assert looks == []
    assert [process.wait() for process in sleepers] == [-signal.SIGKILL] * 2


def how_it_changed(child: int) -> int:
    """Wait until a child has stopped or ended; which of them."""
    change = os.waitid(os.P_PID, child, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert change is not None
    return change.si_code


def test_a_process_with_grace_is_asked_and_not_stopped() -> None:
    with subprocess.Popen(["bash", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"],
                          stdout=subprocess.PIPE) as shell:  # fmt: skip
        assert shell.stdout is not None
        assert shell.stdout.readline() == b"ready\n"
        TreeTermination(lambda: {shell.pid}, 1000.0).step()
        assert process_state(shell.pid) is not ProcessState.STOPPED
        assert shell.wait() == 7
