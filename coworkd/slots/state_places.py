"""What of the state folder takes how much disk, and which of it is idle.

STATE/slots/N, STATE/gates/G, STATE/caches    can be made again, and go where the disk is full
everything else                               is counted
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.disk_use import DiskUse, IdlePlace
from coworkd.system.disk_usage import disk_usage

CACHES = "caches"
_SPLIT = ("slots", "gates")
_MARKS = ("run.json", "slot.json", "emptied.json", "lock", "filled.key", "")
"""Files that are written when a place is used, and the folder itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceSizes:
    """Bytes of each place in the state folder, by its name relative to it."""

    sizes: Mapping[str, int]

    def use(self, at: float) -> DiskUse:
        return DiskUse(
            slots=self._sum("slots/"), gates=self._sum("gates/"), caches=self.sizes.get(CACHES, 0),
            other=sum(size for name, size in self.sizes.items() if "/" not in name and name != CACHES), at=at,
        )  # fmt: skip

    def without(self, names: Collection[str]) -> PlaceSizes:
        return PlaceSizes(sizes={name: size for name, size in self.sizes.items() if name not in names})

    def _sum(self, prefix: str) -> int:
        return sum(size for name, size in self.sizes.items() if name.startswith(prefix))


def measure_places(state: Path, cancelled: Callable[[], bool] = lambda: False) -> PlaceSizes:
    """Blocks; see `disk_usage`."""
    marker = f"disk-{state.name}-{os.getpid()}"
    return PlaceSizes(sizes=disk_usage(state, sorted(_names(state)), marker, cancelled))


def _names(state: Path) -> Iterator[str]:
    for name in os.listdir(state) if state.is_dir() else ():
        if name in _SPLIT and (state / name).is_dir():
            yield from (f"{name}/{inside}" for inside in os.listdir(state / name))
        else:
            yield name


def idle_places(state: Path, found: PlaceSizes, busy: Collection[str]) -> list[IdlePlace]:
    """The places that can be made again, but for the `busy` ones."""
    return [
        IdlePlace(name=name, size=size, used_at=_used_at(state / name))
        for name, size in found.sizes.items()
        if name not in busy and _can_be_made_again(name)
    ]


def _can_be_made_again(name: str) -> bool:
    """A slot that was set aside holds work that is nowhere else."""
    folder, _, number = name.partition("/")
    return name == CACHES or folder == "gates" or (folder == "slots" and number.isdecimal())


def _used_at(folder: Path) -> float:
    times = [os.stat(folder / mark).st_mtime for mark in _MARKS if os.path.exists(folder / mark)]
    return max(times, default=0.0)


def empty_gate(gate: Path) -> None:
    """Remove the checkout of a gate, and what its commands left in its home; the caller holds the gate.

    The folders themselves stay: the next verification may be about to wait for the gate.
    """
    for folder in (gate / "repo", gate / CACHES):
        shutil.rmtree(folder, ignore_errors=True)
    for inside in (gate / "home").glob("*"):
        if inside.is_dir() and not inside.is_symlink():
            shutil.rmtree(inside, ignore_errors=True)
        else:
            inside.unlink(missing_ok=True)
