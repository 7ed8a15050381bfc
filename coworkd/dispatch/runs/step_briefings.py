"""Reads what the agent of a step is told: its part, the texts and changes of other steps, the form of its reply."""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.agents.prompt import ShownText, StepBriefing
from coworkd.core.model import Mode
from coworkd.core.reply_blocks import ReviewFinding
from coworkd.core.step_states import StepState
from coworkd.dispatch.executors.slot_results import ShownChange, ShownDiff
from coworkd.dispatch.patterns.codec import decode_result, decode_run_step, decode_spec
from coworkd.dispatch.patterns.replies import LETTERS
from coworkd.dispatch.patterns.steps import RunResult, RunStep
from coworkd.dispatch.runs.step_reader import block_terms
from coworkd.dispatch.runs.step_rules import is_writing
from coworkd.documents.reply_blocks import block_form
from coworkd.store import Database, RunRow, StepKey, StepRow
from coworkd.store.steps import find_pattern, get_step


class StepBriefings:
    """Used by the writer thread alone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def changes(self, run: RunRow) -> tuple[ShownChange, ...]:
        """The changes of other steps that the agent is shown, where they made one."""
        row = self._row(run) if run.step else None
        if row is None:
            return ()
        others = (self._other(row, key) for key in decode_run_step(row.request).shows)
        return tuple(
            ShownChange(step=other.key, base=other.base, commit=other.commit_id) for other in others if other.number
        )

    def briefing(self, run: RunRow, diffs: Sequence[ShownDiff]) -> StepBriefing | None:
        """None: the run works on its task alone."""
        row = self._row(run) if run.step else None
        pattern = find_pattern(self._db, run.task, run.attempt) if row else None
        if row is None or pattern is None:
            return None
        step = decode_run_step(row.request)
        writes = is_writing(step) and not row.asked_again
        return StepBriefing(
            pattern=decode_spec(pattern.spec).request.name, step=step.key, role=step.role, reads_only=not writes,
            may_add_files=not writes and run.mode is Mode.BUILD,
            shown=[self._shown(row, step, key, diffs) for key in step.shows],
            findings=[finding_text(finding) for finding in step.findings], words=step.words,
            example=block_form(step.block, block_terms(step)) if step.block else "",
            unreadable_reason=row.reason if row.asked_again else "",
        )  # fmt: skip

    def _row(self, run: RunRow) -> StepRow:
        return get_step(self._db, StepKey(run.task, run.attempt, run.step))

    def _other(self, row: StepRow, key: str) -> StepRow:
        return get_step(self._db, StepKey(row.task, row.attempt, key))

    def _shown(self, row: StepRow, step: RunStep, key: str, diffs: Sequence[ShownDiff]) -> ShownText:
        position = step.shows.index(key)
        found = next((diff for diff in diffs if diff.step == key), None)
        text = self._text(row, key)
        if step.beside and (criticism := self._text(row, step.beside[position])):
            text = f"{text}\n\n**What another agent says of it:**\n\n{criticism}"
        return ShownText(
            name=f"Letter {LETTERS[position]}" if step.lettered else key, text=text,
            diff=found.diff if found else "", base=found.base if found else "",
        )  # fmt: skip

    def _text(self, row: StepRow, key: str) -> str:
        """The reply of another step of the same attempt; empty: it has none, or there is no such step."""
        if not key:
            return ""
        other = self._other(row, key)
        result = decode_result(other.kind, other.result) if other.state is StepState.ENDED else None
        return result.text if isinstance(result, RunResult) else ""


def finding_text(finding: ReviewFinding) -> str:
    """A finding in one line of Markdown."""
    where = f" `{finding.where}`:" if finding.where else ""
    proof = f" (proof: `{finding.proof}`)" if finding.proof else ""
    return f"**{finding.severity}**{where} {finding.claim}{proof}"
