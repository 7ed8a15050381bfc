"""spec-kit: `FEATURE/tasks.md`, boxes with `T012`, marks, `[P]` and stories below a heading for each phase."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from coworkd.core.task_ids import task_id
from coworkd.interchange.formats.task_lists import (
    ListedPhase,
    ListSection,
    as_plans,
    number_sections,
    phase_key,
    sections_of,
    title_of,
)
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
from coworkd.interchange.words import one_line

TASK = re.compile(r"[-*+][ \t]+\[(?P<box>.)\][ \t]+(?P<key>T\d+[a-z]?)\b[ \t]*(?P<rest>.*)")
_INNER_BOX = re.compile(r"[ \t]+[-*+][ \t]+\[(?P<tick>[ xX])\][ \t]+(?P<text>.+)")
_MARK = re.compile(r"\[(?P<mark>P|[A-Z]{2,}\d+)\][ \t]*")
_NEEDS = re.compile(r"\(depends on (?P<keys>[^)]*)\)", re.IGNORECASE)
_KEY = re.compile(r"T\d+[a-z]?")


def read_feature(path: Path) -> ParsedSource:
    """The tasks of one feature; `path` is its `tasks.md`."""
    name, remarks = task_id(path.resolve().parent.name), Remarks()
    sections = [section for section in sections_of(path) if any(TASK.match(line) for _, line in section.lines)]
    number_sections(sections)
    reader = _FeatureReader(path, name, remarks)
    phases = [ListedPhase(section=section, tasks=tuple(reader.tasks(section))) for section in sections]
    return ParsedSource(
        kind=SourceKind.SPECKIT, name=name, items=tuple(as_plans(path, name, title_of(path, name), phases)),
        problems=tuple(remarks.problems), notices=tuple(remarks.notices),
    )  # fmt: skip


class _FeatureReader:
    def __init__(self, path: Path, name: str, remarks: Remarks) -> None:
        self._path = path
        self._name = name
        self._remarks = remarks
        self._seen: set[str] = set()

    def tasks(self, section: ListSection) -> list[SourceItem]:
        """The tasks of a phase: those without `[P]` follow one another."""
        found: list[SourceItem] = []
        before, taken = "", False
        for number, line in section.lines:
            place = Place(path=str(self._path), line=number)
            if task := TASK.match(line):
                made = self._task(task, phase_key(self._name, section), place, before)
                taken = made is not None
                if made is not None:
                    found.append(made)
                    before = before if "[P]" in task["rest"] else made.key
            elif taken and line[:1] in " \t" and line.strip():
                found[-1] = _with_line(found[-1], line)
            else:
                taken = taken and not line.strip()
        return found

    def _task(self, task: re.Match[str], phase: str, place: Place, before: str) -> SourceItem | None:
        key = task["key"].upper()
        if task["box"] not in " xX":
            self._remarks.problem(place, f"`[{task['box']}]` of {key} is no box; write `[ ]` or `[x]`")
            return None
        if key in self._seen:
            self._remarks.problem(place, f"`{key}` is there twice: the first one counts")
            return None
        self._seen.add(key)
        stories = [mark for mark in _MARK.findall(task["rest"]) if mark != "P"]
        needs = [one for found in _NEEDS.finditer(task["rest"]) for one in _KEY.findall(found["keys"])]
        if before and "[P]" not in task["rest"]:
            needs.append(before)
        return SourceItem(
            key=key, id=task_id(f"{self._name}-{key}"), place=place,
            title=one_line(_MARK.sub("", task["rest"])) or key,
            status=ItemStatus.DRAFT if task["box"] == " " else ItemStatus.DONE,
            labels=tuple(story.lower() for story in stories), parent=phase,
            depends_on=tuple(Reference(key=one, place=place) for one in dict.fromkeys(needs)),
        )  # fmt: skip


def _with_line(item: SourceItem, line: str) -> SourceItem:
    """The task with a line below it: a box is a criterion, everything else is text."""
    if box := _INNER_BOX.fullmatch(line):
        criterion = SourceCriterion(text=box["text"].strip(), ticked=box["tick"] != " ")
        return replace(item, criteria=(*item.criteria, criterion))
    return replace(item, text=f"{item.text}\n{line.strip()}".strip())
