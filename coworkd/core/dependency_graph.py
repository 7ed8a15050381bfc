"""Dependencies between tasks: what blocks what, cycles, order.

Pure: ids in, ids out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence


def cycle_through(start: str, needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A cycle that `start` is on, beginning and ending with it; empty when there is none."""
    trail: list[str] = [start]
    iterators = [iter(needs.get(start, ()))]
    seen: set[str] = set()
    while iterators:
        for following in iterators[-1]:
            if following == start:
                return (*trail, start)
            if following not in seen:
                seen.add(following)
                trail.append(following)
                iterators.append(iter(needs.get(following, ())))
                break
        else:
            iterators.pop()
            trail.pop()
    return ()


def cycles(needs: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Every task that is on a cycle, with one such cycle."""
    suspects = _left_after_peeling(needs)
    found = {task: cycle_through(task, needs) for task in sorted(suspects)}
    return {task: cycle for task, cycle in found.items() if cycle}


def _left_after_peeling(needs: Mapping[str, Sequence[str]]) -> set[str]:
    """What remains once tasks that need nothing remaining are taken away again and again."""
    dependants: dict[str, list[str]] = {}
    missing = {task: len({n for n in wants if n in needs}) for task, wants in needs.items()}
    for task, wants in needs.items():
        for needed in set(wants):
            dependants.setdefault(needed, []).append(task)
    free = [task for task, count in missing.items() if not count]
    left = set(needs)
    while free:
        task = free.pop()
        left.discard(task)
        for dependant in dependants.get(task, ()):
            missing[dependant] -= 1
            if not missing[dependant]:
                free.append(dependant)
    return left


def critical_path_lengths(tasks: Iterable[str], needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How long a chain of dependants hangs on each task: the critical path, counted in tasks."""
    dependants: dict[str, list[str]] = {}
    for task, wants in needs.items():
        for needed in wants:
            dependants.setdefault(needed, []).append(task)
    depth: dict[str, int] = {}
    for task in tasks:
        _measure(task, dependants, depth)
    return depth


def _measure(root: str, dependants: Mapping[str, Sequence[str]], depth: dict[str, int]) -> None:
    """Depth-first without recursion; a cycle counts as no further length."""
    stack: list[tuple[str, bool]] = [(root, False)]
    open_: set[str] = set()
    while stack:
        task, leaving = stack.pop()
        if leaving:
            depth[task] = 1 + max((depth.get(d, 0) for d in dependants.get(task, ())), default=0)
        elif task not in depth and task not in open_:
            open_.add(task)
            stack.append((task, True))
            stack.extend((d, False) for d in dependants.get(task, ()))


class ChainLengths:
    """How long a chain of dependants hangs on each task, kept while dependencies change.

    A change is carried on from task to task to what these depend on, and no further than lengths change. Lengths on a
    cycle have no such order: while there is a cycle, all are measured again.
    """

    def __init__(self) -> None:
        self._needs: dict[str, frozenset[str]] = {}
        self._dependants: dict[str, set[str]] = {}
        self._lengths: dict[str, int] = {}
        self._cyclic = False

    def of(self, task: str) -> int:
        """The length of the task's chain, itself included."""
        return self._lengths.get(task, 1)

    def replace(self, needs: Mapping[str, Iterable[str]]) -> set[str]:
        """Let each of these tasks depend on exactly what is given for it. Returns the tasks whose length may change."""
        touched: set[str] = set()
        for task, wanted in needs.items():
            touched |= self._replace_one(task, frozenset(wanted))
        if touched and self._cyclic:
            return self._measure_all()
        changed = self._carry_on(touched)
        return self._measure_all() if changed is None else changed

    def _replace_one(self, task: str, after: frozenset[str]) -> frozenset[str]:
        """Returns what depends on the task since now, or no longer does."""
        before = self._needs.pop(task, frozenset())
        if after:
            self._needs[task] = after
        for needed in before - after:
            self._dependants[needed].discard(task)
        for needed in after - before:
            self._dependants.setdefault(needed, set()).add(task)
        return before ^ after

    def _carry_on(self, touched: Iterable[str]) -> set[str] | None:
        """Measure these tasks, and on from each whose length changes; those. None when the lengths show a cycle."""
        pending = deque(touched)
        changed: set[str] = set()
        longest = len(self._dependants) + len(self._needs) + 1
        while pending:
            task = pending.popleft()
            length = 1 + max((self.of(dependant) for dependant in self._dependants.get(task, ())), default=0)
            if length > longest:
                return None
            if length != self.of(task):
                self._lengths[task] = length
                changed.add(task)
                pending.extend(self._needs.get(task, ()))
        return changed

    def _measure_all(self) -> set[str]:
        """Returns every task that has or had a length: some may have been changed already when a cycle showed."""
        needs = {task: tuple(sorted(wanted)) for task, wanted in self._needs.items()}
        self._cyclic = bool(_left_after_peeling(needs))
        tasks = {*needs, *(needed for wanted in needs.values() for needed in wanted)}
        before, self._lengths = self._lengths, critical_path_lengths(sorted(tasks), needs)
        return before.keys() | self._lengths.keys()
