"""Checkouts for people who resolve conflicts, and what is taken from them.

Blocking; called from job threads only. Values go in and come out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from coworkd.slots.resolution_checkouts import (
    ResolutionCheckout,
    ResolutionRequest,
    TakenConflict,
    open_resolution,
    submit_resolution,
)
from coworkd.slots.submission import ImportedCommit, Rejected
from coworkd.system.git.repo_pool import RepoPool
from coworkd.system.sandbox.policy import UNCONFINED, SandboxCapabilities


class ResolutionJobs:
    """The checkouts of one repository; safe to call from any thread, and one call at a time is at work."""

    def __init__(self, root: Path, state: Path, means: Callable[[], SandboxCapabilities] = lambda: UNCONFINED) -> None:
        self._repos = RepoPool(root)
        self._root = root
        self._state = state
        self._means = means
        self._lock = threading.Lock()

    @property
    def root(self) -> str:
        """The user's worktree."""
        return str(self._root)

    def open(self, conflict: TakenConflict) -> ResolutionCheckout:
        """The checkout of a conflict, as it was left or fresh. Raises RepoError."""
        with self._lock, self._repos.lend() as repo:
            return open_resolution(repo, self._state, conflict, self._means())

    def submit(self, request: ResolutionRequest) -> ImportedCommit | Rejected:
        """File what was resolved there as a submission. Raises RepoError."""
        with self._lock, self._repos.lend() as repo:
            return submit_resolution(repo, self._state, request, self._means())
