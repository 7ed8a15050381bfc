from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coworkd.core.model import Check
from coworkd.merge.gate_lock import LOCK, GateWaitCancelledError, hold_gate
from coworkd.merge.verification import Verification, gate_context, verify
from coworkd.system.git import Repo
from coworkd.system.process.commands import RUN_MARK
from tests.integration.gitkit import Checkout, checkout

PATIENCE = 60.0
HOLD = """\
import sys
from pathlib import Path
from coworkd.merge.gate_lock import hold_gate
with hold_gate(Path(sys.argv[1]), sys.argv[2], lambda: False):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "state" / "gates" / "1"


@pytest.fixture
def marker(tmp_path: Path) -> str:
    return f"gate-{tmp_path.parent.name}-{os.getpid()}"


@pytest.fixture
def holder(gate: Path, marker: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the gate until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", HOLD, str(gate), marker], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def verified(user: Checkout, gate: Path, marker: str, commit: str, command: str) -> tuple[Check, ...]:
    context = gate_context(gate, marker=marker, repo_mark="test", timeout=PATIENCE)
    with Repo.open(user.root) as repo:
        return verify(repo, gate, commit, Verification(commands=(command,)), context)


def test_the_second_verification_in_a_gate_waits_for_the_first(
    user: Checkout, gate: Path, marker: str, tmp_path: Path
) -> None:
    first = user.branch("one", "main", {"who.txt": "one\n"})
    second = user.branch("two", "main", {"who.txt": "two\n"})
    started, go = tmp_path / "started", tmp_path / "go"
    slow = f"touch {started}; until test -e {go}; do sleep 0.05; done; cat who.txt; git rev-parse HEAD"
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(verified, user, gate, marker, first, slow)
        while not started.exists():
            assert not one.done(), one.result()
        two = pool.submit(verified, user, gate, marker, second, f"touch {go}.second; cat who.txt")
        assert (gate / "repo" / "work" / "who.txt").read_text() == "one\n"
        go.touch()
        assert one.result(PATIENCE)[-1].tail.split() == ["one", first]
        assert two.result(PATIENCE)[-1].tail.split() == ["two"]


def test_a_gate_that_another_process_holds_is_waited_for(
    gate: Path, marker: str, holder: subprocess.Popen[bytes]
) -> None:
    asked = threading.Event()
    held = threading.Event()

    def cancelled() -> bool:
        asked.set()
        return False

    def second() -> None:
        with hold_gate(gate, marker, cancelled):
            held.set()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second)
        assert asked.wait(PATIENCE)
        assert not held.is_set()
        holder.communicate()
        waiting.result(PATIENCE)
    assert held.is_set()


@pytest.mark.usefixtures("holder")
def test_waiting_for_a_gate_ends_when_it_is_not_wanted_any_more(gate: Path, marker: str) -> None:
    with pytest.raises(GateWaitCancelledError), hold_gate(gate, marker, lambda: True):
        raise AssertionError("the gate was held twice")


def test_what_a_dead_holder_started_is_ended_before_the_gate_is_used_again(
    gate: Path, marker: str, holder: subprocess.Popen[bytes]
) -> None:
    left = subprocess.Popen(["sleep", "600"], env={**os.environ, RUN_MARK: marker})
    holder.kill()
    holder.communicate()
    with hold_gate(gate, marker, lambda: False):
        assert left.wait(PATIENCE) != 0
    assert (gate / LOCK).read_bytes() == b""
