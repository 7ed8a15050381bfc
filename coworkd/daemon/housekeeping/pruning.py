"""Pruning: removes what was kept for a while and can no longer be needed.

Refs of a task go `keep_days` after it landed, displaced versions after thirty days. What has not landed stays, and so
does a conflict copy whose words are nowhere else.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.merge.git.conflict_bundle import bundle_files
from coworkd.merge.git.remembered_resolutions import prune_resolutions
from coworkd.merge.verifier import output_folder
from coworkd.slots.resolution_checkouts import resolution_folder
from coworkd.store.documents import knows_content
from coworkd.store.runs import run_ids_of
from coworkd.store.submissions import candidates_in_use, settled_tasks
from coworkd.sync.disk.folder import digest
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose
from coworkd.system.git import Repo
from coworkd.system.git.refs import (
    CANDIDATES,
    RefChange,
    base_ref,
    checked_out,
    refs_under,
    snapshot_prefix,
    submission_ref,
    task_branch,
    update_refs,
)
from coworkd.system.sandbox import cgroups

PRUNE: Job[None, tuple[str, ...]] = Job(name="pruning", purpose=Purpose.MAINTENANCE, first_pause=0)
"""Returns what was removed."""
PRUNING_INTERVAL = 3600.0
TRASH_DAYS = 30.0
DAY = 86400.0
_TRASHED = re.compile(r"(?P<ms>\d{10,16})-.+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRequest:
    """What may go, as the database knows it."""

    tasks: tuple[str, ...]
    """Landed for longer than `keep_days`."""
    runs: tuple[str, ...]
    """Theirs."""
    candidates: frozenset[str]
    """Commits that are still to land."""
    older: float
    """Candidates from before this time may go."""
    trash_older: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedFolders:
    root: Path
    folder: Path
    trash: Path
    state: Path


class Pruning:
    """Prunes one workspace once an hour; used by the writer thread alone, but for the job it starts."""

    def __init__(self, board: Board, jobs: Jobs, places: PrunedFolders) -> None:
        self._board = board
        self._db = board.db
        self._jobs = jobs
        self._places = places
        self._next = 0.0
        jobs.handle(PRUNE, then=self._pruned, failed=self._failed)

    def step(self, now: float) -> None:
        """Begin, when it is time again."""
        if now < self._next:
            return
        request, places = self.prune_request(now), self._places
        if self._jobs.start(PRUNE, None, lambda: prune(request, places)):
            self._next = now + PRUNING_INTERVAL

    def deadline(self) -> float:
        return self._next

    def prune_request(self, now: float) -> PruneRequest:
        """What may go now."""
        before = now - self._board.specs.settings().keep_days * DAY
        tasks = [row.id for row in settled_tasks(self._db, before)]
        return PruneRequest(
            tasks=tuple(tasks), runs=tuple(run_ids_of(self._db, tasks)),
            candidates=candidates_in_use(self._db), older=before,
            trash_older=now - TRASH_DAYS * DAY,
        )  # fmt: skip

    def _remove_conflicts(self, before: float) -> Iterator[str]:
        """Conflict copies, old enough, whose bytes are kept elsewhere: files of the workspace, so not for a job."""
        for path in (self._places.folder / "conflicts").glob("*.md"):
            with suppress(OSError):
                if path.stat().st_mtime < before and knows_content(self._db, digest(path.read_bytes())):
                    path.unlink()
                    yield f"conflicts/{path.name}"

    def _pruned(self, _: None, removed: tuple[str, ...], now: float) -> None:
        removed = (*removed, *self._remove_conflicts(now - TRASH_DAYS * DAY))
        if removed:
            with self._db.write():
                self._db.event(now, EventKind.PRUNED, what=list(removed))

    def _failed(self, _: None, failure: JobFailed, now: float) -> None:
        """It is tried again in an hour, like any pruning; the log has the reason."""


def prune(request: PruneRequest, places: PrunedFolders) -> tuple[str, ...]:
    """Carry it out; what went, by name."""
    with Repo.open(places.root) as repo:
        gone = [*_refs(repo, request), *prune_resolutions(repo)]
    cgroups.remove_abandoned()
    return (*gone, *_state_files(places.state, request.tasks), *_files(places.trash, request.trash_older))


def _state_files(state: Path, tasks: Sequence[str]) -> Iterator[str]:
    """What conflicts of these tasks were described and resolved in, and what their last checks wrote."""
    for task in tasks:
        for folder in (resolution_folder(state, task), output_folder(state, task)):
            if folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)
                yield str(folder.relative_to(state))
        for file in bundle_files(state, task):
            file.unlink(missing_ok=True)
            yield str(file.relative_to(state))


def _refs(repo: Repo, request: PruneRequest) -> Sequence[str]:
    held = checked_out(repo)
    there = {name: commit for prefix in _prefixes(request) for name, commit in refs_under(repo, prefix).items()}
    there |= _old_candidates(repo, request)
    changes = [RefChange(name=name, old=commit, new=None) for name, commit in there.items() if name not in held]
    return [change.name for change in changes] if update_refs(repo, changes) else []


def _prefixes(request: PruneRequest) -> Iterator[str]:
    for task in request.tasks:
        yield submission_ref(task, 0).rpartition("/")[0]
        yield snapshot_prefix(task)
        yield task_branch(task)
    yield from map(base_ref, request.runs)


def _old_candidates(repo: Repo, request: PruneRequest) -> dict[str, str]:
    shown = repo.run("for-each-ref", "--format=%(objectname) %(committerdate:unix) %(refname)", CANDIDATES).lines
    lines = [line.split(" ", 2) for line in shown]
    return {
        name: commit
        for commit, at, name in lines
        if commit not in request.candidates and float(at or 0) < request.older
    }


def _files(folder: Path, before: float) -> list[str]:
    """Displaced versions are dated by their names, and by the last write into them, which may come later."""
    gone: list[str] = []
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        found = _TRASHED.fullmatch(path.name)
        displaced = int(found["ms"]) / 1000 if found else path.stat().st_mtime
        if max(displaced, path.stat().st_mtime) < before and path.is_file():
            path.unlink()
            gone.append(path.name)
    return gone
