"""Many commands at once: each waits its turn, with a daemon and without one."""

from __future__ import annotations

import subprocess

import pytest

from tests.acceptance.workbench import Workbench

AT_ONCE = 20


def together(w: Workbench, *words: tuple[str, ...]) -> list[tuple[int, str]]:
    """Exit code and errors of commands that were started at the same time."""
    started = [
        subprocess.Popen(
            [str(w.bin / "coworkd"), *one], cwd=w.repo, env=w.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for one in words
    ]  # fmt: skip
    ended = [(process, process.communicate(timeout=300)) for process in started]
    return [(process.returncode, errors) for process, (_, errors) in ended]


@pytest.mark.parametrize("daemon", [True, False], ids=["with a daemon", "without"])
def test_commands_at_once_wait_their_turn(w: Workbench, *, daemon: bool) -> None:
    if daemon:
        w.up()
    names = [f"task-{number}" for number in range(AT_ONCE)]
    ended = together(w, *(("new", name, "--draft") for name in names))
    assert [(code, errors) for code, errors in ended if code or "Traceback" in errors] == []
    known = {card["id"] for card in w.json("status")["tasks"]}
    assert known >= set(names)
