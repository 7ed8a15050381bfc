"""What keeps every slot from being made ready, as it is remembered and shown."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from coworkd.core.start_faults import StartFaultKind
from coworkd.store import Database

SETUP_LOG = "reports/setup.log"


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
    kind: StartFaultKind = StartFaultKind.SET_UP
    watched: tuple[str, ...] = ()
    """Files and folders outside of the workspace that it depends on."""


def setup_fault(db: Database) -> SetupFault | None:
    """The fault that is there now."""
    found = db.state.setup_fault
    if not found:
        return None
    fault = SetupFault(**json.loads(found))
    return replace(fault, kind=StartFaultKind(fault.kind), watched=tuple(fault.watched))


def save_setup_fault(db: Database, fault: SetupFault | None) -> None:
    """Keep the fault, or that there is none; inside of a transaction."""
    db.state.setup_fault = json.dumps(asdict(fault), ensure_ascii=False) if fault else ""


def retry_setup_now(db: Database) -> None:
    """Have slots be tried at once; inside of a transaction."""
    if fault := setup_fault(db):
        save_setup_fault(db, replace(fault, at=0.0))


def setup_report(db: Database) -> dict[str, bytes]:
    """Path and text of the file that shows the output of what failed; empty where there is none."""
    fault = setup_fault(db)
    if fault is None or not fault.output:
        return {}
    return {SETUP_LOG: f"{fault.reason}\n\n{fault.output}\n".encode(errors="replace")}
