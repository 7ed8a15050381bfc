"""Whether files could be written while a run was at work: the daemon looks at that for all, and tells their workers."""

from __future__ import annotations

from pathlib import Path

from coworkd.core.machine_faults import MachineFault
from coworkd.system.storage import storage_fault


class StorageWatch:
    """What is known of the folder of a run; safe between threads. The agent cannot change what is looked at."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self.fault: MachineFault | None = None
        """The first one that was seen; it stays when it is over."""

    def note(self, fault: MachineFault) -> None:
        """It was seen from outside: an agent that could not write a moment ago may fail for that later."""
        self.fault = self.fault or fault

    def look(self) -> None:
        self.fault = self.fault or storage_fault(self._run_dir)
