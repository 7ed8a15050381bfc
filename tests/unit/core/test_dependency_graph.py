from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.dependency_graph import ChainLengths, critical_path_lengths, cycle_through, cycles

NAMES = st.sampled_from("abcdefg")
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=4))
Graph = Mapping[str, Sequence[str]]


def reachable(start: str, needs: Graph) -> set[str]:
    """Everything that can be walked to from `start` in one step or more."""
    found: set[str] = set()
    pending = list(needs.get(start, ()))
    while pending:
        task = pending.pop()
        if task not in found:
            found.add(task)
            pending += needs.get(task, ())
    return found


def longest_chain(task: str, needs: Graph) -> int:
    """The longest path of dependants from `task` in a graph without cycles, tried one by one."""
    dependants = [other for other, wants in needs.items() if task in wants]
    return 1 + max((longest_chain(other, needs) for other in dependants), default=0)


@given(GRAPHS)
def test_who_is_on_a_cycle(needs: Graph) -> None:
    assert set(cycles(needs)) == {task for task in needs if task in reachable(task, needs)}


@given(GRAPHS, NAMES)
def test_a_cycle_is_a_walk_back_to_its_start(needs: Graph, start: str) -> None:
    cycle = cycle_through(start, needs)
    assert bool(cycle) == (start in reachable(start, needs))
    if cycle:
        assert cycle[0] == cycle[-1] == start
        assert len(set(cycle[1:])) == len(cycle) - 1, "nothing is walked through twice"
        assert all(needed in needs[task] for task, needed in pairwise(cycle))


@given(GRAPHS)
def test_weight_is_the_longest_chain_of_dependants(needs: Graph) -> None:
    tame = {task: [n for n in wants if task not in reachable(task, needs)] for task, wants in needs.items()}
    everyone = sorted({*tame, *(n for wants in tame.values() for n in wants)})
    assert critical_path_lengths(everyone, tame) == {task: longest_chain(task, tame) for task in everyone}


@given(GRAPHS)
def test_weights_end_on_any_graph(needs: Graph) -> None:
    assert all(weight >= 1 for weight in critical_path_lengths(needs, needs).values())


def test_a_deep_chain_needs_no_recursion() -> None:
    depth = 5000
    chain = {str(n): [str(n + 1)] for n in range(depth)}
    assert cycles(chain) == {}
    assert critical_path_lengths([str(depth)], chain)[str(depth)] == depth + 1
    assert cycle_through("0", {**chain, str(depth): ["0"]})[:3] == ("0", "1", "2")


def test_a_task_that_needs_itself() -> None:
    assert cycles({"a": ["a"], "b": ["a"]}) == {"a": ("a", "a")}


@given(st.lists(st.dictionaries(NAMES, st.lists(NAMES, max_size=3), max_size=3), max_size=8))
def test_lengths_that_are_kept_are_those_that_are_measured(changes: list[dict[str, list[str]]]) -> None:
    lengths, needs = ChainLengths(), dict[str, list[str]]()
    for change in changes:
        before = {task: lengths.of(task) for task in "abcdefg"}
        changed = lengths.replace(change)
        assert changed >= {task for task in "abcdefg" if lengths.of(task) != before[task]}, "each change is told"
        needs.update(change)
        if not cycles(needs):
            assert {task: lengths.of(task) for task in "abcdefg"} == critical_path_lengths("abcdefg", needs)


def test_lengths_follow_a_cycle_that_is_made_and_taken_apart() -> None:
    lengths = ChainLengths()
    lengths.replace({"b": ["a"], "c": ["b"]})
    lengths.replace({"a": ["c"]})
    assert lengths.of("a") >= 1
    lengths.replace({"a": []})
    assert [lengths.of(task) for task in "abc"] == [3, 2, 1]
