"""Backlog.md: a Markdown file with a YAML header for each task, in `tasks/`, `completed/`, `drafts/` and `archive/`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import DocumentError
from coworkd.core.plan_order import parse_order
from coworkd.core.task_ids import task_id
from coworkd.documents.markdown import Document, parse, parse_yaml
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
from coworkd.interchange.words import name_of_source, one_line, read_priority, read_status

_FOLDERS = ("tasks", "completed", "drafts")
_MARKER = re.compile(r"^<!-- (?:AC|DOD|SECTION:\w+):(?:BEGIN|END) -->[ \t]*\n?", re.MULTILINE)
_SECTION = re.compile(r"^## +(?P<name>.+?)[ \t]*$", re.MULTILINE)
_BOX = re.compile(r"^\s*[-*+] \[(?P<tick>[ xX])\] +(?:#\d+ +)?(?P<text>.+)$", re.MULTILINE)
_NUMBERS = re.compile(r"(\d+(?:\.\d+)*)$")
_CRITERIA = frozenset({"acceptance criteria", "definition of done"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _BacklogFile:
    """A file of the backlog, read."""

    path: Path
    folder: str
    document: Document

    def place(self, key: str, value: str = "") -> Place:
        """The line of a key, or that of a value in its list."""
        entry = next((one for one in self.document.entries if one.key == key), None)
        line = entry.line if entry else 1
        if value and entry:
            lines = self.path.read_text(encoding="utf-8-sig").splitlines()
            line = next((at for at in range(line, len(lines) + 1) if value in lines[at - 1]), line)
        return Place(path=str(self.path), line=line)

    def text(self, key: str) -> str:
        value = self.document.get(key)
        return value if isinstance(value, str) else ""

    def texts(self, key: str) -> list[str]:
        value = self.document.get(key)
        items = value if isinstance(value, list) else [value] if isinstance(value, str) and value else []
        return [item for item in items if isinstance(item, str)]


def read_backlog(folder: Path) -> list[ParsedSource]:
    """The backlog in a folder that holds `tasks/`."""
    remarks, items, seen = Remarks(), list[SourceItem](), set[str]()
    for file in _files(folder, remarks):
        item = _read_item(file, remarks)
        if item.key.lower() in seen:
            remarks.problem(item.place, f"`{item.key}` stands in an earlier file, too: the first one counts")
            continue
        seen.add(item.key.lower())
        items.append(item)
    archived = [path.name for path in sorted(folder.glob("archive/**/*.md"))]
    left_out = frozenset(_id_of_name(name) for name in archived)
    return [
        ParsedSource(
            kind=SourceKind.BACKLOG, name=_project_name(folder), items=tuple(items), left_out=left_out,
            skipped=len(archived), problems=tuple(remarks.problems), notices=tuple(remarks.notices),
        )
    ]  # fmt: skip


def _project_name(folder: Path) -> str:
    for name in ("config.yml", "config.yaml"):
        file = folder / name
        if file.is_file():
            try:
                found = parse_yaml(file.read_bytes()).get("project_name")
            except DocumentError:
                return "backlog"
            return name_of_source(found, "backlog") if isinstance(found, str) else "backlog"
    return "backlog"


def _files(folder: Path, remarks: Remarks) -> Iterator[_BacklogFile]:
    for name in _FOLDERS:
        for path in sorted((folder / name).glob("*.md")):
            try:
                document = parse(path.read_bytes())
            except DocumentError as error:
                remarks.problem(Place(path=str(path), line=error.line or 1), error.message)
                continue
            if document.has_header:
                yield _BacklogFile(path=path, folder=name, document=document)
            else:
                remarks.problem(Place(path=str(path), line=1), "there is no header with an `id`")


def _id_of_name(name: str) -> str:
    return name.partition(" - ")[0].removesuffix(".md").lower()


def _read_item(file: _BacklogFile, remarks: Remarks) -> SourceItem:
    key = file.text("id") or _id_of_name(file.path.name)
    status, notice = _status(file)
    if notice:
        remarks.notice(file.place("status"), f"`{key}` {notice}")
    sections = _sections(file.document.body)
    numbers = _NUMBERS.search(key)
    return SourceItem(
        key=key.lower(), id=task_id(key), written_id=key, place=file.place("id"),
        title=one_line(file.text("title")) or key, status=status, text=_text(sections, file),
        criteria=_criteria(sections), priority=read_priority(file.text("priority")), labels=tuple(file.texts("labels")),
        depends_on=tuple(
            Reference(key=name.lower(), place=file.place("dependencies", name)) for name in file.texts("dependencies")
        ),
        parent=file.text("parent_task_id").lower(), order=(parse_order(numbers[1]) or ()) if numbers else (),
    )  # fmt: skip


def _status(file: _BacklogFile) -> tuple[ItemStatus, str]:
    status, notice = read_status(file.text("status"))
    if file.folder == "drafts":
        return ItemStatus.DRAFT, "" if status is ItemStatus.DRAFT else "lies in drafts/: a draft here"
    if file.folder == "completed" and status is not ItemStatus.CANCELLED:
        return ItemStatus.DONE, ""
    return status, notice


def _sections(body: str) -> list[tuple[str, str]]:
    """Name and text of each section; what stands before the first has no name."""
    plain = _MARKER.sub("", body.replace("\r\n", "\n"))
    parts = _SECTION.split(plain)
    return [("", parts[0].strip()), *((parts[at], parts[at + 1].strip()) for at in range(1, len(parts), 2))]


def _text(sections: Sequence[tuple[str, str]], file: _BacklogFile) -> str:
    parts = [
        text if name.lower() in ("", "description") else f"## {name}\n\n{text}"
        for name, text in sections
        if text and name.lower() not in _CRITERIA
    ]
    named = {"References": "references", "Documentation": "documentation", "Files": "modified_files"}
    for title, key in named.items():
        if values := file.texts(key):
            parts.append(f"{title}: {', '.join(values)}")
    return "\n\n".join(parts)


def _criteria(sections: Sequence[tuple[str, str]]) -> tuple[SourceCriterion, ...]:
    wanted = "\n".join(text for name, text in sections if name.lower() in _CRITERIA)
    return tuple(
        SourceCriterion(text=found["text"].strip(), ticked=found["tick"] != " ") for found in _BOX.finditer(wanted)
    )
