"""What keeps every slot from being set up, as it is remembered and shown."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from coworkd.store import Database

SETUP_LOG = "reports/setup.log"
_KEY = "set-up fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFault:
    """No slot can be made ready: no agent is started until one can."""

    reason: str
    output: str
    key: str
    """Of all that it depends on, as far as that is known."""
    at: float
    """When it is tried again although nothing is known to have changed."""
    times: int = 0


def setup_fault(db: Database) -> SetupFault | None:
    """The fault that is there now."""
    found = db.setting(_KEY)
    return SetupFault(**json.loads(found)) if found else None


def remember_setup_fault(db: Database, fault: SetupFault | None) -> None:
    """Keep the fault, or that there is none; inside of a transaction."""
    db.remember(_KEY, json.dumps(asdict(fault), ensure_ascii=False) if fault else "")


def setup_report(db: Database) -> dict[str, bytes]:
    """Path and text of the file that shows the output of what failed; empty while nothing does."""
    fault = setup_fault(db)
    return {SETUP_LOG: f"{fault.reason}\n\n{fault.output}\n".encode(errors="replace")} if fault else {}
