"""Issues of GitHub, as `gh issue list --json number,title,body,state,stateReason,labels,milestone,url` prints them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coworkd.core.task_ids import task_id
from coworkd.interchange.items import ItemStatus, ParsedSource, Place, Remarks, SourceItem, SourceKind
from coworkd.interchange.located_json import Json, JsonObject
from coworkd.interchange.words import one_line


def read_github(path: Path, issues: Sequence[Json]) -> list[ParsedSource]:
    """The issues of a list; a milestone is a plan. Dependencies are not guessed from prose."""
    remarks, items, plans = Remarks(), dict[str, SourceItem](), dict[str, SourceItem]()
    for issue in issues:
        if not isinstance(issue, JsonObject) or not issue.text("number"):
            line = issue.line if isinstance(issue, JsonObject) else 1
            remarks.problem(Place(path=str(path), line=line), "this is no issue: it has no `number`")
            continue
        item = _read_issue(path, issue)
        if item.key in items:
            remarks.problem(item.place, f"`#{item.key}` is there twice: the first one counts")
            continue
        items[item.key] = item
        if item.parent:
            title = ((milestone := issue.child("milestone")) and milestone.text("title")) or item.parent
            plans.setdefault(
                item.parent,
                SourceItem(
                    key=item.parent, id=task_id(f"gh-{item.parent}"), place=item.place, title=one_line(title),
                    is_plan=True, text=milestone.text("description") if milestone else "",
                ),
            )  # fmt: skip
    found = (*plans.values(), *items.values())
    return [ParsedSource(kind=SourceKind.GITHUB, name="github", items=found, problems=tuple(remarks.problems))]


def _read_issue(path: Path, issue: JsonObject) -> SourceItem:
    number, milestone = issue.text("number"), issue.child("milestone")
    status = ItemStatus.DRAFT
    if issue.text("state").upper() == "CLOSED":
        dropped = issue.text("stateReason").upper() in ("NOT_PLANNED", "DUPLICATE")
        status = ItemStatus.CANCELLED if dropped else ItemStatus.DONE
    labels = [one.text("name") for one in issue.objects("labels")] or issue.texts("labels")
    return SourceItem(
        key=number, id=f"gh-{number}", place=Place(path=str(path), line=issue.line),
        title=one_line(issue.text("title")) or f"#{number}", status=status,
        text="\n\n".join(part for part in (issue.text("body").strip(), issue.text("url")) if part),
        labels=tuple(label for label in labels if label),
        parent=f"milestone {task_id(milestone.text('title'))}" if milestone and milestone.text("title") else "",
    )  # fmt: skip
