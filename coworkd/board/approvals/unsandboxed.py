"""Marks a decision that was saved in a file while a run without a sandbox was at work.

Such a run has the rights of its user, so the file may be its work. The decision counts as before (docs/security.md says
why); the mark lets the person see it: in the file that was answered, in inbox.md and in the audit.
"""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.board.approvals.answer_channel import AnswerChannel
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.core.clock import iso
from coworkd.store import Database
from coworkd.store.unsandboxed_saves import UnsandboxedSave, UnsandboxedSaves

SHOWN_FOR = 86400.0
"""Seconds for which a mark stands in inbox.md."""
MAX_SHOWN = 10
"""Marks that inbox.md lists; the audit has all of them."""


def mark_save(db: Database, path: str, decision: str, channel: AnswerChannel, now: float) -> str:
    """Keep that the decision in `path` was saved beside a run without a sandbox; that run, or empty if there was none.

    Part of the transaction that acts on the decision. What was given by command is not marked.
    """
    if channel is not AnswerChannel.FILE:
        return ""
    saves = UnsandboxedSaves(db)
    run, agent = saves.run_at_work(path)
    if run:
        saves.add(UnsandboxedSave(path=path, decision=decision, run=run, agent=agent, at=now))
    return run


def mark_answer(
    db: Database, documents: GeneratedDocuments, path: str, decision: str, channel: AnswerChannel, now: float
) -> str:
    """As `mark_save`, for an answer in a form or review, whose `cowork:` map then names the run."""
    run = mark_save(db, path, decision, channel, now)
    if run:
        documents.edit(path, {("cowork", "unsandboxed_run"): run})
    return run


def recent_saves(db: Database, now: float) -> list[UnsandboxedSave]:
    """What inbox.md shows."""
    return UnsandboxedSaves(db).since(now - SHOWN_FOR)


def task_notices(db: Database, path: str, since: float) -> list[str]:
    """What the review of a task says of the saves of its file."""
    return [_sentence(save, f"`{path}`") for save in UnsandboxedSaves(db).since(since, path=path)]


def inbox_section(saves: Sequence[UnsandboxedSave]) -> list[str]:
    """Lines of Markdown; none when there is nothing to show."""
    if not saves:
        return []
    lines = ["", "## Saved while an agent without a sandbox was at work", ""]
    lines += [f"- {_sentence(save, f'[{save.path}]({save.path})')}" for save in saves[:MAX_SHOWN]]
    if len(saves) > MAX_SHOWN:
        lines.append(f"- and {len(saves) - MAX_SHOWN} more: `coworkd log`")
    return [*lines, "", "If a decision here is not yours, take it back with `coworkd revert TASK`."]


def _sentence(save: UnsandboxedSave, where: str) -> str:
    return (
        f"{iso(save.at)}: `{save.decision}` was saved in {where} while run {save.run} of agent `{save.agent}`,"
        " which had no sandbox, was at work."
    )
