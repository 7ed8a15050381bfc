"""Commands that write the index, while another git command holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.system.git.index_lock import run_on_index, wait_for_index
from tests.integration.gitkit import Checkout, checkout


class Holder:
    """Another git command, which lets go of the index at the n-th pause of whoever waits for it."""

    def __init__(self, at: Checkout, pauses: int) -> None:
        self.lock = at.root / ".git/index.lock"
        self.lock.touch()
        self.left = pauses

    def sleep(self, _seconds: float) -> None:
        self.left -= 1
        if self.left == 0:
            self.lock.unlink()


def no_pause(_seconds: float) -> None:
    raise AssertionError("nothing is to be waited for")


@pytest.fixture
def at(tmp_path: Path) -> Checkout:
    made = checkout(tmp_path / "repo")
    made.commit("start", {"a.txt": "a\n"})
    made.write("a.txt", "changed\n")
    return made


@pytest.mark.parametrize("pauses", [1, 6])
def test_a_command_runs_when_the_index_is_let_go(at: Checkout, pauses: int) -> None:
    holder = Holder(at, pauses)
    with at.open() as repo:
        assert run_on_index(repo, "add", "a.txt", sleep=holder.sleep).code == 0
    assert at.git("diff", "--cached", "--name-only") == "a.txt"


def test_a_lock_that_stays_is_said(at: Checkout) -> None:
    holder = Holder(at, 100)
    with at.open() as repo:
        done = run_on_index(repo, "add", "a.txt", sleep=holder.sleep)
        assert not wait_for_index(repo, holder.sleep)
    assert done.code != 0
    assert "index.lock" in done.err
    assert holder.lock.exists(), "it is the other command's"


def test_another_failure_is_not_waited_for(at: Checkout) -> None:
    with at.open() as repo:
        assert run_on_index(repo, "add", "nothing.txt", sleep=no_pause).code != 0


def test_a_free_index_is_not_waited_for(at: Checkout) -> None:
    with at.open() as repo:
        assert wait_for_index(repo, no_pause)
        holder = Holder(at, 2)
        assert wait_for_index(repo, holder.sleep)
