"""What `doctor` says of the disk: what is free, what the workspace takes, and its package caches."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from coworkd.core.disk_use import disk_limit_reason
from coworkd.core.errors import CoworkError
from coworkd.core.model import SandboxLevel, Settings
from coworkd.core.text_formats import format_bytes
from coworkd.diagnostics.findings import Finding, bad, ok, weak
from coworkd.slots.state_places import measure_places
from coworkd.store import Database
from coworkd.sync.effective_specs import EffectiveSpecs
from coworkd.system.paths_and_settings import FOLDER, Paths
from coworkd.system.work_environment import caches_of

Value = TypeVar("Value")
ENOUGH_FREE = 1_000_000_000
"""Bytes free below which a checkout more may not fit."""
MIN_FREE = 50_000_000


def free_space(paths: Paths) -> Finding:
    """Of the disk that slots are on, or the database."""
    places = [_nearest_existing(paths.state), _nearest_existing(paths.private)]
    place, free = min(((at, shutil.disk_usage(at).free) for at in places), key=lambda found: found[1])
    found = f"{free // 1_000_000} MB free at {place}"
    if free < MIN_FREE:
        return bad("disk", found, "free some space before anything starts")
    return (
        ok("disk", found) if free >= ENOUGH_FREE else weak("disk", found, "free some space: every slot is a checkout")
    )


def _nearest_existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())


def disk_use(paths: Paths) -> Finding:
    """What the files of this workspace outside of its repository take, measured now."""
    name, limit = "disk use", _settings(paths).limits.disk
    try:
        use = measure_places(paths.state).use(0.0)
    except CoworkError as error:
        return weak(name, str(error), "look at that folder: what it takes is not bounded meanwhile")
    bound = f"at most {format_bytes(limit)}" if limit is not None else "no bound"
    found = f"{use} ({bound}) in {paths.state}"
    if disk_limit_reason(use, limit):
        return weak(name, found, f"nothing starts: raise `limits: {{disk: ...}}` in {FOLDER}/config.yaml")
    return ok(name, found)


def package_caches(paths: Paths) -> Iterator[Finding]:
    """Whether the package caches that the settings name are there, and what keeps agents from writing them."""
    settings = _settings(paths)
    if not settings.caches:
        return
    name, wanted = "caches", ", ".join(sorted(settings.caches))
    if not settings.setup:
        found = f"{wanted}: there is no `setup` command to fill them"
        yield weak(name, found, f"write `setup` in {FOLDER}/config.yaml")
    elif missing := sorted(settings.caches.difference(caches_of(paths.state))):
        yield ok(name, f"{', '.join(missing)}: filled before the next run starts")
    elif _level(paths) is SandboxLevel.NONE:
        found = f"{wanted}: each run has a copy, but without a sandbox an agent could write the shared ones, too"
        yield weak(name, found, "start only agents that you would start yourself, or get a sandbox to work")
    else:
        yield ok(name, f"{wanted}: written by set-up alone, a copy for each run and verification")


def _level(paths: Paths) -> str:
    return _with_database(paths, lambda db: db.state.sandbox_level, "")


def _settings(paths: Paths) -> Settings:
    return _with_database(paths, lambda db: EffectiveSpecs(db).settings(), Settings())


def _with_database(paths: Paths, read: Callable[[Database], Value], unknown: Value) -> Value:
    if not paths.database.exists():
        return unknown
    db = Database(paths.database, read_only=True)
    try:
        return read(db)
    finally:
        db.close()
