"""Plans in their hierarchy: which plan stands above which, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from coworkd.core.model import PlanLevel
from coworkd.core.plan_order import Order, sort_key

MAX_DEPTH = 8
"""Plans above one another; initiative, phase and plan are three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNode:
    """A plan file, as far as it matters to others."""

    id: str
    path: str
    title: str = ""
    level: PlanLevel = PlanLevel.PLAN
    parent: str = ""
    parent_line: int = 0
    """Of its file; 0: it names no parent."""
    order: Order = ()
    sequential: bool = False
    size: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanProblem:
    """What is wrong with the place of a plan in the hierarchy; it counts as one without a parent."""

    path: str
    line: int
    message: str


class PlanTree:
    """The plans of a workspace by id, each below its parent. The first file of an id counts, in the order of paths."""

    def __init__(self, nodes: Iterable[PlanNode]) -> None:
        self._nodes: dict[str, PlanNode] = {}
        self.problems: list[PlanProblem] = []
        for node in sorted(nodes, key=lambda node: node.path):
            if first := self._nodes.get(node.id):
                self._report(node, 1, f"{first.path} has the id `{node.id}`, too; give one of the files another name")
            else:
                self._nodes[node.id] = node
        self._parents = {node.id: self._usable_parent(node) for node in self._nodes.values()}
        self._children = _grouped(self._nodes.values(), self._parents)

    def __iter__(self) -> Iterator[PlanNode]:
        return iter(self._nodes.values())

    def find(self, plan: str) -> PlanNode | None:
        return self._nodes.get(plan)

    def parent(self, plan: str) -> str:
        """The plan above; empty where there is none that counts."""
        return self._parents.get(plan, "")

    def children(self, plan: str) -> Sequence[PlanNode]:
        """The plans directly below, by their places; with an empty id those that nothing is above."""
        return self._children.get(plan, ())

    def above(self, plan: str) -> Iterator[str]:
        """The plan, and each one above it, from the bottom to the top."""
        while plan:
            yield plan
            plan = self.parent(plan)

    def within(self, plan: str) -> Iterator[str]:
        """The plan, and every one below it."""
        yield plan
        for child in self.children(plan):
            yield from self.within(child.id)

    def bottom_up(self) -> Iterator[PlanNode]:
        """Every plan after all that are below it."""
        yield from self._below("")

    def _below(self, plan: str) -> Iterator[PlanNode]:
        for child in self.children(plan):
            yield from self._below(child.id)
            yield child

    def _usable_parent(self, node: PlanNode) -> str:
        if not node.parent:
            return ""
        if node.parent not in self._nodes:
            self._report(
                node,
                node.parent_line,
                f"`parent: {node.parent}` is no plan here; write plans/{node.parent}.md, or take it out",
            )
            return ""
        chain = self._written_chain(node)
        if node.id in chain:
            self._report(
                node, node.parent_line, f"is its own parent: {' -> '.join((node.id, *chain))}; take one `parent` out"
            )
            return ""
        if len(chain) >= MAX_DEPTH:
            self._report(node, node.parent_line, f"lies under {len(chain)} plans, and {MAX_DEPTH - 1} are the most")
            return ""
        # Above a cycle that it is not on itself, it stays below its parent, which then stands at the top.
        return node.parent

    def _written_chain(self, node: PlanNode) -> list[str]:
        """The plans above, as their files say, up to one that comes again."""
        chain: list[str] = []
        above = self._nodes.get(node.parent)
        while above is not None and above.id not in chain and len(chain) < MAX_DEPTH:
            chain.append(above.id)
            above = self._nodes.get(above.parent)
        return chain

    def _report(self, node: PlanNode, line: int, message: str) -> None:
        self.problems.append(PlanProblem(path=node.path, line=line, message=message))


def _grouped(nodes: Iterable[PlanNode], parents: Mapping[str, str]) -> dict[str, list[PlanNode]]:
    found: dict[str, list[PlanNode]] = {}
    for node in sorted(nodes, key=lambda node: (sort_key(node.order), node.id)):
        found.setdefault(parents[node.id], []).append(node)
    return found
