"""Keeps what is known of plans in step with their files, and what sequential plans hold in step with their tasks."""

from __future__ import annotations

from coworkd.board.task_board import Board
from coworkd.core.errors import DocumentError
from coworkd.core.model import PlanSpec, Problem
from coworkd.core.plan_holds import plan_holds
from coworkd.core.plan_order import order_text
from coworkd.core.plan_tree import PlanTree
from coworkd.core.task_ids import task_id
from coworkd.documents.decoding import stem
from coworkd.documents.markdown import normalise_key, parse
from coworkd.store.events import latest_event
from coworkd.store.plans import (
    PlanRow,
    UnreadPlan,
    all_plans,
    delete_plans,
    has_sequential_plan,
    hold_rows,
    open_tasks_by_place,
    put_plan,
    removed_plans,
    replace_holds,
    stored_holds,
    unread_plans,
)
from coworkd.store.problems import put_problem, remove_problems
from coworkd.sync.effective_specs import decode_bytes

HIERARCHY = "hierarchy"
"""The source of problems with the place of a plan."""


class PlanCatalog:
    """Used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._db = board.db
        self._seen_event = -1
        """The latest event at the latest look: without another one, no file and no status has changed."""

    def refresh(self, now: float) -> None:
        """Read plan files that changed, and hold what waits for an earlier child."""
        latest = latest_event(self._db)
        if latest == self._seen_event:
            return
        self._seen_event = latest
        unread, removed = unread_plans(self._db), removed_plans(self._db)
        if unread or removed:
            with self._db.write():
                for text in unread:
                    put_plan(self._db, _plan_row(text))
                delete_plans(self._db, removed)
                self._show_problems(PlanTree(all_plans(self._db)), now)
        self._update_holds()

    def _show_problems(self, tree: PlanTree, now: float) -> None:
        remove_problems(self._db, HIERARCHY)
        for problem in tree.problems:
            shown = Problem(path=problem.path, line=problem.line, message=problem.message)
            put_problem(self._db, shown, HIERARCHY, now)

    def _update_holds(self) -> None:
        old = stored_holds(self._db)
        if not old and not has_sequential_plan(self._db):
            return
        held = plan_holds(PlanTree(all_plans(self._db)), open_tasks_by_place(self._db))
        new = hold_rows(held)
        if new != old:
            with self._db.write():
                replace_holds(self._db, old - new, new - old)


def _plan_row(text: UnreadPlan) -> PlanRow:
    spec = _read(text)
    return PlanRow(
        path=text.path,
        id=task_id(stem(text.path)),
        sha=text.sha,
        title=spec.title,
        level=spec.level,
        parent=spec.parent,
        parent_line=_parent_line(text) if spec.parent else 0,
        order=order_text(spec.order),
        sequential=spec.sequential,
        size=spec.size,
    )


def _parent_line(text: UnreadPlan) -> int:
    return next((entry.line for entry in parse(text.data).entries if normalise_key(entry.key) == "parent"), 0)


def _read(text: UnreadPlan) -> PlanSpec:
    """A text that cannot be read has a problem already: it counts as a plan that says nothing."""
    try:
        return decode_bytes(text.path, text.data).of(PlanSpec)
    except DocumentError:
        return PlanSpec()
