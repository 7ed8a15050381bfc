"""What stacked tasks build on: unmet dependencies with their verified submissions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from coworkd.core.model import Status
from coworkd.core.run_states import RunState
from coworkd.core.stack_rules import DependencyFacts, StackedOn, parents_of
from coworkd.core.submission_states import SubmissionState
from coworkd.store.database import Database
from coworkd.store.dependencies import unmet_dependencies_of
from coworkd.store.rows import SubmissionKind, SubmissionRow, TaskRow

_FOLLOWED = (SubmissionState.QUEUED, SubmissionState.GREEN, SubmissionState.HELD, SubmissionState.CONFLICTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackedSubmission:
    """A submission that another one is merged on top of, for a job."""

    task: str
    number: int
    attempt: int
    commit: str
    base: str


def dependency_facts(db: Database, needs: Sequence[str]) -> dict[str, DependencyFacts]:
    """Where these unmet dependencies stand, and those behind them."""
    found: dict[str, DependencyFacts] = {}
    asked = set(needs)
    while asked:
        behind = unmet_dependencies_of(db, asked)
        submissions = _verified_submissions(db, asked)
        for task in db.all_in(TaskRow, "id", asked):
            found[task.id] = DependencyFacts(
                status=Status(task.status), submission=submissions.get(task.id, 0), needs=behind.get(task.id, ())
            )
        asked = {task for tasks in behind.values() for task in tasks} - found.keys() - asked
    return found


def _verified_submissions(db: Database, tasks: Collection[str]) -> dict[str, int]:
    """The latest verified submission of each of these tasks that changes something."""
    rows = db.query_in(
        "SELECT task, max(number) AS number FROM submissions WHERE task IN (?)"
        f" AND state = '{SubmissionState.GREEN}' AND kind = '{SubmissionKind.WORK}' AND tree != '' GROUP BY task",
        tasks,
    )
    return {row["task"]: row["number"] for row in rows}


def stacked_submissions(db: Database, parents: Sequence[StackedOn]) -> tuple[StackedSubmission, ...]:
    """These submissions, in this order."""
    found = (db.one(SubmissionRow, "task = ? AND number = ?", *parent) for parent in parents)
    return tuple(
        StackedSubmission(task=row.task, number=row.number, attempt=row.attempt, commit=row.commit_id, base=row.base)
        for row in found
        if row is not None
    )


def stacked_tasks(db: Database) -> dict[str, tuple[StackedOn, ...]]:
    """What each task builds on that has not landed: by its run at work, or by its submission on its way."""
    marks = ", ".join("?" * len(_FOLLOWED))
    rows = db.query(
        f"SELECT task, stacked_on FROM submissions WHERE stacked_on != '' AND state IN ({marks})"
        " UNION ALL SELECT task, stacked_on FROM runs WHERE stacked_on != '' AND state != ?",
        *_FOLLOWED, RunState.ENDED,
    )  # fmt: skip
    parents = {row["task"]: parents_of(row["stacked_on"]) for row in rows}
    landed = {
        StackedOn(row["task"], row["number"])
        for row in db.query_in(
            f"SELECT task, number FROM submissions WHERE state = '{SubmissionState.LANDED}' AND task IN (?)",
            {parent.task for one in parents.values() for parent in one},
        )
    }
    return {task: left for task, one in parents.items() if (left := tuple(p for p in one if p not in landed))}


def submissions_on_stacks(db: Database) -> list[SubmissionRow]:
    """The submissions on their way that were made, or merged last, on top of others."""
    marks = ", ".join("?" * len(_FOLLOWED))
    return db.all(SubmissionRow, f"stacked_on != '' AND state IN ({marks}) ORDER BY created, task", *_FOLLOWED)
