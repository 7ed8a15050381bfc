"""The message in which a run's end is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.agents.port import EndReason
from coworkd.agents.worker import refused_hosts
from coworkd.core.runs import SubmittingState
from coworkd.dispatch.executors.slot_results import FinishResult, Imported, NoChanges, SavedWork
from coworkd.store import RunRow


def result_message(run: RunRow, end: SubmittingState, result: FinishResult) -> str:
    """What the agent said, how it ended, and where its work is."""
    parts = [run.reply.strip() or "(the agent printed nothing)"]
    if end.reason != EndReason.DONE and end.message:
        parts.append(f"It ended with: {end.reason}\n\n{_fenced(end.message)}")
    if entries := run.live.refused_hosts.split():
        text = f"{refused_hosts.describe(entries)}: {refused_hosts.advice(entries, f'agents/{run.agent}.md')}."
        parts.append(text[0].upper() + text[1:])
    parts += _remarks(result)
    return "\n\n".join(parts) + "\n"


def _fenced(text: str) -> str:
    fence = "````" if "```" in text else "```"
    return f"{fence}\n{text.strip()}\n{fence}"


def _remarks(result: FinishResult) -> Sequence[str]:
    match result:
        case SavedWork(refs=refs, unusable_reason=unfit):
            kept = f"Its work is kept in {', '.join(f'`{ref}`' for ref in refs)}." if refs else ""
            return [text for text in (unfit, kept) if text]
        case NoChanges(notices=notices):
            return ["(It changed no file.)", *notices]
        case Imported(notices=notices):
            return list(notices)
