"""Joins the packs that imports leave in the user's repository, once there are many."""

from __future__ import annotations

from pathlib import Path

from coworkd.store.database import Database
from coworkd.store.runs import count_runs
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose
from coworkd.system.git import Repo
from coworkd.system.git.packs import count_packs, join_packs

MAX_PACKS = 20
"""Git's own limit is 50 packs (`gc.autoPackLimit`), for people; here each landing starts dozens of git processes."""

JOIN: Job[None, int] = Job(name="joining packs", purpose=Purpose.MAINTENANCE, first_pause=0)
"""Returns how many packs there were."""


class PackJoining:
    """Looks once for every so many runs, each of which imports at least one pack; used by the writer thread alone."""

    def __init__(self, db: Database, jobs: Jobs, root: Path) -> None:
        self._db = db
        self._jobs = jobs
        self._root = root
        self._runs_at_look = 0
        jobs.handle(JOIN, then=self._joined, failed=self._failed)

    def step(self) -> None:
        """Begin, when enough runs have begun since."""
        runs, root = count_runs(self._db), self._root
        if runs - self._runs_at_look >= MAX_PACKS and self._jobs.start(JOIN, None, lambda: join_many_packs(root)):
            self._runs_at_look = runs

    def _joined(self, _: None, packs: int, now: float) -> None:
        """How many there were is of no consequence: it is looked again after as many runs."""

    def _failed(self, _: None, failure: JobFailed, now: float) -> None:
        """It is done again after as many runs; the log has the reason."""


def join_many_packs(root: Path) -> int:
    """Join the packs of a repository where there are many; how many there were."""
    with Repo.open(root) as repo:
        packs = count_packs(repo)
        if packs > MAX_PACKS:
            join_packs(repo)
    return packs
