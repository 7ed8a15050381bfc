"""Lists of boxes in Markdown, as spec-kit and OpenSpec keep tasks: a plan, its sections as phases, boxes as tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coworkd.core.plan_order import Order, parse_order
from coworkd.core.task_ids import task_id
from coworkd.interchange.items import Place, SourceItem
from coworkd.interchange.words import one_line

_HEADING = re.compile(r"##[ \t]+(?P<text>.+?)[ \t]*#*[ \t]*")
_NUMBERED = re.compile(r"(?:\w+[ \t]+)?(?P<number>\d+(?:\.\d+)*)\s*[.:)]?[ \t]*(?P<title>.*)")


@dataclass(slots=True)
class ListSection:
    """A section of a list: what becomes a phase, where it holds tasks."""

    title: str
    order: Order
    line: int
    lines: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


def sections_of(path: Path) -> list[ListSection]:
    """The sections of a file, with the lines of each; what stands before the first one is in none."""
    found: list[ListSection] = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        if heading := _HEADING.fullmatch(line):
            numbered = _NUMBERED.fullmatch(heading["text"])
            order = (parse_order(numbered["number"]) or ()) if numbered else ()
            title = (numbered["title"] if numbered else "") or heading["text"]
            found.append(ListSection(title=one_line(title), order=order, line=number))
        elif found:
            found[-1].lines.append((number, line))
    return found


def title_of(path: Path, otherwise: str) -> str:
    """The first heading of a file, without `Tasks:` in front."""
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        if line.startswith("# "):
            title = one_line(line[2:])
            return title.partition(":")[2].strip() or (otherwise if title.lower() == "tasks" else title)
    return otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPhase:
    """A section and the tasks in it."""

    section: ListSection
    tasks: tuple[SourceItem, ...]


def as_plans(path: Path, name: str, title: str, phases: Sequence[ListedPhase]) -> Iterator[SourceItem]:
    """The plan of a list, its phases, and their tasks; phases without tasks are left out."""
    yield SourceItem(
        key=name, id=task_id(name), place=Place(path=str(path), line=1), title=title, sequential=True, is_plan=True
    )
    for phase in phases:
        if phase.tasks:
            yield SourceItem(
                key=phase_key(name, phase.section), id=task_id(phase_key(name, phase.section)),
                place=Place(path=str(path), line=phase.section.line), title=phase.section.title, is_plan=True,
                parent=name, order=phase.section.order,
            )  # fmt: skip
            yield from phase.tasks


def phase_key(name: str, section: ListSection) -> str:
    """The key and id of a section's plan."""
    return f"{name}-phase-{'.'.join(map(str, section.order))}"


def number_sections(sections: Sequence[ListSection]) -> None:
    """Give each section without a number, or with one that is taken, the next that is free."""
    taken: set[Order] = set()
    for section in sections:
        while not section.order or section.order in taken:
            section.order = (max((order[0] for order in taken), default=0) + 1,)
        taken.add(section.order)
