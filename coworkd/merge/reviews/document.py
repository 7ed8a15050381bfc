"""The review: what a task changed, the evidence for it, and the line by which a person lets it land.

Pure: values in, bytes out. A review is written once per submission, when the merged result is green.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.core.check_names import check_log
from coworkd.core.model import Check, RiskLevel
from coworkd.core.policy.tool_risk import GRAVE
from coworkd.core.terminal_text import plain_text, visible
from coworkd.core.text_formats import format_usd, shorten
from coworkd.documents.markdown import Value, compose
from coworkd.merge.git.change_summary import ChangeSummary, FileChange

NOTE = "written by coworkd; set approval to approved, rejected or changes"
RECORD = "written by coworkd; set status to revert to take the change back once it has landed"
_ASTRAY = "So what the commands say is not about this change. What to do stands in `coworkd status`."
UNASKED = "No approval was required: `approve` has no `merge`."


FILES = 300
"""Files that a review lists; with the bounds on lines, what keeps it a document that can be read back."""

SAID = 4000
"""Characters of the agent's last words that a review shows."""


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
    level: str
    """Sandbox level of the run."""
    said: str
    """The agent's own last words on it."""
    notices: tuple[str, ...] = ()
    text: str = ""
    """Digest of the task's text as the agent was given it; empty: not known."""
    text_now: str = ""
    """Of the task's text as it is now."""
    reached: str = ""
    """What led the verification into a checkout of the user; empty: nothing."""
    made: bool = True
    """False: the agent changed nothing."""
    asked: bool = True
    """False: no approval is required, and the review is a record."""
    cost_usd: float | None = None
    about: bool = False
    """The cost is estimated, or a subscription covers it."""
    tokens: tuple[int, int] = (0, 0)
    risk: RiskLevel = RiskLevel.LOW
    why: str = ""
    """Where the risk comes from."""
    terminal: str = ""
    """Why it has to be approved on a terminal; empty when the file is enough."""


def render(what: ReviewSubject, change: ChangeSummary, checks: Sequence[Check], claims: Sequence[str]) -> bytes:
    """`reviews/TASK.md`. `claims` are the criteria that have no command to prove them."""
    cowork: dict[str, Value] = {
        "rev": "1", "task": what.task, "attempt": str(what.attempt), "commit": what.commit, "tree": what.tree,
        "base": what.base, "request": what.request, "risk": str(what.risk),
    }  # fmt: skip
    if what.cost_usd is not None:
        cowork["cost_usd"] = f"{what.cost_usd:.4f}".rstrip("0").rstrip(".")
    if what.about:
        cowork["estimated"] = "true"
    if any(what.tokens):
        cowork["tokens"] = {"input": str(what.tokens[0]), "output": str(what.tokens[1])}
    cowork["verify"] = [_check_fields(check) for check in checks]
    asking: dict[str, Value] = {"approval": "pending"} if what.asked else {}
    fields: dict[str, Value] = {**asking, "status": "open", "cowork": cowork}
    parts = [*_opening(what, checks), "" if what.asked else UNASKED, f"# {visible(what.title)}"]
    parts.append(_summary(what, change))
    parts += [f"- {notice}" for notice in what.notices if notice]
    parts += [_evidence(what.task, checks), _claims(claims), _agent_message(what.said), _diff(what, change)]
    return compose(fields, "\n\n".join(part for part in parts if part) + "\n", note=NOTE if what.asked else RECORD)


def _check_fields(check: Check) -> dict[str, Value]:
    ran: dict[str, Value] = {"command": shorten(check.command, 500), "exit": str(check.exit)}
    ran["seconds"] = f"{check.seconds:.1f}"
    return ran | ({"from_tip": shorten(check.from_tip, 500)} if check.from_tip else {})


def _opening(what: ReviewSubject, checks: Sequence[Check]) -> list[str]:
    """What is proven, and the risk: high risk stands before the proof, which it may make worthless.

    The first line also says where the answer belongs, if not in this file.
    """
    lines = [_proof_line(what, checks), _risk(what)]
    if what.risk in GRAVE and what.made and checks and not what.reached:
        lines.reverse()
    return [f"{lines[0]} **{what.terminal}**." if what.terminal else lines[0], *lines[1:]]


def _risk(what: ReviewSubject) -> str:
    return f"**Risk: {what.risk}.** Look closely: {visible(what.why)}." if what.why else f"Risk: {what.risk}."


def _proof_line(what: ReviewSubject, checks: Sequence[Check]) -> str:
    if not what.made:
        return "**Nothing changed.** The agent ended without changing a file; approving closes the task as it is."
    if what.reached:
        return f"Not verified: {visible(what.reached)}. {_ASTRAY}"
    if not checks:
        return "**Not verified**: there was no command to run. Add `verify:` to the task or to config.yaml."
    before = next((check.from_tip for check in checks if check.from_tip), "")
    number = sum(not check.from_tip for check in checks)
    also = f", and with {visible(before)} as it was before this change" if before else ""
    return f"Verified: {number} of {number} commands green on the result as it would land{also}."


def _summary(what: ReviewSubject, change: ChangeSummary) -> str:
    files = f"{len(change.files)} file{'' if len(change.files) == 1 else 's'}"
    lines = [
        f"- attempt {what.attempt} by {what.agent}, sandbox level `{what.level}`",
        f"- {files}, +{change.insertions} -{change.deletions}",
    ]
    if what.text:
        since = "" if what.text == what.text_now else ", which was edited since: the change answers the earlier text"
        lines.append(f"- the task's text `{what.text[:12]}`{since}")
    if what.cost_usd is not None:
        lines.append(f"- cost: {format_usd(what.cost_usd, estimated=what.about)}")
    if any(what.tokens):
        lines.append(f"- tokens: {what.tokens[0]} in, {what.tokens[1]} out")
    return "\n".join(lines)


def _evidence(task: str, checks: Sequence[Check]) -> str:
    if not checks:
        return ""
    last = check_log(task, len(checks)).rpartition("/")[2]
    logs = f"`{check_log(task, 1)}`" + (f" to `{last}`" if len(checks) > 1 else "")
    rows = [
        f"| `{_cell(shorten(c.command, 500))}`{_tip_version_note(c)} | {c.exit} | {c.seconds:.1f} |" for c in checks
    ]
    return "\n".join(
        [
            "## Verification",
            "",
            "| command | exit | seconds |",
            "| --- | --- | --- |",
            *rows,
            "",
            f"The whole output: {logs}",
        ]
    )


def _tip_version_note(check: Check) -> str:
    return f" with {_cell(visible(shorten(check.from_tip, 200)))} as before" if check.from_tip else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _claims(claims: Sequence[str]) -> str:
    if not claims:
        return ""
    return "\n".join(["## Claimed, not proven", "", *(f"- {claim}" for claim in claims)])


def _agent_message(said: str) -> str:
    said = visible(plain_text(said)).strip()
    if not said:
        return ""
    lines = shorten(said, SAID).splitlines()
    return "## What the agent says\n\n" + "\n".join(f"> {line}".rstrip() for line in lines)


def _diff(what: ReviewSubject, change: ChangeSummary) -> str:
    if not change.files:
        return ""
    rows = [f"| `{_cell(f.path)}` | {f.status} | {lines_of(f)} |" for f in change.files[:FILES]]
    if len(change.files) > FILES:
        rows.append(f"| and {len(change.files) - FILES} more | | |")
    table = "\n".join(["## Changes", "", "| file | | lines |", "| --- | --- | --- |", *rows])
    diff = "\n".join(shorten(line, 500) for line in visible(change.diff_head).rstrip().split("\n"))
    truncated = change.truncated or diff != visible(change.diff_head).rstrip()
    fence = "`" * max(3, _longest_ticks(diff) + 1)
    rest = f"\n\nThe rest: `coworkd diff {what.task}`" if truncated else ""
    return f"{table}\n\n{fence}diff\n{diff}\n{fence}{rest}"


def lines_of(file: FileChange) -> str:
    """How many lines of a file were added and removed."""
    return "binary" if file.added is None else f"+{file.added} -{file.removed}"


def _longest_ticks(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
