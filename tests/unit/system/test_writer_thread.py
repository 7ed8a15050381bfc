from __future__ import annotations

import threading
from pathlib import Path

import pytest

from coworkd.system.git.runner import check_git, start
from coworkd.system.writer_thread import ThreadRuleError, may_wait, must_not_wait, refuse_to_wait


def test_a_turn_of_the_writer_does_not_start_git(tmp_path: Path) -> None:
    check_git()
    with must_not_wait(), pytest.raises(ThreadRuleError, match="ask in a background job"):
        start(["git", "-C", str(tmp_path), "status"], {}, 0)


def test_other_threads_wait_as_long_as_they_like() -> None:
    refused: list[BaseException] = []

    def ask() -> None:
        try:
            refuse_to_wait("git")
        except ThreadRuleError as error:
            refused.append(error)

    with must_not_wait():
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert refused == []
    refuse_to_wait("git, before and after a turn")


def test_an_exception_has_a_reason_and_ends() -> None:
    with must_not_wait():
        with may_wait("a person has stopped for it"):
            refuse_to_wait("git")
        with pytest.raises(ThreadRuleError):
            refuse_to_wait("git")
