"""task-master: tags with tasks, and sub-tasks in any depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

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
from coworkd.interchange.located_json import JsonObject
from coworkd.interchange.text_parts import section
from coworkd.interchange.words import name_of_source, one_line, read_priority, read_status

_MASTER = "master"


def read_taskmaster(path: Path, found: JsonObject) -> list[ParsedSource]:
    """A source for each tag. A tag that stands both outside and under `tags` counts as it stands outside."""
    tags, skipped = _tags(found)
    sources = [_read_tag(path, tag, value) for tag, value in tags.items()]
    if not skipped or not sources:
        return sources
    return [*sources[:-1], _with_skipped(sources[-1], skipped)]


def _with_skipped(source: ParsedSource, skipped: int) -> ParsedSource:
    return ParsedSource(
        kind=source.kind, name=source.name, items=source.items, left_out=source.left_out, skipped=skipped,
        problems=source.problems, notices=source.notices,
    )  # fmt: skip


def _tags(found: JsonObject) -> tuple[dict[str, JsonObject], int]:
    """The tags, and how many tasks stand in one that another stands before."""
    tags = {name: value for name, value in found.values.items() if isinstance(value, JsonObject) and name != "tags"}
    tags = {name: value for name, value in tags.items() if isinstance(value.values.get("tasks"), list)}
    if isinstance(found.values.get("tasks"), list):
        tags = {_MASTER: found} | tags
    skipped, inner = 0, found.child("tags")
    for name, value in inner.values.items() if inner else ():
        if not isinstance(value, JsonObject):
            continue
        if name in tags:
            skipped += sum(1 for _ in value.objects("tasks"))
        else:
            tags[name] = value
    return tags, skipped


@dataclass(slots=True)
class _TagReader:
    """The tasks of a tag, by the path of their ids."""

    path: Path
    tag: str
    remarks: Remarks = field(default_factory=Remarks)
    tasks: dict[str, tuple[JsonObject, str]] = field(default_factory=dict[str, tuple[JsonObject, str]])
    """Each with the path of its parent."""

    def collect(self, owner: JsonObject, name: str, parent: str) -> None:
        for task in owner.objects(name):
            number, place = task.text("id"), self.place(task)
            key = number if not parent or number.startswith(f"{parent}.") else f"{parent}.{number}"
            if not number:
                self.remarks.problem(place, "this task has no `id`")
            elif key in self.tasks:
                self.remarks.problem(place, f"`{key}` is there twice: the first one counts")
            else:
                self.tasks[key] = (task, parent)
                self.collect(task, "subtasks", key)

    def place(self, task: JsonObject) -> Place:
        return Place(path=str(self.path), line=task.line)

    def resolve(self, written: str, parent: str) -> str:
        """What a dependency means: a sibling, else a task of the tag; as written where there is none."""
        sibling = f"{parent}.{written}" if parent else written
        return sibling if sibling in self.tasks else written

    def items(self) -> Iterator[SourceItem]:
        for key, (task, parent) in self.tasks.items():
            status, notice = read_status(task.text("status"))
            if notice:
                self.remarks.notice(self.place(task), f"`{key}` {notice}")
            if status is ItemStatus.DONE and self._has_open_subtask(key):
                self.remarks.notice(self.place(task), f"`{key}` is done there, and not all of its sub-tasks are")
            needs = [self.resolve(written, parent) for written in task.texts("dependencies")]
            yield SourceItem(
                key=key, id=task_id(f"{self.tag}-{key}"), place=self.place(task),
                title=one_line(task.text("title")) or key, status=status, text=_text(task),
                criteria=tuple(SourceCriterion(text=one_line(one)) for one in task.texts("acceptanceCriteria")),
                priority=read_priority(task.text("priority")), labels=tuple(task.texts("labels")),
                depends_on=tuple(Reference(key=other, place=self.place(task)) for other in needs), parent=parent,
                order=parse_order(key) or (),
            )  # fmt: skip

    def _has_open_subtask(self, key: str) -> bool:
        return any(
            parent == key and read_status(task.text("status"))[0] is ItemStatus.DRAFT
            for task, parent in self.tasks.values()
        )


def _read_tag(path: Path, tag: str, value: JsonObject) -> ParsedSource:
    reader = _TagReader(path=path, tag=name_of_source(tag, "tag"))
    reader.collect(value, "tasks", "")
    items = tuple(reader.items())
    return ParsedSource(
        kind=SourceKind.TASKMASTER, name=reader.tag, items=items, problems=tuple(reader.remarks.problems),
        notices=tuple(reader.remarks.notices),
    )  # fmt: skip


def _text(task: JsonObject) -> str:
    parts = (
        task.text("description"), section("Details", task.text("details")),
        section("Test strategy", task.text("testStrategy")),
    )  # fmt: skip
    return "\n\n".join(part for part in parts if part)
