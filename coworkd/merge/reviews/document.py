"""The review: what a task changed, the evidence for it, and the line by which a person lets it land.

Pure: values in, bytes out. A review is written once per submission, when the merged result is green.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.board.pattern_verdicts import PatternReport, decision_text, verdict_fields
from coworkd.core.check_names import check_log
from coworkd.core.model import Check, RiskLevel
from coworkd.core.policy.tool_risk import GRAVE
from coworkd.core.terminal_text import plain_text, visible
from coworkd.core.text_formats import format_duration, format_usd, shorten
from coworkd.documents.markdown import Value, compose
from coworkd.merge.git.change_summary import ChangeSummary, FileChange
from coworkd.merge.git.loss_check import proof_sentence
from coworkd.merge.reviews.look_first import lacks_tests, look_first

NOTE = "written by coworkd; set approval to approved, rejected or changes"
RECORD = "written by coworkd; set status to revert to take the change back once it has landed"
_CHECKOUT_NOTE = "So what the commands say is not about this change. What to do stands in `coworkd status`."
NO_APPROVAL_NOTE = "No approval was required: `approve` has no `merge`."


MAX_FILES = 300
"""Files that a review lists; with the bounds on lines, what keeps it a document that can be read back."""

TEXT_DIGITS = 12
"""Of the digest of a task's text."""

REPLY_LENGTH = 4000
"""Characters of the agent's reply that a review shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSubject:
    """What the review is about."""

    task: str
    title: str
    attempt: int
    agent: str
    commit: str
    tree: str
    base: str
    request: str
    sandbox_level: str
    agent_reply: str
    """What the agent wrote about it at the end."""
    notices: tuple[str, ...] = ()
    task_text_sha: str = ""
    """Digest of the task's text as the agent was given it; empty: not known."""
    current_text_sha: str = ""
    """Digest of the task's text as it is now."""
    checkout_reason: str = ""
    """What led the verification into a checkout of the user; empty: nothing."""
    has_change: bool = True
    """False: the agent changed nothing."""
    asks_approval: bool = True
    """False: no approval is required, and the review is a record."""
    cost_usd: float | None = None
    is_estimated: bool = False
    """Whether the cost is estimated, or covered by a subscription."""
    tokens: tuple[int, int] = (0, 0)
    risk: RiskLevel = RiskLevel.LOW
    risk_reason: str = ""
    """Where the risk comes from."""
    merge_proof: str = ""
    """How it is known that the merge lost nothing; empty: it is not."""
    worked: float | None = None
    """Seconds that the agent's run took; None: not known."""
    terminal_reason: str = ""
    """Why it has to be approved on a terminal; empty when the file is enough."""
    decision: PatternReport | None = None
    """How a pattern of collaboration came to it; None: one agent made it alone."""


def render(subject: ReviewSubject, change: ChangeSummary, checks: Sequence[Check], claims: Sequence[str]) -> bytes:
    """`reviews/TASK.md`. `claims` are the criteria that have no command to prove them."""
    cowork: dict[str, Value] = {
        "rev": "1", "task": subject.task, "attempt": str(subject.attempt), "commit": subject.commit,
        "tree": subject.tree, "base": subject.base, "request": subject.request, "risk": str(subject.risk),
    }  # fmt: skip
    if subject.cost_usd is not None:
        cowork["cost_usd"] = f"{subject.cost_usd:.4f}".rstrip("0").rstrip(".")
    if subject.is_estimated:
        cowork["estimated"] = "true"
    if any(subject.tokens):
        cowork["tokens"] = {"input": str(subject.tokens[0]), "output": str(subject.tokens[1])}
    if subject.task_text_sha:
        cowork["text"] = subject.task_text_sha[:TEXT_DIGITS]
    if subject.merge_proof:
        cowork["proof"] = visible(subject.merge_proof)
    if subject.decision:
        cowork["verdict"] = dict(verdict_fields(subject.decision))
    cowork["verify"] = [_check_fields(check) for check in checks]
    approval: dict[str, Value] = {"approval": "pending"} if subject.asks_approval else {}
    fields: dict[str, Value] = {**approval, "status": "open", "cowork": cowork}
    parts = [
        *_opening(subject, checks),
        "" if subject.asks_approval else NO_APPROVAL_NOTE,
        f"# {visible(subject.title)}",
    ]
    parts += [
        _agent_message(subject.agent_reply),
        _look_first(change),
        _facts(subject, change),
        decision_text(subject.decision) if subject.decision else "",
        _evidence(subject, checks),
        _claims(claims),
        _diff(subject, change),
    ]
    body = "\n\n".join(part for part in parts if part) + "\n"
    return compose(fields, body, note=NOTE if subject.asks_approval else RECORD)


def _check_fields(check: Check) -> dict[str, Value]:
    fields: dict[str, Value] = {"command": shorten(check.command, 500), "exit": str(check.exit)}
    fields["seconds"] = f"{check.seconds:.1f}"
    return fields | ({"from_tip": shorten(check.from_tip, 500)} if check.from_tip else {})


def _opening(subject: ReviewSubject, checks: Sequence[Check]) -> list[str]:
    """The first lines: the proof and the risk. High risk stands before the proof, which it may make worthless.

    The first line also says where the answer belongs, if not in this file.
    """
    lines = [_proof_line(subject, checks), _risk_line(subject)]
    if subject.risk in GRAVE and subject.has_change and checks and not subject.checkout_reason:
        lines.reverse()
    return [f"{lines[0]} **{subject.terminal_reason}**." if subject.terminal_reason else lines[0], *lines[1:]]


def _risk_line(subject: ReviewSubject) -> str:
    reason = visible(subject.risk_reason)
    return f"**Risk: {subject.risk}.** Look closely: {reason}." if reason else f"Risk: {subject.risk}."


def _proof_line(subject: ReviewSubject, checks: Sequence[Check]) -> str:
    if not subject.has_change:
        return "**Nothing changed.** The agent ended without changing a file; approving closes the task as it is."
    if subject.checkout_reason:
        return f"Not verified: {visible(subject.checkout_reason)}. {_CHECKOUT_NOTE}"
    if not checks:
        return "**Not verified**: there was no command to run. Add `verify:` to the task or to config.yaml."
    before = next((check.from_tip for check in checks if check.from_tip), "")
    number = sum(not check.from_tip for check in checks)
    also = f", and with {visible(before)} as it was before this change" if before else ""
    return f"Verified: {number} of {number} commands green on the result as it would land{also}."


def _look_first(change: ChangeSummary) -> str:
    spots = [f"{n}. `{_cell(visible(s.path))}`: {visible(s.why)}" for n, s in enumerate(look_first(change), 1)]
    lines = [*spots, *(["", "No test is part of the change."] if lacks_tests(change) else [])]
    return "\n".join(["## Look at first", "", *lines[0 if spots else 1 :]]) if lines else ""


def _facts(subject: ReviewSubject, change: ChangeSummary) -> str:
    """What was made, by whom and at what cost, and what the reader is to know beside it."""
    files = f"{len(change.files)} file{'' if len(change.files) == 1 else 's'}"
    worked = "" if subject.worked is None else f" in {format_duration(subject.worked)}"
    # Without an agent a person made it, which is among the notices.
    made = f" by {subject.agent}{worked}, sandbox level `{subject.sandbox_level}`" if subject.agent else ""
    lines = [
        "## Facts\n",
        f"- {files}, +{change.insertions} -{change.deletions}",
        f"- attempt {subject.attempt}{made}",
    ]
    if subject.task_text_sha:
        edited = subject.task_text_sha != subject.current_text_sha
        since = ", which was edited since: the change answers the earlier text" if edited else ""
        lines.append(f"- the task's text `{subject.task_text_sha[:TEXT_DIGITS]}`{since}")
    if subject.cost_usd is not None:
        lines.append(f"- cost: {format_usd(subject.cost_usd, estimated=subject.is_estimated)}")
    if any(subject.tokens):
        lines.append(f"- tokens: {subject.tokens[0]} in, {subject.tokens[1]} out")
    lines += [f"- {notice}" for notice in subject.notices if notice]
    return "\n".join(lines)


def _evidence(subject: ReviewSubject, checks: Sequence[Check]) -> str:
    """The checks with the files that hold their whole output, and the proof about the merge."""
    proof = f"{visible(proof_sentence(subject.merge_proof))} {_tree_note(subject)}" if subject.merge_proof else ""
    if not checks:
        return f"## Verification\n\n{proof}" if proof and subject.has_change else ""
    return "\n\n".join(part for part in ("## Verification", _check_table(subject.task, checks), proof) if part)


def _tree_note(subject: ReviewSubject) -> str:
    return f"What was merged and verified, and what lands, is the tree `{subject.tree}`."


def _check_table(task: str, checks: Sequence[Check]) -> str:
    last = check_log(task, len(checks)).rpartition("/")[2]
    logs = f"`{check_log(task, 1)}`" + (f" to `{last}`" if len(checks) > 1 else "")
    rows = [
        f"| `{_cell(shorten(c.command, 500))}`{_tip_version_note(c)} | {c.exit} | {c.seconds:.1f} |" for c in checks
    ]
    head = ["| command | exit | seconds |", "| --- | --- | --- |"]
    return "\n".join([*head, *rows, "", f"The whole output: {logs}"])


def _tip_version_note(check: Check) -> str:
    return f" with {_cell(visible(shorten(check.from_tip, 200)))} as before" if check.from_tip else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _claims(claims: Sequence[str]) -> str:
    if not claims:
        return ""
    return "\n".join(["## Claimed, not proven", "", *(f"- {claim}" for claim in claims)])


def _agent_message(reply: str) -> str:
    reply = visible(plain_text(reply)).strip()
    if not reply:
        return ""
    lines = shorten(reply, REPLY_LENGTH).splitlines()
    return "## What the agent says\n\n" + "\n".join(f"> {line}".rstrip() for line in lines)


def _diff(subject: ReviewSubject, change: ChangeSummary) -> str:
    if not change.files:
        return ""
    rows = [f"| `{_cell(f.path)}` | {_what_happened(f)} | {lines_of(f)} |" for f in change.files[:MAX_FILES]]
    if len(change.files) > MAX_FILES:
        rows.append(f"| and {len(change.files) - MAX_FILES} more | | |")
    table = "\n".join(["## Changes", "", "| file | | lines |", "| --- | --- | --- |", *rows])
    diff = "\n".join(shorten(line, 500) for line in visible(change.diff_head).rstrip().split("\n"))
    truncated = change.truncated or diff != visible(change.diff_head).rstrip()
    fence = "`" * max(3, _longest_ticks(diff) + 1)
    rest = f"\n\nThe rest: `coworkd diff {subject.task}`" if truncated else ""
    return f"{table}\n\n{fence}diff\n{diff}\n{fence}{rest}"


_STATUSES = {"A": "new", "D": "deleted", "T": "another kind of file"}


def _what_happened(file: FileChange) -> str:
    return f"was `{_cell(file.old_path)}`" if file.old_path else _STATUSES.get(file.status, "")


def lines_of(file: FileChange) -> str:
    """How many lines of a file were added and removed."""
    return "binary" if file.added is None else f"+{file.added} -{file.removed}"


def _longest_ticks(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
