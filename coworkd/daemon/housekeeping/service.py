"""All chores as one: a step of each turn, and their deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.board.views.attention import AttentionItem
from coworkd.daemon.housekeeping.auto_commit import AutoCommit
from coworkd.daemon.housekeeping.disk_bound import DiskBound
from coworkd.daemon.housekeeping.notifications import Notifications
from coworkd.daemon.housekeeping.pack_joining import PackJoining
from coworkd.daemon.housekeeping.pruning import Pruning


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """Used by the writer thread alone."""

    commits: AutoCommit
    notices: Notifications
    pruning: Pruning
    disk: DiskBound
    packs: PackJoining

    def step(self, waiting: Sequence[AttentionItem], now: float) -> None:
        """Begin what is due; `waiting` is everything that waits for a person."""
        self.commits.step(now)
        self.notices.step(waiting, now)
        self.pruning.step(now)
        self.disk.step(now)
        self.packs.step()

    def deadline(self, now: float) -> float | None:
        """When time alone makes one of them due."""
        times = [self.commits.deadline(now), self.pruning.deadline(), self.disk.deadline()]
        return min(at for at in times if at is not None)
