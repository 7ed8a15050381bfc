"""How many git processes a task costs, from its saved file to its landed change with one verification.

Counted is what coworkd itself starts: the interpreter reports every process to a hook, in whatever sandbox it then runs.
What the agent runs is its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.workbench import EDIT, PROJECT, Workbench

MAX_GIT_PROCESSES = 34
"""For one task."""
TASKS = 3

_HOOK = """
import os, sys

def report(event, args):
    if event == "subprocess.Popen" and "git" in (words := [os.fsdecode(word) for word in args[1]]):
        with open({log!r}, "a") as log:
            log.write(" ".join(words[words.index("git") + 1 :]).replace("\\n", " ") + "\\n")

sys.addaudithook(report)
"""
LEAVES_FILES = 'cat > /dev/null; echo "$COWORK_TASK" > made.$COWORK_TASK; echo "did $COWORK_TASK"'


class Counted:
    """The git processes that the programs started since the last `clear`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "git.log"
        folder.mkdir(parents=True)
        (folder / "sitecustomize.py").write_text(_HOOK.format(log=str(self.log)))
        self.clear()

    def clear(self) -> None:
        self.log.write_text("")

    def commands(self) -> Counter[str]:
        return Counter(_command(line.split()) for line in self.log.read_text().splitlines())

    def check(self, limit: int) -> None:
        found = self.commands()
        table = "\n".join(f"{count:4} {name}" for name, count in found.most_common())
        assert 0 < found.total() <= limit, f"{found.total()} git processes, at most {limit}:\n{table}"


def _command(words: list[str]) -> str:
    while words and words[0].startswith("-"):
        words = words[2 if words[0] in ("-C", "-c") else 1 :]
    return words[0] if words else "git"


@pytest.fixture
def counted(w: Workbench) -> Counted:
    """The command of the workspace, which reports what it starts."""
    found = Counted(w.root / "counted")
    script = w.bin / "coworkd"
    script.write_text(script.read_text().replace(f"PYTHONPATH={PROJECT}", f"PYTHONPATH={PROJECT}:{found.folder}"))
    return found


@pytest.mark.parametrize("agent", [LEAVES_FILES, EDIT], ids=["leaves files", "commits"])
def test_a_task_costs_few_git_processes(w: Workbench, counted: Counted, agent: str) -> None:
    w.agent("ed", agent)
    w.config('approve: []\nagent: ed\nverify: ["test -e app.py"]\n')
    w.up()
    w.task("first")
    w.until("first", "done")
    counted.clear()
    for number in range(TASKS):
        w.task(f"t{number}")
        w.until(f"t{number}", "done")
    w.down()
    counted.check(TASKS * MAX_GIT_PROCESSES)


def test_a_task_that_a_person_approves_costs_no_more(w: Workbench, counted: Counted) -> None:
    w.agent("ed", LEAVES_FILES)
    w.config('approve: [merge]\nagent: ed\nverify: ["test -e app.py"]\n')
    w.up()
    w.task("first")
    w.finish("first")
    counted.clear()
    for number in range(TASKS):
        w.task(f"t{number}")
        w.finish(f"t{number}")
    w.down()
    counted.check(TASKS * MAX_GIT_PROCESSES)


def test_the_count_can_fail(w: Workbench, counted: Counted) -> None:
    code = f"import subprocess\nfor _ in range({MAX_GIT_PROCESSES + 1}): subprocess.run(['git', '-C', '.', 'version'])"
    env = {**os.environ, "PYTHONPATH": str(counted.folder)}
    subprocess.run([sys.executable, "-c", code], env=env, cwd=w.repo, check=True, capture_output=True)
    assert counted.commands() == {"version": MAX_GIT_PROCESSES + 1}
    with pytest.raises(AssertionError, match=f"{MAX_GIT_PROCESSES + 1} git processes, at most {MAX_GIT_PROCESSES}"):
        counted.check(MAX_GIT_PROCESSES)
