"""What the files of another tool hold, in the words that all formats share."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from coworkd.core.plan_order import Order


class SourceKind(StrEnum):
    """The formats that can be imported, by the words of `--as`."""

    BACKLOG = "backlog"
    BEADS = "beads"
    PRD = "prd"
    SPECKIT = "speckit"
    OPENSPEC = "openspec"
    TASKMASTER = "taskmaster"
    GITHUB = "github"


class ItemStatus(StrEnum):
    """Where an item stands here; nothing that is imported starts."""

    DRAFT = "draft"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of a file."""

    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that a person should know about an import, with its place."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Another item that an item names."""

    key: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCriterion:
    """An acceptance criterion."""

    text: str
    ticked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceItem:
    """A task, or what groups tasks."""

    key: str
    """Its id in the source, compared as it stands."""
    id: str
    """The id that it gets here, with the prefix of its source where it needs one."""
    written_id: str = ""
    """Its id as the source writes it; empty: that is the key."""
    place: Place
    title: str
    status: ItemStatus = ItemStatus.DRAFT
    text: str = ""
    criteria: tuple[SourceCriterion, ...] = ()
    priority: float | None = None
    depends_on: tuple[Reference, ...] = ()
    parent: str = ""
    """The key of the item above it; empty: none."""
    labels: tuple[str, ...] = ()
    order: Order = ()
    sequential: bool = False
    is_plan: bool = False
    """A plan also without children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedSource:
    """One source: a backlog, a tag, a feature, a change."""

    kind: SourceKind
    name: str
    """The folder of its files."""
    items: tuple[SourceItem, ...]
    left_out: frozenset[str] = frozenset()
    """Keys of items that are left out on purpose, where others may name them."""
    skipped: int = 0
    """How many items are left out on purpose."""
    problems: tuple[Remark, ...] = ()
    notices: tuple[Remark, ...] = ()


@dataclass(slots=True)
class Remarks:
    """Problems and notices, while they are collected."""

    problems: list[Remark] = field(default_factory=list[Remark])
    notices: list[Remark] = field(default_factory=list[Remark])

    def problem(self, place: Place, message: str) -> None:
        """Something cannot come in as it stands."""
        self.problems.append(Remark(place=place, message=message))

    def notice(self, place: Place, message: str) -> None:
        """Something came in as something else."""
        self.notices.append(Remark(place=place, message=message))
