"""Exports to Backlog.md, beads and prd.json, each as its own import reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from coworkd.core.errors import UserError
from coworkd.core.model import Status
from coworkd.documents.markdown import Value, compose
from coworkd.interchange.export.items import (
    Exported,
    ExportedPlan,
    ExportedTask,
    OutputFile,
    criterion_text,
)
from coworkd.interchange.items import SourceKind

_OPEN = {
    Status.RUNNING: "In Progress",
    Status.MERGING: "In Progress",
    Status.REVIEW: "Review",
    Status.WAITING: "Waiting",
}
_BEADS_PRIORITIES = ((0.0, 0), (1.0, 1), (2.0, 2), (2.5, 3), (3.0, 4))
_UNSAFE = re.compile(r"[^\w .()&-]+")


def to_backlog(exported: Exported) -> list[OutputFile]:
    """A file for each task and plan; finished ones are in `completed/`."""
    names = _names(exported, SourceKind.BACKLOG)
    files = [
        OutputFile(path="config.yml", text='project_name: "coworkd"\nstatuses: ["To Do", "In Progress", "Done"]\n')
    ]
    for plan in exported.plans:
        fields: dict[str, Value] = {"id": names[plan.id], "title": plan.title, "status": "To Do"}
        fields["dependencies"] = []
        fields["subtasks"] = [names[child] for child in exported.children(plan.id)]
        files.append(_backlog_file("tasks", fields, plan, names.get(plan.parent, "")))
    for task in exported.tasks:
        fields = {"id": names[task.id], "title": task.title, "status": _backlog_status(task.status)}
        fields["labels"] = list(task.labels)
        fields["dependencies"] = [names.get(need, need) for need in task.depends_on]
        fields["priority"] = "high" if task.priority < 1.5 else "medium" if task.priority < 2.75 else "low"
        folder = "completed" if task.status is Status.DONE else "tasks"
        files.append(_backlog_file(folder, fields, task, names.get(task.plan, "")))
    return files


def _backlog_status(status: Status) -> str:
    if status is Status.DONE:
        return "Done"
    return "Cancelled" if status is Status.CANCELLED else _OPEN.get(status, "To Do")


def _backlog_file(folder: str, fields: dict[str, Value], item: ExportedTask | ExportedPlan, parent: str) -> OutputFile:
    if parent:
        fields["parent_task_id"] = parent
    boxes = "".join(
        f"- [{'x' if one.ticked else ' '}] #{number} {criterion_text(one)}\n"
        for number, one in enumerate(item.criteria, 1)
    )
    body = f"\n## Description\n\n{item.text}\n"
    if boxes:
        body += f"\n## Acceptance Criteria\n<!-- AC:BEGIN -->\n{boxes}<!-- AC:END -->\n"
    title = "-".join(_UNSAFE.sub("", item.title).split())[:100]
    return OutputFile(path=f"{folder}/{str(fields['id']).lower()} - {title}.md", text=compose(fields, body).decode())


def to_beads(exported: Exported) -> list[OutputFile]:
    """`issues.jsonl`: an issue a line; plans are epics."""
    names = _names(exported, SourceKind.BEADS)
    lines = [
        json.dumps({
            "id": names[plan.id], "title": plan.title, "status": "open", "issue_type": "epic",
            "description": plan.text, "acceptance_criteria": _boxes(plan),
            "dependencies": _beads_edges(names, plan.id, plan.parent, ()),
        }, ensure_ascii=False)
        for plan in exported.plans
    ]  # fmt: skip
    lines += [
        json.dumps({
            "id": names[task.id], "title": task.title, "status": _beads_status(task.status), "issue_type": "task",
            "priority": _beads_priority(task.priority), "labels": list(task.labels), "description": task.text,
            "acceptance_criteria": _boxes(task),
            "dependencies": _beads_edges(names, task.id, task.plan, task.depends_on),
        }, ensure_ascii=False)
        for task in exported.tasks
    ]  # fmt: skip
    return [OutputFile(path="", text="".join(f"{line}\n" for line in lines))]


def _beads_status(status: Status) -> str:
    if status is Status.DONE:
        return "closed"
    return "cancelled" if status is Status.CANCELLED else "in_progress" if status in _OPEN else "open"


def _beads_priority(priority: float) -> int:
    return min(_BEADS_PRIORITIES, key=lambda pair: abs(pair[0] - priority))[1]


def _boxes(item: ExportedTask | ExportedPlan) -> str:
    return "\n".join(f"- [{'x' if one.ticked else ' '}] {criterion_text(one)}" for one in item.criteria)


def _beads_edges(names: Mapping[str, str], item: str, parent: str, needs: tuple[str, ...]) -> list[dict[str, str]]:
    edges = [(parent, "parent-child")] if parent in names else []
    edges += [(need, "blocks") for need in needs]
    return [{"issue_id": names[item], "depends_on_id": names.get(other, other), "type": kind} for other, kind in edges]


def to_prd(exported: Exported) -> list[OutputFile]:
    """`prd.json` of one plan. Raises `UserError` where there is not exactly one plan without a parent among them."""
    tops = [plan for plan in exported.plans if plan.parent not in {other.id for other in exported.plans}]
    if len(tops) != 1:
        raise UserError("prd.json holds one plan: name it, as `coworkd export PLAN --to prd`")
    plan, names = tops[0], _names(exported, SourceKind.PRD)
    ranks = {number: rank for rank, number in enumerate(sorted({task.priority for task in exported.tasks}), 1)}
    stories = [
        {
            "id": names[task.id], "title": task.title, "description": task.text,
            "acceptanceCriteria": [criterion_text(one) for one in task.criteria], "priority": ranks[task.priority],
            "passes": task.status is Status.DONE, "notes": "", "labels": list(task.labels),
            "dependsOn": [names.get(need, need) for need in task.depends_on],
        }
        for task in exported.tasks
    ]  # fmt: skip
    prd = {"project": plan.title, "branchName": f"ralph/{plan.id}", "description": plan.text, "userStories": stories}
    return [OutputFile(path="", text=json.dumps(prd, indent=2, ensure_ascii=False) + "\n")]


def _names(exported: Exported, kind: SourceKind) -> dict[str, str]:
    """The id of each item there: the one that it came from, where it came from there."""
    return {one.id: one.origin.id_in(kind) or one.id for one in _all_items(exported)}


def _all_items(exported: Exported) -> Iterator[ExportedPlan | ExportedTask]:
    yield from exported.plans
    yield from exported.tasks
