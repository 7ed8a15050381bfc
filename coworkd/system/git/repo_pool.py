"""Repos that are lent to one job at a time, each with the git that reads for it, and taken back for the next one.

A job neither asks git where the repository is nor starts a reader of its own. All share what was read before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from coworkd.system.git.places import RepoPlaces, find_places
from coworkd.system.git.repository import Repo
from coworkd.system.git.runner import check_git

IDLE = 30.0
"""Seconds after which a Repo that no job has wanted is closed, and its git ends."""
MAX_KEPT = 3
"""Repos that wait for a job; what is given back beyond that is closed at once."""


class RepoPool:
    """The Repos of one repository; safe to use from every thread."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._clock = clock
        self._lock = threading.Lock()
        self._found: tuple[RepoPlaces, tuple[object, ...]] | None = None
        self._first: Repo | None = None
        self._kept: list[tuple[float, Repo]] = []
        self._timer: threading.Timer | None = None

    @contextmanager
    def lend(self) -> Generator[Repo]:
        """A Repo for one thread, until the end of the `with`. Raises as `Repo.open`."""
        places = self._places()
        with self._lock:
            repo = self._kept.pop()[1] if self._kept else Repo.at(places, self._first)
            self._first = self._first or repo
        repo.forget_settings()
        try:
            yield repo
        except BaseException:
            # Also an interrupt: a reader in mid-answer must not be lent again.
            repo.close()
            raise
        self._take_back(repo, places)

    def close_idle(self) -> None:
        """Close what no job has wanted for `IDLE` seconds."""
        with self._lock:
            until = self._clock() - IDLE
            idle = [repo for since, repo in self._kept if since <= until]
            self._kept = [(since, repo) for since, repo in self._kept if since > until]
            self._timer = None
            if self._kept:
                self._start_timer()
        for repo in idle:
            repo.close()

    def _places(self) -> RepoPlaces:
        """Where the repository is; git is asked again where a folder or the configuration is another one."""
        with self._lock:
            if self._found and self._found[0].identity() == self._found[1]:
                return self._found[0]
            check_git()
            places = find_places(self._root)
            self._found = places, places.identity()
            self._first = None
            for _, repo in self._kept:
                repo.close()
            self._kept = []
        return places

    def _take_back(self, repo: Repo, places: RepoPlaces) -> None:
        with self._lock:
            wanted = self._found is not None and self._found[0] == places and len(self._kept) < MAX_KEPT
            if wanted:
                self._kept.append((self._clock(), repo))
                self._start_timer()
        if not wanted:
            repo.close()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(IDLE + 1.0, self.close_idle)
            self._timer.daemon = True
            self._timer.start()
