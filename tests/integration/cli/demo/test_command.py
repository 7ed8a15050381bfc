"""The demo, as somebody runs it who has just installed coworkd: all of it, interrupted, and without git."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import COWORKD, environment
from tests.survivors import alive, wait_gone


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def demo(temporary: Path, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    env = environment(temporary.parent / "home", TMPDIR=str(temporary))
    return subprocess.run(
        [*COWORKD, "demo", *words], cwd=temporary, env=env | ({"PATH": path} if path else {}), capture_output=True,
        text=True, timeout=100, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def left(temporary: Path) -> list[object]:
    """Files and processes that remain."""
    return [*temporary.iterdir(), *alive(str(temporary))]


def test_the_whole_loop_is_told_and_leaves_nothing(temporary: Path) -> None:
    done = demo(temporary)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    told = [
        "FAILED (failures=1)",
        "You write .cowork/tasks/report-title.md:",
        "You read .cowork/reviews/fix-word-count.md:",
        "-question-1.md:",
        "You write .cowork/messages/report-title/answer.md:",
        "You read .cowork/approvals/json-output-1.md:",
        "$ coworkd land",
        "(HEAD -> main, cowork/integration)",
        "\n    OK\n",
        "3 tasks landed",
    ]
    places = [done.stdout.find(text) for text in told]
    assert -1 not in places
    assert places == sorted(places)
    assert left(temporary) == []


def test_what_is_kept_is_a_repository_with_everything_landed(temporary: Path) -> None:
    told = json.loads(demo(temporary, "--keep", "--json").stdout)
    assert set(told["tasks"].values()) == {"done"}
    assert alive(str(temporary)) == []
    log = subprocess.run(
        ["git", "log", "--first-parent", "--format=%H %s", "main"], cwd=told["kept"], capture_output=True, text=True,
        check=True,
    ).stdout.splitlines()  # fmt: skip
    assert log[0].split()[0] == told["target"]
    assert [line.partition(" ")[2] for line in log[-2:]] == ['Count "don\'t" as one word', "Start"]
    assert len(log) == 4


@pytest.fixture
def started(temporary: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo whose daemon is at work."""
    env = environment(temporary.parent / "home", TMPDIR=str(temporary))
    background = ["env", "--ignore-signal=INT", *COWORKD]
    child = subprocess.Popen(
        [*background, "demo"], cwd=temporary, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("$ coworkd status"):
            break
    with child:
        yield child
        child.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_demo_leaves_nothing(
    started: subprocess.Popen[str], temporary: Path, number: signal.Signals
) -> None:
    daemon = next(pid for pid in alive("coworkd\0up") if _inside(pid, temporary))
    started.send_signal(number)
    _, said = started.communicate(timeout=60)
    assert (started.returncode, said.strip()) == (1, "coworkd: interrupted")
    assert wait_gone(daemon, 0)
    assert left(temporary) == []


def _inside(pid: int, folder: Path) -> bool:
    return Path(f"/proc/{pid}/cwd").resolve().is_relative_to(folder)


def test_without_git_it_says_so_and_leaves_nothing(temporary: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "bash").symlink_to(shutil.which("bash") or "/bin/bash")
    done = demo(temporary, path=str(tools))
    assert done.returncode == 1
    assert re.search(r"^coworkd: .*git", done.stderr)
    assert "Traceback" not in done.stderr
    assert left(temporary) == []
