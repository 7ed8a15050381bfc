"""`coworkd plan`: plans in their hierarchy, with status, progress and cost."""

from __future__ import annotations

from typing import Any

import click

from coworkd.board.views.plans import PlanDetails, PlanView, plan_details, plan_views
from coworkd.cli.output import as_json, coloured, hanging_indent, json_option
from coworkd.cli.workspace import current_workspace
from coworkd.core.errors import UsageError
from coworkd.core.plan_order import order_text
from coworkd.core.task_ids import task_id


@click.command("plan")
@click.argument("plan", required=False)
@json_option
def plan_command(plan: str | None, json_: bool) -> None:
    """All plans, or one with its tasks in waves: what can be at work at the same time."""
    with current_workspace().reading() as db:
        if plan is None:
            _show_all(plan_views(db), json_)
            return
        found = plan_details(db, task_id(plan.removesuffix(".md").rpartition("/")[2]))
    if found is None:
        raise UsageError(f"there is no plan `{plan}`; `coworkd plan` lists them")
    if json_:
        as_json(_details_json(found))
    else:
        _show_one(found)


def _show_all(views: list[PlanView], json_: bool) -> None:
    if json_:
        as_json({"plans": [_view_json(view) for view in views]})
    elif not views:
        click.echo("No plans yet. Write one as plans/NAME.md, and `plan: NAME` into the tasks that belong to it.")
    for view in views if not json_ else ():
        click.echo(_line(view))


def _line(view: PlanView) -> str:
    head = f"{'  ' * view.depth}{coloured(str(view.rollup.status), 9)} "
    return hanging_indent(head, f"{view.name}: {view.standing}")


def _show_one(found: PlanDetails) -> None:
    for view in found.views:
        click.echo(_line(view))
    click.echo(f"\n.cowork/{found.views[0].node.path}")
    for number, wave in enumerate(found.waves, 1):
        tasks = ", ".join(f"{task.id} ({task.status})" for task in wave)
        click.echo(hanging_indent(f"  wave {number} ", tasks))


def _view_json(view: PlanView) -> dict[str, Any]:
    node, rollup = view.node, view.rollup
    return {
        "id": node.id, "title": node.title, "level": str(node.level), "path": node.path, "parent": node.parent,
        "order": order_text(node.order), "sequential": node.sequential, "size": node.size,
        "status": str(rollup.status), "progress": round(rollup.progress, 4), "tasks": rollup.tasks,
        "done": rollup.done, "counts": {str(status): count for status, count in rollup.counts.items()},
        "cost_usd": rollup.cost_usd, "at_least": rollup.cost_is_least, "tokens": rollup.tokens,
    }  # fmt: skip


def _details_json(found: PlanDetails) -> dict[str, Any]:
    plan, *below = found.views
    return {
        **_view_json(plan),
        "children": [_view_json(view) for view in below],
        "waves": [
            [{"id": task.id, "plan": task.plan, "status": str(task.status)} for task in wave] for wave in found.waves
        ],
    }
