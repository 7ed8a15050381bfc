"""The tasks that everything is measured on: the same for coworkd, for the plain reference and for every peer."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WORDS = [
    "parser",
    "index",
    "merge",
    "editor",
    "cache",
    "folder",
    "session",
    "review",
    "branch",
    "worker",
    "token",
    "signal",
    "header",
    "anchor",
    "queue",
    "socket",
    "ledger",
    "window",
    "margin",
    "pattern",
    "buffer",
    "kernel",
    "module",
    "record",
    "filter",
    "cursor",
    "render",
    "layout",
]

PARAGRAPHS = 9
"""With its header, a task is about 1.8 KB: a page of text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task, in nobody's format yet."""

    number: int
    title: str
    status: str
    """`draft`, `ready` or `done`."""
    priority: str
    labels: tuple[str, ...]
    needs: int | None
    body: str

    @property
    def name(self) -> str:
        return f"task-{self.number:06d}"


def tasks(count: int) -> Iterator[Task]:
    """A tenth waits for a draft, four tenths are over, the rest are drafts: nothing of it can start."""
    for number in range(count):
        kind = number % 10
        yield Task(
            number=number,
            title=f"{_word(number, 1).title()} the {_word(number, 2)} of the {_word(number, 3)} ({number})",
            status="ready" if kind == 1 else "done" if kind >= 6 else "draft",
            priority=("high", "medium", "low")[number % 3],
            labels=(_word(number, 4), _word(number, 5)),
            needs=number - 1 if kind == 1 else None,
            body="\n\n".join(_paragraph(number, line) for line in range(PARAGRAPHS)) + "\n",
        )


def _word(number: int, salt: int) -> str:
    return WORDS[(number * 7919 + salt * 104_729) % 1_000_003 % len(WORDS)]


def _paragraph(number: int, line: int) -> str:
    return f"Part {line} of {number}: " + " ".join(_word(number, 10 * line + at) for at in range(24)) + "."


def document(task: Task) -> str:
    """The task as coworkd reads it."""
    lines = [
        "---",
        f"title: {task.title}",
        f"status: {task.status}",
        f"priority: {task.priority}",
        f"labels: [{', '.join(task.labels)}]",
    ]
    if task.needs is not None:
        lines.append(f"depends_on: [task-{task.needs:06d}]")
    return "\n".join([*lines, "---", "", f"# {task.title}", "", task.body])


def write_tasks(folder: Path, count: int) -> None:
    """One file a task, a thousand to a folder."""
    for task in tasks(count):
        target = folder / f"{task.number // 1000:03d}" / f"{task.name}.md"
        if task.number % 1000 == 0:
            target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(document(task))


def repository(root: Path) -> None:
    """A git repository with one commit."""
    root.mkdir(parents=True)
    (root / "README.md").write_text("A repository to work on.\n")
    for words in (
        ("init", "-q", "-b", "main"),
        ("config", "user.name", "Bench"),
        ("config", "user.email", "bench@example.org"),
        ("add", "-A"),
        ("commit", "-q", "-m", "First"),
    ):
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)
