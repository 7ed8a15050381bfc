"""beads: one JSON object a line, an issue each."""

from __future__ import annotations

from pathlib import Path

from coworkd.core.errors import DocumentError, RefusedSourceError
from coworkd.core.plan_order import parse_order
from coworkd.core.task_ids import task_id
from coworkd.interchange.items import (
    ItemStatus,
    ParsedSource,
    Place,
    Reference,
    Remarks,
    SourceCriterion,
    SourceItem,
    SourceKind,
)
from coworkd.interchange.located_json import JsonObject, read_json
from coworkd.interchange.text_parts import boxes_of, section
from coworkd.interchange.words import name_of_source, one_line, read_status

_BLOCKING = frozenset({"blocks", "conditional-blocks", "waits-for"})
_PRIORITIES = {0.0: 0.0, 1.0: 1.0, 2.0: 2.0, 3.0: 2.5, 4.0: 3.0}
_PLAIN_TYPES = frozenset({"issue_type: task", "issue_type: epic"})
_JOURNAL = frozenset({"kind", "actor", "issue_id"})


def read_beads(path: Path) -> list[ParsedSource]:
    """The issues of a file. RefusedSourceError for the journal of interactions."""
    remarks, items, left_out = Remarks(), dict[str, SourceItem](), set[str]()
    for issue, place in _issues(path, remarks):
        key = issue.text("id")
        if not key:
            remarks.problem(place, "this object has no `id`")
        elif key in items or key in left_out:
            remarks.problem(place, f"`{key}` stands on an earlier line, too: the first one counts")
        elif issue.text("status") == "tombstone":
            left_out.add(key)
        else:
            items[key] = _read_issue(issue, key, place, remarks)
    if not items and not left_out:
        raise RefusedSourceError(f"{path}: there is no issue of beads in it")
    first = next(iter(items or left_out))
    return [
        ParsedSource(
            kind=SourceKind.BEADS, name=name_of_source(first.rpartition("-")[0], "beads"), items=tuple(items.values()),
            left_out=frozenset(left_out), skipped=len(left_out), problems=tuple(remarks.problems),
            notices=tuple(remarks.notices),
        )
    ]  # fmt: skip


def _issues(path: Path, remarks: Remarks) -> list[tuple[JsonObject, Place]]:
    found: list[tuple[JsonObject, Place]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        place = Place(path=str(path), line=number)
        if not line.strip():
            continue
        try:
            value = read_json(line, number)
        except DocumentError as error:
            remarks.problem(place, error.message)
            continue
        if not isinstance(value, JsonObject):
            remarks.problem(place, "this line is no object")
        elif value.values.keys() >= _JOURNAL and "title" not in value.values:
            raise RefusedSourceError(f"{path}: this is the journal of beads; import `issues.jsonl` beside it")
        else:
            found.append((value, place))
    return found


def _read_issue(issue: JsonObject, key: str, place: Place, remarks: Remarks) -> SourceItem:
    status, notice = read_status(issue.text("status"))
    if notice:
        remarks.notice(place, f"`{key}` {notice}")
    edges = [(one.text("type"), one.text("depends_on_id")) for one in issue.objects("dependencies")]
    parent = next((other for kind, other in edges if kind == "parent-child"), "")
    criteria, plain = boxes_of(issue.text("acceptance_criteria"))
    criteria += tuple(SourceCriterion(text=line) for line in plain)
    return SourceItem(
        key=key, id=task_id(key), place=place, title=one_line(issue.text("title")) or key,
        status=ItemStatus.DONE if status is ItemStatus.DONE else status, text=_text(issue, edges), criteria=criteria,
        priority=_PRIORITIES.get(number) if (number := issue.number("priority")) is not None else None,
        labels=tuple(issue.texts("labels")), parent=parent,
        depends_on=tuple(Reference(key=other, place=place) for kind, other in edges if kind in _BLOCKING),
        order=parse_order(key.partition(".")[2]) or (),
    )  # fmt: skip


def _text(issue: JsonObject, edges: list[tuple[str, str]]) -> str:
    others = [f"{kind}: {other}" for kind, other in edges if kind not in _BLOCKING and kind != "parent-child"]
    facts = [f"{name}: {issue.text(name)}" for name in ("issue_type", "assignee", "external_ref") if issue.text(name)]
    facts = [fact for fact in facts if fact not in _PLAIN_TYPES]
    comments = [f"- {one.text('author')}: {one_line(one.text('text'))}" for one in issue.objects("comments")]
    parts = [
        issue.text("description"), section("Design", issue.text("design")), section("Notes", issue.text("notes")),
        section("Closed", issue.text("close_reason")), section("Comments", "\n".join(comments)),
        "\n".join((*facts, *others)),
    ]  # fmt: skip
    return "\n\n".join(part.strip() for part in parts if part.strip())
