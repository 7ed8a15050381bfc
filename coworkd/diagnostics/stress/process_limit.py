"""A control group that bounds the number of processes, for agents that start them without end."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from coworkd.system.sandbox import cgroups

MOST_PROCESSES = 64
"""Of all such agents together: enough to be a storm, too few to be felt."""


class ProcessLimit:
    """Made where this system allows it; else `procs` is None, and `reason` says so."""

    def __init__(self) -> None:
        self._group: cgroups.HeldGroup | None = None
        self.reason = "no control group can be made here that bounds the number of processes"
        for folder in cgroups.find():
            with suppress(OSError):
                group = cgroups.hold(Path(folder) / f"coworkd-stress-{os.getpid()}-{secrets.token_hex(4)}")
                if (limit := group.folder / "pids.max").exists():
                    limit.write_text(str(MOST_PROCESSES))
                    self._group, self.reason = group, ""
                    return
                group.leave()

    @property
    def procs(self) -> Path | None:
        """The file that a process writes its id into to be bounded with all that it starts."""
        return self._group.folder / "cgroup.procs" if self._group else None

    def remove(self) -> None:
        """Take the group away; its processes must have ended."""
        if self._group is not None:
            self._group.leave()
