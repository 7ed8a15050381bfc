"""What the items of a source become: which are plans, which tasks wait for which, and what is said about the rest.

What has children is a plan. A plan cannot be waited for, so its edges lead to its tasks: what the plan waits for, its
first open tasks wait for; what waits for the plan waits for its last open tasks. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from coworkd.interchange.items import ItemStatus, ParsedSource, Reference, Remark, SourceItem, SourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedItem:
    """An item, and where it stands among the others."""

    item: SourceItem
    is_plan: bool
    parent: str
    """The id of its plan; empty: none."""
    depends_on: tuple[str, ...]
    """Ids of tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSource:
    """A source as it comes in."""

    kind: SourceKind
    name: str
    items: tuple[PlannedItem, ...]
    skipped: int
    problems: tuple[Remark, ...]
    notices: tuple[Remark, ...]

    def count(self, status: ItemStatus) -> int:
        """How many tasks have this status."""
        return sum(not one.is_plan and one.item.status is status for one in self.items)

    @property
    def plans(self) -> int:
        return sum(one.is_plan for one in self.items)

    @property
    def tasks(self) -> int:
        return len(self.items) - self.plans


def plan_source(source: ParsedSource) -> PlannedSource:
    """Decide what becomes of the items of one source."""
    return _Planner(source).planned()


class _Planner:
    def __init__(self, source: ParsedSource) -> None:
        self._source = source
        self._items = {item.key: item for item in source.items}
        self._problems, self._notices = list(source.problems), list(source.notices)
        self._parents = {item.key: self._usable_parent(item) for item in source.items}
        self._plans = {item.key for item in source.items if item.is_plan}
        self._plans.update(parent for parent in self._parents.values() if parent)
        self._within = self._tasks_within()
        self._written = {item.key: tuple(self._known(item)) for item in source.items}

    def planned(self) -> PlannedSource:
        edges = self._edges()
        items = tuple(
            PlannedItem(
                item=item, is_plan=item.key in self._plans, parent=self._id(self._parents[item.key]),
                depends_on=tuple(self._items[key].id for key in edges.get(item.key, ())),
            )
            for item in self._source.items
        )  # fmt: skip
        return PlannedSource(
            kind=self._source.kind, name=self._source.name, items=items, skipped=self._source.skipped,
            problems=tuple(self._problems), notices=tuple(self._notices),
        )  # fmt: skip

    def _id(self, key: str) -> str:
        return self._items[key].id if key else ""

    def _usable_parent(self, item: SourceItem) -> str:
        if not item.parent:
            return ""
        if item.parent not in self._items:
            if item.parent not in self._source.left_out:
                message = f"`{item.key}` names a parent `{item.parent}` that is not there: it comes in without a plan"
                self._notices.append(Remark(place=item.place, message=message))
            return ""
        above, seen = item.parent, {item.key}
        while above:
            if above in seen:
                self._problems.append(Remark(place=item.place, message=f"`{item.key}` lies below itself"))
                return ""
            seen.add(above)
            parent = self._items[above].parent
            above = parent if parent in self._items else ""
        return item.parent

    def _tasks_within(self) -> dict[str, list[str]]:
        """The tasks in each plan and below it, in the order of the source."""
        found: dict[str, list[str]] = {plan: [] for plan in self._plans}
        for key in self._items:
            if key not in self._plans:
                for plan in self._above(key):
                    found[plan].append(key)
        return found

    def _above(self, key: str) -> Iterator[str]:
        above = self._parents[key]
        while above:
            yield above
            above = self._parents[above]

    def _known(self, item: SourceItem) -> Iterator[str]:
        """The items that it waits for, as written; what is skipped or cancelled is left out."""
        for reference in item.depends_on:
            other = self._items.get(reference.key)
            if other is None:
                self._report_unknown(item, reference)
            elif other.key != item.key and (other.status is not ItemStatus.CANCELLED or other.key in self._plans):
                yield other.key

    def _report_unknown(self, item: SourceItem, reference: Reference) -> None:
        if reference.key not in self._source.left_out:
            message = f"`{item.key}` waits for `{reference.key}`, which is not there: it comes in without that"
            self._problems.append(Remark(place=reference.place, message=message))

    # ---- edges

    def _edges(self) -> dict[str, list[str]]:
        """The tasks that each task waits for."""
        inner = {key: [one for one in self._written[key] if one not in self._plans] for key in self._items}
        found: dict[str, dict[str, None]] = {
            key: dict.fromkeys(inner[key]) for key in self._items if key not in self._plans
        }
        for key, needs in self._written.items():
            for need in needs:
                if key in self._plans or need in self._plans:
                    self._add(found, key, need, inner)
        return {key: list(needs) for key, needs in found.items()}

    def _add(self, found: dict[str, dict[str, None]], key: str, need: str, inner: Mapping[str, list[str]]) -> None:
        """An edge from or to a plan; none stays within the plan."""
        mine, theirs = self._within.get(key, [key]), self._within.get(need, [need])
        if key in theirs or need in mine or need in (*self._above(key),) or key in (*self._above(need),):
            return
        starts = self._first_open(mine, inner) if key in self._plans else [key]
        ends = self._last_open(theirs, inner) if need in self._plans else [need]
        for start in starts:
            found[start].update(dict.fromkeys(end for end in ends if end != start))

    def _open(self, tasks: list[str]) -> list[str]:
        return [task for task in tasks if self._items[task].status is ItemStatus.DRAFT]

    def _first_open(self, tasks: list[str], inner: Mapping[str, list[str]]) -> list[str]:
        """Open tasks that wait for no other open one of these."""
        among = set(self._open(tasks))
        return [task for task in self._open(tasks) if among.isdisjoint(inner[task])]

    def _last_open(self, tasks: list[str], inner: Mapping[str, list[str]]) -> list[str]:
        """Open tasks that no other open one of these waits for."""
        among = self._open(tasks)
        awaited = {need for task in among for need in inner[task]}
        return [task for task in among if task not in awaited]
