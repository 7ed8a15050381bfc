"""`plans.md`: every plan with its status, progress and cost, each a link. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.board.generated_documents import GENERATED
from coworkd.board.views.inbox import link_target
from coworkd.board.views.plans import PlanView
from coworkd.core.terminal_text import visible_line

PLANS = "plans.md"


def plans_document(views: Sequence[PlanView]) -> bytes:
    """`plans.md`: every plan, a line each."""
    lines = [f"<!-- {GENERATED}; do not edit -->", "", "# Plans", ""]
    for view in views:
        link = f"[{visible_line(view.name)}]({link_target(view.node.path)})"
        lines.append(f"{'  ' * view.depth}- {link}: **{view.rollup.status}**, {view.standing}")
    return ("\n".join(lines) + "\n").encode()
