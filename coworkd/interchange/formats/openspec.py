"""OpenSpec: `changes/NAME/tasks.md`, boxes with numbers below a heading for each section; archived changes are done."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from coworkd.core.plan_order import order_text
from coworkd.core.task_ids import task_id
from coworkd.interchange.formats.task_lists import (
    ListedPhase,
    ListSection,
    as_plans,
    number_sections,
    phase_key,
    sections_of,
)
from coworkd.interchange.items import (
    ItemStatus,
    ParsedSource,
    Place,
    Reference,
    Remarks,
    SourceItem,
    SourceKind,
)
from coworkd.interchange.words import one_line

BOX = re.compile(r"\s*(?:[-*+]|\d+[.)])\s*\[(?P<box>.)\]\s*(?P<text>.*)")
_NUMBER = re.compile(r"(?P<number>\d+(?:\.\d+)+)[.)]?\s+(?P<title>.*)")
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}-(?P<name>.+)")
_TASK_HEADING = re.compile(r"###\s+(?:Task\s+)?(?P<number>\d+(?:\.\d+)*)\s*[:.]?\s*(?P<title>.*)")


def read_change(path: Path) -> ParsedSource:
    """The tasks of one change; `path` is its `tasks.md`."""
    folder = path.resolve().parent
    dated = _DATED.fullmatch(folder.name)
    archived = folder.parent.name == "archive"
    name = task_id(dated["name"] if dated and archived else folder.name)
    sections = sections_of(path)
    number_sections(sections)
    reader = _ChangeReader(path=path, name=name, archived=archived)
    read = reader.boxes if any(BOX.match(line) for one in sections for _, line in one.lines) else reader.headings
    phases = [ListedPhase(section=section, tasks=tuple(read(section))) for section in sections]
    title = name.replace("-", " ").capitalize()
    return ParsedSource(
        kind=SourceKind.OPENSPEC, name=name, items=tuple(as_plans(path, name, title, phases)),
        problems=tuple(reader.remarks.problems), notices=tuple(reader.remarks.notices),
    )  # fmt: skip


@dataclass(slots=True)
class _ChangeReader:
    path: Path
    name: str
    archived: bool
    remarks: Remarks = field(default_factory=Remarks)
    seen: set[str] = field(default_factory=set[str])
    unnumbered: Counter[str] = field(default_factory=Counter[str])

    def boxes(self, section: ListSection) -> Iterator[SourceItem]:
        """A task for each box; each follows the one before it."""
        before, numbered = "", order_text(section.order)
        for line_number, line in section.lines:
            box = BOX.match(line)
            if not box:
                continue
            place, mark = Place(path=str(self.path), line=line_number), box["box"]
            if not (mark.isspace() or mark in "xX"):
                self.remarks.problem(place, f"`[{mark}]` is no box; write `[ ]` or `[x]`")
                continue
            number = _NUMBER.fullmatch(box["text"])
            if number:
                key = numbered = number["number"]
            else:
                self.unnumbered[numbered] += 1
                key = f"{numbered}-{self.unnumbered[numbered]}"
            if item := self._item(key, number["title"] if number else box["text"], place, section):
                yield replace(item, status=self._status(item, mark), depends_on=_after(before, place))
                before = item.key

    def headings(self, section: ListSection) -> Iterator[SourceItem]:
        """A task for each heading below the section; the lines under it are its text."""
        item: SourceItem | None = None
        before = ""
        for line_number, line in section.lines:
            if heading := _TASK_HEADING.fullmatch(line):
                if item is not None:
                    yield item
                place = Place(path=str(self.path), line=line_number)
                item = self._item(heading["number"], heading["title"], place, section)
                if item is not None:
                    status = ItemStatus.DONE if self.archived else ItemStatus.DRAFT
                    item, before = replace(item, status=status, depends_on=_after(before, place)), item.key
            elif item is not None and line.strip():
                item = replace(item, text=f"{item.text}\n{line}".strip())
        if item is not None:
            yield item

    def _status(self, item: SourceItem, mark: str) -> ItemStatus:
        if mark in "xX":
            return ItemStatus.DONE
        if self.archived:
            self.remarks.notice(item.place, f"`{item.key}` is open in an archived change: done here")
            return ItemStatus.DONE
        return ItemStatus.DRAFT

    def _item(self, key: str, title: str, place: Place, section: ListSection) -> SourceItem | None:
        if key in self.seen:
            self.remarks.problem(place, f"`{key}` is there twice: the first one counts")
            return None
        self.seen.add(key)
        return SourceItem(
            key=key, id=task_id(f"{self.name}-{key}"), place=place, title=one_line(title) or key,
            parent=phase_key(self.name, section),
        )  # fmt: skip


def _after(before: str, place: Place) -> tuple[Reference, ...]:
    return (Reference(key=before, place=place),) if before else ()
