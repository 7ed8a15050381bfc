"""Words of a header that stand where they have no effect: what they were meant for, and where that is written.

Pure. The document counts as it is; only the words that look like an answer, or like an order, get a notice.
"""

from __future__ import annotations

from collections.abc import Iterator

from coworkd.core.model import Kind, Problem
from coworkd.documents.markdown import Document, normalise_key

_ANSWERS = frozenset({
    "approve", "approved", "approves", "accept", "accepted", "reject", "rejected", "answer", "decision", "verdict",
    "lgtm",
})  # fmt: skip
_ANSWER_IN = {
    Kind.TASK: frozenset({"approval", "approved", "rejected", "lgtm"}),
    Kind.MESSAGE: frozenset({"approval", "approve", *_ANSWERS} - {"answer"}),
    Kind.APPROVAL: _ANSWERS,
    Kind.REVIEW: _ANSWERS,
    Kind.PLAN: _ANSWERS,
}
"""Keys that look like an answer to something, and are not the one that is."""
_STATUS_IN = frozenset({Kind.MESSAGE, Kind.APPROVAL, Kind.PLAN})


def misplaced_words(path: str, kind: Kind, document: Document) -> Iterator[Problem]:
    """A notice for every such key of the header."""
    for entry in document.entries:
        key = normalise_key(entry.key)
        if key in _ANSWER_IN.get(kind, ()):
            yield Problem(path=path, line=entry.line, message=_answer_notice(path, kind, entry.key))
        elif key == "status" and kind in _STATUS_IN:
            message = "`status` has no effect here; it is written in the task's own file in tasks/"
            yield Problem(path=path, line=entry.line, message=message)


def _answer_notice(path: str, kind: Kind, key: str) -> str:
    if kind is Kind.TASK:
        stem = path.rpartition("/")[2].removesuffix(".md")
        return (
            f"`{key}` has no effect in a task; what it made is approved in reviews/{stem}.md (`approval: approved`),"
            f" once that is there, or with `coworkd approve {stem}`"
        )
    if kind is Kind.MESSAGE:
        task = path.split("/")[1]
        return f"`{key}` has no effect in a message; write `approval: approved` in reviews/{task}.md or in approvals/"
    return f"`{key}` has no effect here; write `approval: approved`, `approval: changes` or `approval: rejected`"


def word_hint(kind: Kind, key: str, value: str) -> str:
    """Where a word belongs that was written for a status it cannot be; empty when nothing is known of it."""
    if key != "status":
        return ""
    word = value.strip().lower()
    if kind is Kind.TASK and word in {"approved", "approve", "accepted", "rejected", "reject", "changes"}:
        return "; an answer is written as `approval:` in the task's review, reviews/TASK.md"
    if kind is Kind.TASK and word in {"revert", "apply", "reverted", "landed"}:
        return "; `revert` and `apply` are written as `status:` in the task's review, reviews/TASK.md"
    if kind is Kind.REVIEW and word in {"ready", "paused", "cancelled", "done", "draft", "running"}:
        return f"; `status: {word}` is written in the task's own file in tasks/"
    if kind is Kind.REVIEW and word in {"approved", "approve", "accepted", "rejected", "reject", "changes", "merge"}:
        return "; an answer is written as `approval: approved`, `changes` or `rejected`"
    return ""
