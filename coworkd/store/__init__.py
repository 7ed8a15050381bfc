"""The database: the only code that uses SQLite.

One connection, owned by the writer thread; readers elsewhere open their own, read-only. Rows come out as frozen
records, go in as columns, and every change of state leaves an event in the same transaction. It must never decide
anything and must know nothing of files, git or processes.
"""

from coworkd.core.request_states import RequestState
from coworkd.core.run_states import RunState
from coworkd.core.runs import RunReason, StopRequest
from coworkd.store.database import Cells, Database
from coworkd.store.pattern_rows import PatternKey, PatternRow, StepKey, StepRow
from coworkd.store.rows import (
    BatchPlace,
    CooldownRow,
    DocumentRow,
    EventRow,
    FinishedRun,
    GrantRow,
    MessageRow,
    MessageStage,
    RequestKind,
    RequestRow,
    RunRow,
    SubmissionKey,
    SubmissionKind,
    SubmissionRow,
    SubmissionState,
    TaskRow,
)

__all__ = [
    "BatchPlace",
    "Cells",
    "CooldownRow",
    "Database",
    "DocumentRow",
    "EventRow",
    "FinishedRun",
    "GrantRow",
    "MessageRow",
    "MessageStage",
    "PatternKey",
    "PatternRow",
    "RequestKind",
    "RequestRow",
    "RequestState",
    "RunReason",
    "RunRow",
    "RunState",
    "StepKey",
    "StepRow",
    "StopRequest",
    "SubmissionKey",
    "SubmissionKind",
    "SubmissionRow",
    "SubmissionState",
    "TaskRow",
]
