"""Guards that can be taken away, to show that the simulation notices."""

from __future__ import annotations

from enum import StrEnum

from coworkd.diagnostics.simulation.folder import Antedated, Blind, SimFolder, Unchecked
from coworkd.store import Database
from coworkd.store.simulation_checks import forget_saved_versions
from coworkd.sync.guards import MISSING_GRACE
from coworkd.sync.ingest.missing_files import MissingFiles


class Guard(StrEnum):
    """A protection of the engine."""

    PREWRITE = "prewrite"
    """The last look before a write, with the look at what was displaced: each makes good for the other."""
    DISPLACED = "displaced"
    """The look at what a write displaced."""
    GRACE = "grace"
    """The wait for a missing file."""
    RACY = "racy"
    """A file changed at the time of the look is looked at again."""
    BASES = "bases"
    """What people saved is remembered, so that a second save from one buffer is no new status request."""


FOLDERS: dict[Guard, type[SimFolder]] = {
    Guard.PREWRITE: Unchecked,
    Guard.DISPLACED: Blind,
    Guard.RACY: Antedated,
}


class Hasty(MissingFiles):
    """A control: a missing file is judged at once."""

    def decide(self, now: float) -> bool:
        return super().decide(now + MISSING_GRACE)


def forget_bases(db: Database) -> None:
    """A control: what people saved is not remembered."""
    with db.write():
        forget_saved_versions(db)
