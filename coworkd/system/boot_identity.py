"""Which start of the machine this is, so that a clock that was set is told from time that passed."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def boot_identity(root: Path = Path("/")) -> str:
    """The same for all processes whose clocks count from the same moment; of this process alone where that is unknown.

    A time namespace may count from another moment than the machine.
    """
    try:
        boot = (root / "proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return uuid.uuid4().hex
    try:
        return f"{boot} {os.readlink(root / 'proc/self/ns/time')}"
    except OSError:
        return boot
