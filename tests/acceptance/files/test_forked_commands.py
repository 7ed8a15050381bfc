"""A command that is forked does what it does in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import forked_commands
from tests.acceptance.files.workspace import Workspace

PROGRAM = (sys.executable, "-P", "-m", "coworkd")


@pytest.mark.parametrize(
    "words", [["status"], ["list", "--json"], ["show", "no-such-task"], ["statsu"], ["--version"]], ids=" ".join
)
def test_output_and_exit_code_are_the_same(work: Workspace, words: list[str]) -> None:
    alone = subprocess.run([*PROGRAM, *words], cwd=work.repo, env=work.env, capture_output=True, text=True, check=False)
    forked = work.run(*words)
    assert (forked.returncode, forked.stdout, forked.stderr) == (alone.returncode, alone.stdout, alone.stderr)


def test_a_command_that_takes_too_long_is_killed(work: Workspace) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        forked_commands.run(PROGRAM, ["events", "--follow"], cwd=work.repo, env=work.env, timeout=1)
