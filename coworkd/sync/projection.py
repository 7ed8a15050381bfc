"""What a file should say, from what the database knows: the daemon's half of a document.

Pure: bytes and rows in, bytes out. Only the values that the daemon owns are spliced; everything else stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.model import TaskSpec
from coworkd.core.task_states import UNSTARTED
from coworkd.documents.decoding import Decoded
from coworkd.documents.editing import Delete, edit
from coworkd.documents.markdown import Value
from coworkd.store import TaskRow

_EITHER = ("landed", "reverted", "answer")
"""What a task came to: what no longer holds is taken out of its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The bytes a file should hold; `changed` when they differ from the ones it was made from."""

    data: bytes
    changed: bool


def project_task_file(data: bytes, decoded: Decoded, row: TaskRow, rev: int) -> Projection:
    """A task file with its status and the daemon's map brought up to `row`.

    Nothing is written while the daemon has nothing to say that the file does not: a file without `status` that is a
    draft or ready stays without one. `rev` is the number this write will have.
    """
    changes: dict[tuple[str, ...], Value | Delete] = {}
    if _status_lags(decoded.of(TaskSpec), row):
        changes["status",] = str(row.status)
    facts = _cowork_map(row)
    if changes or decoded.cowork.written is not None:
        known = decoded.cowork.written or {}
        changes |= {("cowork", key): value for key, value in facts.items() if known.get(key) != value}
        changes |= {("cowork", key): Delete() for key in _EITHER if key in known and key not in facts}
    if changes:
        changes["cowork", "rev"] = str(rev)
    made = edit(data, changes) if changes else data
    return Projection(data=made, changed=made != data)


def _status_lags(spec: TaskSpec, row: TaskRow) -> bool:
    """Whether the file says another status than the database, a word not yet acted upon being left alone."""
    if row.requested_status:
        return False
    if spec.status is None:
        # One that has been at work must say where it stands, or a rebuilt database would start it once more.
        return row.status not in UNSTARTED or row.attempt > 0
    return spec.status is not row.status


def _cowork_map(row: TaskRow) -> dict[str, Value]:
    """The values of the `cowork:` map, in the order they are first written."""
    facts: dict[str, Value] = {"id": row.id, "by": row.by, "attempt": str(row.attempt)}
    if row.landed:
        facts["landed"] = row.landed
    if row.reverted:
        facts["reverted"] = row.reverted
    if row.answer_path:
        facts["answer"] = row.answer_path
    if row.cost_usd is not None:
        facts["cost_usd"] = f"{row.cost_usd:.4f}".rstrip("0").rstrip(".")
    if row.input_tokens or row.output_tokens:
        facts["tokens"] = {"input": str(row.input_tokens), "output": str(row.output_tokens)}
    return facts
