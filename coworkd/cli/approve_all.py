"""`approve --all`: every review that waits, up to a level of risk; each one answered as `approve TASK` answers it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import click

from coworkd.cli.answers import answer_request
from coworkd.cli.output import as_json, hanging_indent
from coworkd.cli.workspace import Workspace
from coworkd.core.errors import UserError
from coworkd.core.model import Answer, RiskLevel
from coworkd.core.policy.tool_risk import ORDER
from coworkd.store import RequestRow
from coworkd.store.requests import find_open_request, open_reviews


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOutcome:
    """What became of one review."""

    task: str
    path: str
    risk: RiskLevel
    reason: str = ""
    """Why it was not approved; empty: it was."""
    failed: bool = False
    """It was to be approved, and could not be."""


def approve_all(workspace: Workspace, most: RiskLevel, comment: str, json_: bool) -> None:
    """Approve every review that waits now and has at most this risk, and list them all; exit 1 if one was refused.

    The risk is the one that the daemon found, not what a file says of itself.
    """
    with workspace.reading() as db:
        waiting = open_reviews(db)
    outcomes = [_approve(workspace, review, most, comment) for review in waiting]
    if json_:
        as_json({
            "approved": [_as_value(one) for one in outcomes if not one.reason],
            "left": [_as_value(one) for one in outcomes if one.reason],
        })  # fmt: skip
    else:
        click.echo("\n".join(map(_line, outcomes)) or "no review waits for an approval")
    if any(one.failed for one in outcomes):
        raise click.exceptions.Exit(1)


def _approve(workspace: Workspace, review: RequestRow, most: RiskLevel, comment: str) -> ReviewOutcome:
    about = ReviewOutcome(task=review.task, path=review.path, risk=review.risk)
    if ORDER.index(review.risk) > ORDER.index(most):
        return _left(about, f"its risk is {review.risk}: {review.text}")
    try:
        answer_request(workspace, review, Answer.APPROVED, comment)
    except UserError as error:
        return _left(about, str(error), failed=True)
    with workspace.reading() as db:
        if find_open_request(db, review.id) is not None:
            return _left(about, f"it was not taken; `coworkd show {review.task}` says who has the task", failed=True)
    return about


def _left(about: ReviewOutcome, reason: str, *, failed: bool = False) -> ReviewOutcome:
    return ReviewOutcome(task=about.task, path=about.path, risk=about.risk, reason=reason, failed=failed)


def _as_value(one: ReviewOutcome) -> dict[str, object]:
    return {name: value for name, value in asdict(one).items() if name != "failed" and value != ""}


def _line(one: ReviewOutcome) -> str:
    if not one.reason:
        return f"{one.path}: approved ({one.risk} risk)"
    return hanging_indent(f"{one.path}: {'refused' if one.failed else 'left'}", one.reason)
