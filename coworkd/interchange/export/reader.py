"""Reads what is exported: from the database where tasks stand, from their documents what they say. Read-only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from coworkd.core.errors import DocumentError, UsageError
from coworkd.core.model import MessageSpec, PlanSpec, TaskSpec
from coworkd.core.plan_order import sort_key
from coworkd.core.plan_tree import PlanNode, PlanTree
from coworkd.core.task_ids import task_id
from coworkd.documents.body import criteria
from coworkd.documents.decoding import decode
from coworkd.documents.markdown import Document, parse
from coworkd.interchange.export.items import Exported, ExportedMessage, ExportedPlan, ExportedTask, ImportOrigin
from coworkd.store import Database, TaskRow
from coworkd.store.documents import documents_at
from coworkd.store.plans import all_plans
from coworkd.store.tasks import board_tasks


def read_export(db: Database, folder: Path, names: Collection[str]) -> Exported:
    """The tasks and plans of these names, with all that is below a plan; without a name everything.

    `folder` is `.cowork/`. Raises `UsageError` for a name that is neither.
    """
    tree = PlanTree(all_plans(db))
    rows = {row.id: row for row in board_tasks(db) if not row.file_missing}
    wanted = [task_id(name.removesuffix(".md").rpartition("/")[2]) for name in names]
    if unknown := [name for name in wanted if name not in rows and tree.find(name) is None]:
        raise UsageError(f"there is no task or plan `{unknown[0]}`; `coworkd list` and `coworkd plan` show them")
    plans = [node for node in _top_down(tree, "") if not wanted or not set(tree.above(node.id)).isdisjoint(wanted)]
    within = {node.id for node in plans}
    chosen = [row for row in rows.values() if not wanted or row.id in wanted or row.plan in within]
    texts = {path: row.target_bytes for path, row in documents_at(db, [one.path for one in (*plans, *chosen)]).items()}
    tasks = [_task(row, texts.get(row.path, b""), folder) for row in chosen]
    tasks.sort(key=lambda task: (task.plan, sort_key(task.order), task.id))
    return Exported(plans=[_plan(tree, node, texts.get(node.path, b"")) for node in plans], tasks=tasks)


def _top_down(tree: PlanTree, plan: str) -> Iterator[PlanNode]:
    for child in tree.children(plan):
        yield child
        yield from _top_down(tree, child.id)


def _task(row: TaskRow, data: bytes, folder: Path) -> ExportedTask:
    document = parse(data)
    spec = decode(row.path, document).of(TaskSpec)
    return ExportedTask(
        id=row.id, title=row.title, status=row.status, path=row.path, plan=spec.plan, order=spec.order,
        priority=row.priority, size=spec.size, agent=row.agent or row.agent_used, depends_on=spec.depends_on,
        labels=spec.labels, body=document.body, criteria=spec.criteria, origin=_origin(document), landed=row.landed,
        attempt=row.attempt, cost_usd=row.cost_usd, tokens=row.input_tokens + row.output_tokens,
        messages=tuple(_messages(folder, row.id)),
    )  # fmt: skip


def _plan(tree: PlanTree, node: PlanNode, data: bytes) -> ExportedPlan:
    document = parse(data)
    body = decode(node.path, document).of(PlanSpec).body
    return ExportedPlan(
        id=node.id, title=node.title, path=node.path, parent=tree.parent(node.id), order=node.order, body=body,
        origin=_origin(document), criteria=criteria(body),
    )  # fmt: skip


def _origin(document: Document) -> ImportOrigin:
    imported = document.get("imported")
    if isinstance(imported, dict):
        source, written = imported.get("from"), imported.get("id")
        if isinstance(source, str) and isinstance(written, str):
            return ImportOrigin(source=source, id=written)
    return ImportOrigin(source="", id="")


def _messages(folder: Path, task: str) -> Iterator[ExportedMessage]:
    for path in sorted((folder / "messages" / task).glob("*.md")):
        name = path.relative_to(folder).as_posix()
        try:
            spec = decode(name, parse(path.read_bytes())).of(MessageSpec)
        except (DocumentError, OSError):
            continue  # It is shown as a problem where it stands.
        yield ExportedMessage(path=name, sender=spec.sender or "you", kind=str(spec.kind), text=spec.body)
