"""What the records of this instance give back to a database that was lost, or was restored from an older copy.

Nothing that ran is run again because the database forgot it: its cost counts, its messages stay delivered, and its
permissions stay used.
"""

from __future__ import annotations

from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status, Usage
from coworkd.core.runs import AgentStart, EndedState, RunReason, RunSlot, RunUsage
from coworkd.core.task_states import ACTIVE
from coworkd.history.run_record import Receipt, RecordedDecision, RunRecord
from coworkd.store import (
    Database,
    MessageRow,
    MessageStage,
    RequestKind,
    RequestRow,
    RequestState,
    RunRow,
)
from coworkd.store.messages import add_receipt, find_new_message
from coworkd.store.runs import find_run, mark_recorded
from coworkd.store.tasks import find_task, move_task
from coworkd.store.usage import BILLED, UsageRow, add_usage, has_usage
from coworkd.sync.disk.folder import digest


class RecordRestorer:
    """Takes verified records of our own back in; the caller holds the transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def restore(self, record: RunRecord, now: float) -> None:
        """Everything that only this record still knows; what the database knows as ended stays as it is."""
        known = find_run(self._db, record.run)
        if known is not None and isinstance(known.state, EndedState):
            mark_recorded(self._db, record.run)
            return
        self._db.put(_run(record))
        self._restore_usage(record)
        for decision in record.decisions:
            self._restore_request(record, decision)
        for receipt in record.receipts:
            self._restore_receipt(record, receipt)
        self._db.event(now, EventKind.RECORD_RESTORED, task=record.task, run=record.run, path=record.path)
        if known is not None:
            self._pause_task(record, now)

    def _restore_usage(self, record: RunRecord) -> None:
        if (record.cost_usd is None and record.input_tokens is None) or has_usage(self._db, record.task, record.run):
            return
        usage = Usage(
            input_tokens=record.input_tokens or 0, output_tokens=record.output_tokens or 0, cost_usd=record.cost_usd
        )  # fmt: skip
        add_usage(
            self._db,
            UsageRow(
                at=record.ended, run=record.run, task=record.task, agent=record.agent, billing=BILLED, usage=usage,
                estimated=record.estimated,
            ),
        )  # fmt: skip

    def _restore_request(self, record: RunRecord, decision: RecordedDecision) -> None:
        """Restored as used, whatever became of it: an answer that is still in a file allows nothing."""
        state = RequestState.VOID if decision.state == RequestState.VOID else RequestState.USED
        kind = RequestKind(decision.kind) if decision.kind in set(RequestKind) else RequestKind.TOOL
        self._db.put(
            RequestRow(
                id=decision.request, task=record.task, run=record.run, kind=kind, name="", path=decision.path,
                state=state, answer=decision.answer, comment="", text="", created=decision.asked, number=0,
                tool=decision.tool, answered_by=decision.by,
            )
        )  # fmt: skip

    def _restore_receipt(self, record: RunRecord, receipt: Receipt) -> None:
        add_receipt(self._db, receipt.path, receipt.digest, record.run)
        message = find_new_message(self._db, receipt.path)
        if message is not None and digest(message.body.encode()) == receipt.digest:
            self._db.set(MessageRow, message.path, stage=MessageStage.DELIVERED, run=record.run, note="")

    def _pause_task(self, record: RunRecord, now: float) -> None:
        """An older copy of the database has the run at work: it is not, and does not begin again by itself."""
        row = find_task(self._db, record.task)
        if row is not None and row.status in ACTIVE and row.attempt <= record.attempt:
            why = f"its run {record.run} was over when an older database came back; write `ready` to go on"
            move_task(self._db, row, Status.PAUSED, why, now)


def _reason(record: RunRecord) -> RunReason:
    """The reason of the run; one that this version does not know counts as a failure."""
    return RunReason(record.reason) if record.reason in set(RunReason) else RunReason.FAILED


def _run(record: RunRecord) -> RunRow:
    usage = RunUsage(
        input_tokens=record.input_tokens or 0, output_tokens=record.output_tokens or 0, cost_usd=record.cost_usd,
        estimated=record.estimated,
    )  # fmt: skip
    return RunRow(
        id=record.run, task=record.task, attempt=record.attempt, agent=record.agent, model=record.model,
        state=EndedState(at=record.ended, reason=_reason(record), recorded=True), started=record.started,
        slot=RunSlot(base=record.base), start=AgentStart(sandbox_level=record.level), usage=usage,
    )  # fmt: skip
