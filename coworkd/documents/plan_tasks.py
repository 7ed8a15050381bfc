"""The tasks that a plan spells out: fenced blocks marked `task`, each the text of a task file.

Pure. A block is what a task file would hold: keys, a line `---`, and what to do; the first fence of the keys may be
left out, and so may the keys. The word behind `task` is its id, by which other blocks can depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from coworkd.core.errors import DocumentError
from coworkd.core.model import TaskSpec
from coworkd.core.task_ids import task_id
from coworkd.documents.body import fenced_blocks, first_heading
from coworkd.documents.decoding import decode
from coworkd.documents.editing import edit
from coworkd.documents.markdown import Value, compose, normalise_key, parse

MAX_TASKS = 100
"""Tasks of one plan; a plan that spells out more is none that a person has read."""

_INFO = re.compile(r"task(?:[\s:]+(?P<name>.*))?", re.IGNORECASE)
_DEPENDENCY_KEYS = frozenset(map(normalise_key, ("depends_on", "dependencies")))

_KEYS = re.compile(r"(?:[A-Za-z_][\w -]*:.*\n|[ \t]+.*\n|- .*\n)+---[ \t]*\n")
"""A header that begins without its first fence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskBlock:
    """A task that is to become a file."""

    name: str
    """The id that is wished for."""
    data: bytes
    """The file: a draft that belongs to the plan."""


def task_blocks(body: str, plan: str) -> tuple[TaskBlock, ...]:
    """Every task block of a plan, in order. Raises DocumentError, with the line, for one that is no task."""
    found: list[TaskBlock] = []
    for line, info, text in fenced_blocks(body):
        named = _INFO.fullmatch(info.strip())
        if named is None:
            continue
        if len(found) == MAX_TASKS:
            raise DocumentError(f"a plan spells out at most {MAX_TASKS} tasks; make it two plans", line=line)
        try:
            found.append(_parse_block((named["name"] or "").strip(), text, plan))
        except DocumentError as error:
            raise DocumentError(f"a task block cannot be read: {error.message}", line=line + error.line) from error
    return tuple(found)


def _parse_block(name: str, text: str, plan: str) -> TaskBlock:
    document = parse((f"---\n{text}" if _KEYS.match(text) else text).encode())
    fields: dict[str, Value] = {entry.key: entry.value for entry in document.entries}
    own = {normalise_key(key): key for key in fields}
    given = fields.pop(own.get("id", "id"), None)
    for key in ("status", "cowork", "plan", "approve"):
        # What starts or loosens something is a person's to write, not the plan's.
        fields.pop(own.get(key, key), None)
    title = str(fields.get(own.get("title", "title")) or "") or first_heading(document.body) or name
    head: dict[str, Value] = {"title": title} if "title" not in own and title else {}
    data = compose({**head, **fields, "status": "draft", "plan": plan}, document.body.strip("\n") + "\n")
    return TaskBlock(name=task_id(name or str(given or "") or title or "task"), data=data)


def names_of(blocks: tuple[TaskBlock, ...], taken: Mapping[str, str]) -> dict[str, TaskBlock]:
    """A free id for each block: its own, or one with a number behind it (`taken`: id -> what has it).

    A block that depends on another block of the plan depends on it under the id that it gets.
    """
    named: dict[str, TaskBlock] = {}
    renamed: dict[str, str] = {}
    for block in blocks:
        wanted = [block.name, *(f"{block.name}-{number}" for number in range(2, MAX_TASKS * 10))]
        free = next(name for name in wanted if name not in taken and name not in named)
        named[free] = block
        renamed.setdefault(block.name, free)
    return {name: _with_dependencies(block, renamed) for name, block in named.items()}


def _with_dependencies(block: TaskBlock, renamed: Mapping[str, str]) -> TaskBlock:
    """The block with the ids that its dependencies got; `renamed`: id in the plan -> id of the task."""
    document = parse(block.data)
    key = next((entry.key for entry in document.entries if normalise_key(entry.key) in _DEPENDENCY_KEYS), None)
    needed = decode(f"tasks/{block.name}.md", document).of(TaskSpec).depends_on if key else ()
    changed: list[Value] = [renamed.get(task, task) for task in needed]
    if key is None or changed == list(needed):
        return block
    return replace(block, data=edit(block.data, {(key,): changed}))
