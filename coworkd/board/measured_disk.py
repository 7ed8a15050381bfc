"""What was measured last of the disk, as the database keeps it for `status` and for starts."""

from __future__ import annotations

import json
from dataclasses import asdict

from coworkd.core.disk_use import DiskUse
from coworkd.store import Database


def measured_disk(db: Database) -> DiskUse | None:
    """None: it was not measured yet."""
    text = db.state.disk_use
    return DiskUse(**json.loads(text)) if text else None


def save_measured_disk(db: Database, use: DiskUse) -> None:
    """Inside of a transaction."""
    db.state.disk_use = json.dumps(asdict(use))
