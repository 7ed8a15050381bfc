"""What is exported, as values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.model import Criterion, Status
from coworkd.core.plan_order import Order
from coworkd.interchange.items import SourceKind

_BOX = re.compile(r"^[ \t]*[-*+][ \t]+\[[ xX]\][ \t]+.*(?:\n(?![ \t]*[-*+] )[ \t]+\S.*)*\n?", re.MULTILINE)


class ExportFormat(StrEnum):
    """By the words of `--to`."""

    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"
    CSV = "csv"
    BACKLOG = "backlog"
    BEADS = "beads"
    PRD = "prd"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOrigin:
    """The item of another tool that a file was imported from."""

    source: str
    """Format and name, such as `prd:clock`; empty: it was not imported."""
    id: str

    def id_in(self, kind: SourceKind) -> str:
        """Its id there, where it came from this format; else empty."""
        return self.id if self.source.partition(":")[0] == kind else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedMessage:
    """A message of a task."""

    path: str
    sender: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedTask:
    """A task with its thread."""

    id: str
    title: str
    status: Status
    path: str
    plan: str
    order: Order
    priority: float
    size: float
    agent: str
    depends_on: tuple[str, ...]
    labels: tuple[str, ...]
    body: str
    criteria: tuple[Criterion, ...]
    origin: ImportOrigin
    landed: str
    attempt: int
    cost_usd: float | None
    tokens: int
    messages: tuple[ExportedMessage, ...] = ()

    @property
    def text(self) -> str:
        """The body without its criteria, as it reads."""
        return plain_text(_BOX.sub("", self.body))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedPlan:
    """A plan file."""

    id: str
    title: str
    path: str
    parent: str
    order: Order
    body: str
    origin: ImportOrigin
    criteria: tuple[Criterion, ...] = ()

    @property
    def text(self) -> str:
        """The body without its criteria, as it reads."""
        found = plain_text(_BOX.sub("", self.body))
        return "" if found == self.title else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """Everything that one export is about, each plan before what is below it."""

    plans: Sequence[ExportedPlan]
    tasks: Sequence[ExportedTask]

    def children(self, plan: str) -> list[str]:
        """The ids of the plans and tasks directly below a plan."""
        return [
            *(one.id for one in self.plans if one.parent == plan), *(one.id for one in self.tasks if one.plan == plan)
        ]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """A file of an export; its path is relative to the folder of the export, and empty where there is only one."""

    path: str
    text: str


def plain_text(text: str) -> str:
    """Text as a person wrote it: without the backslash that an import puts before a command."""
    return text.replace("\\(verify:", "(verify:").strip()


def criterion_text(criterion: Criterion) -> str:
    """A criterion with its command, on one line."""
    proof = f" (verify: {criterion.command})" if criterion.command else ""
    return " ".join(plain_text(criterion.text + proof).split())
