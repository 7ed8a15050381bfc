"""Commands that write the user's index: another git command that holds it for a moment is waited for, in a job alone.

Git does not wait for `index.lock`: it fails at once, and even a `git status` takes the lock to refresh the index.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from coworkd.system.git.blob_origin import index_locked
from coworkd.system.git.repository import TIMEOUT, GitResult, Repo

T = TypeVar("T")

_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between tries; while a program holds the lock longer, the next job tries again."""


def wait_for_index(repo: Repo, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Whether no git command holds the index, now or within a moment. Blocks for up to two seconds."""
    for pause in _PAUSES:
        if not index_locked(repo):
            return True
        sleep(pause)
    return not index_locked(repo)


def run_on_index(
    repo: Repo,
    *args: str,
    stdin: bytes = b"",
    timeout: float = TIMEOUT,
    sleep: Callable[[float], None] = time.sleep,
) -> GitResult:
    """Run a command that writes the index or nothing at all, again while another one holds the index."""
    return repeat_while_locked(
        lambda: repo.run(*args, stdin=stdin, check=False, timeout=timeout),
        lambda done: done.err if done.code else "",
        sleep,
    )


def repeat_while_locked(
    attempt: Callable[[], T], failure: Callable[[T], str], sleep: Callable[[float], None] = time.sleep
) -> T:
    """Make an attempt, again while git's words for its failure name the lock of the index; for up to two seconds.

    `failure`: those words; empty where it has not failed.
    """
    result = attempt()
    for pause in _PAUSES:
        if "index.lock" not in failure(result):
            break
        sleep(pause)
        result = attempt()
    return result
