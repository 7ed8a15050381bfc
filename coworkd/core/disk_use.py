"""What the files of a workspace outside its repository take, and what of them may go when that is too much. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from coworkd.core.text_formats import format_bytes

SPARE_BYTES = 200_000_000
"""With less than this free on the disk, what is idle is removed even where no bound is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUse:
    """Bytes on disk, as last measured."""

    slots: int
    gates: int
    caches: int
    other: int
    """Homes of agents, logs of runs and checks, checkouts with conflicts, what was set aside."""
    at: float
    """When it was measured; 0: just now."""

    @property
    def total(self) -> int:
        return self.slots + self.gates + self.caches + self.other

    def __str__(self) -> str:
        parts = {"slots": self.slots, "gates": self.gates, "caches": self.caches, "other": self.other}
        return f"{format_bytes(self.total)}: " + ", ".join(f"{name} {format_bytes(n)}" for name, n in parts.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class IdlePlace:
    """A slot, a gate or the package caches, which nothing uses and which can be made again."""

    name: str
    """Relative to the state folder: `slots/2`."""
    size: int
    """Bytes."""
    used_at: float


def disk_excess(total: int, limit: int | None, free: int) -> int:
    """The bytes that are too many; 0: none are."""
    return max(total - limit if limit is not None else 0, SPARE_BYTES - free, 0)


def places_to_remove(idle: Iterable[IdlePlace], excess: int) -> tuple[IdlePlace, ...]:
    """Those that have been idle for longest, as many as it takes."""
    chosen: list[IdlePlace] = []
    for place in sorted(idle, key=lambda one: (one.used_at, one.name)):
        if sum(one.size for one in chosen) >= excess:
            break
        chosen.append(place)
    return tuple(chosen)


def disk_limit_reason(use: DiskUse | None, limit: int | None) -> str:
    """Why no slot is made ready now; empty: there is space for one, as far as it is known."""
    if use is None or limit is None or use.total < limit:
        return ""
    return (
        f"waits for disk space: slots, gates, caches and logs of this workspace take {format_bytes(use.total)}, and"
        f" `limits: {{disk: ...}}` is {format_bytes(limit)}. What is idle was removed; raise it in .cowork/config.yaml,"
        " or let runs end: `coworkd doctor` says what takes how much"
    )
