"""Disk: measured now and then, shown, and what has been idle for longest removed where it is too much."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from coworkd.board.measured_disk import save_measured_disk
from coworkd.board.task_board import Board
from coworkd.core.disk_use import DiskUse, disk_excess, disk_limit_reason, places_to_remove
from coworkd.core.event_kinds import EventKind
from coworkd.slots.slot import recorded_run
from coworkd.slots.state_places import CACHES, idle_places, measure_places
from coworkd.store.runs import slots_in_use
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose

INTERVAL, FIRST_AFTER, FULL_INTERVAL = 600.0, 60.0, 30.0
"""Seconds between two measurements, before the first one, and between two while starts wait for space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskMeasurement:
    """What was found, and what was removed."""

    use: DiskUse
    removed: tuple[str, ...]


MEASURE: Job[None, DiskMeasurement] = Job(name="disk", purpose=Purpose.MAINTENANCE, first_pause=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRequest:
    """The bound, and what nothing uses now."""

    limit: int | None
    slots: Mapping[int, str]
    """Slots in use excepted: number, and the run last recorded there."""
    caches_idle: bool
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleRemoval:
    """Removes one place each; False where it is in use after all."""

    slot: Callable[[int, str], bool]
    gate: Callable[[str], bool]
    caches: Callable[[], bool]


class DiskBound:
    """Used by the writer thread alone, but for the job it starts."""

    def __init__(self, board: Board, jobs: Jobs, state: Path, removal: IdleRemoval) -> None:
        self._board = board
        self._db = board.db
        self._jobs = jobs
        self._state = state
        self._removal = removal
        self._next = 0.0
        jobs.handle(MEASURE, then=self._measured, failed=self._failed)

    def step(self, now: float) -> None:
        """Begin, when it is time again."""
        self._next = self._next or now + FIRST_AFTER
        if now < self._next:
            return
        request = self.request(now)
        if self._jobs.start(MEASURE, None, lambda: self._measure(request)):
            self._next = now + INTERVAL

    def deadline(self) -> float | None:
        return self._next or None

    def request(self, now: float) -> MeasureRequest:
        """What may be removed now."""
        used = slots_in_use(self._db)
        folders = (self._state / "slots").glob("*")
        idle = {int(folder.name) for folder in folders if folder.name.isdecimal()} - used
        runs = {number: recorded_run(self._state, number) for number in idle}
        return MeasureRequest(
            limit=self._board.specs.settings().limits.disk, caches_idle=not used, now=now,
            slots={number: record.run if record else "" for number, record in runs.items()},
        )  # fmt: skip

    def _measure(self, request: MeasureRequest) -> DiskMeasurement:
        return bound_disk(self._state, request, self._removal, self._jobs.stopping.is_set)

    def _measured(self, _: None, found: DiskMeasurement, now: float) -> None:
        with self._db.write():
            save_measured_disk(self._db, found.use)
            if found.removed:
                self._db.event(now, EventKind.PRUNED, what=list(found.removed))
        if disk_limit_reason(found.use, self._board.specs.settings().limits.disk):
            self._next = min(self._next, now + FULL_INTERVAL)

    def _failed(self, _: None, failure: JobFailed, now: float) -> None:
        """It is measured again; the log has the reason."""


def bound_disk(
    state: Path, request: MeasureRequest, removal: IdleRemoval, cancelled: Callable[[], bool] = lambda: False
) -> DiskMeasurement:
    """Measure, and remove what has been idle for longest while it is too much."""
    found = measure_places(state, cancelled)
    total, free = found.use(request.now).total, shutil.disk_usage(_existing(state)).free
    excess = disk_excess(total, request.limit, free)
    busy = {name for name in found.sizes if name.startswith("slots/") and _number(name) not in request.slots}
    busy |= set() if request.caches_idle else {CACHES}
    chosen = places_to_remove(idle_places(state, found, busy), excess) if excess else ()
    removed = tuple(place.name for place in chosen if _remove(place.name, request, removal))
    left = measure_places(state, cancelled) if removed else found
    return DiskMeasurement(use=left.use(request.now), removed=removed)


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())


def _number(name: str) -> int:
    number = name.partition("/")[2]
    return int(number) if number.isdecimal() else 0


def _remove(name: str, request: MeasureRequest, removal: IdleRemoval) -> bool:
    if name == CACHES:
        return removal.caches()
    if name.startswith("gates/"):
        return removal.gate(name.partition("/")[2])
    return removal.slot(_number(name), request.slots[_number(name)])
