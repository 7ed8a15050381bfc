from __future__ import annotations

from coworkd.core.plan_order import parse_order
from coworkd.core.plan_tree import MAX_DEPTH, PlanNode, PlanTree


def plan(name: str, parent: str = "", order: str = "", *, sequential: bool = False, size: float = 1.0) -> PlanNode:
    return PlanNode(
        id=name, path=f"plans/{name}.md", parent=parent, parent_line=2 if parent else 0,
        order=parse_order(order) or (), sequential=sequential, size=size,
    )  # fmt: skip


def test_children_are_in_the_order_of_their_places() -> None:
    tree = PlanTree(
        [plan("top"), plan("b", "top", "2.10"), plan("a", "top", "2.9"), plan("c", "top"), plan("d", "top")]
    )
    assert [child.id for child in tree.children("top")] == ["a", "b", "c", "d"]
    assert [node.id for node in tree.bottom_up()] == ["a", "b", "c", "d", "top"]
    assert list(tree.above("a")) == ["a", "top"]
    assert tree.problems == []


def test_an_unknown_parent_is_a_problem_with_its_line() -> None:
    tree = PlanTree([plan("a", "nowhere")])
    assert [(problem.path, problem.line) for problem in tree.problems] == [("plans/a.md", 2)]
    assert "plans/nowhere.md" in tree.problems[0].message
    assert tree.parent("a") == ""


def test_every_plan_of_a_cycle_is_told_of_it_and_stands_at_the_top() -> None:
    tree = PlanTree([plan("a", "b"), plan("b", "c"), plan("c", "a"), plan("under", "a")])
    assert [(problem.path, problem.message) for problem in tree.problems] == [
        ("plans/a.md", "is its own parent: a -> b -> c -> a; take one `parent` out"),
        ("plans/b.md", "is its own parent: b -> c -> a -> b; take one `parent` out"),
        ("plans/c.md", "is its own parent: c -> a -> b -> c; take one `parent` out"),
    ]
    assert sorted(node.id for node in tree.bottom_up()) == ["a", "b", "c", "under"]
    assert tree.parent("under") == "a"


def test_plans_lie_under_so_many_at_most() -> None:
    chain = [plan("p0"), *(plan(f"p{number}", f"p{number - 1}") for number in range(1, MAX_DEPTH + 2))]
    tree = PlanTree(chain)
    assert {problem.path for problem in tree.problems} == {f"plans/p{MAX_DEPTH}.md", f"plans/p{MAX_DEPTH + 1}.md"}
    assert len(list(tree.bottom_up())) == len(chain)


def test_of_two_files_with_one_id_the_first_counts() -> None:
    other = PlanNode(id="a", path="plans/old/a.md", title="second")
    tree = PlanTree([other, plan("a")])
    assert [(problem.path, problem.line) for problem in tree.problems] == [("plans/old/a.md", 1)]
    found = tree.find("a")
    assert found is not None
    assert found.path == "plans/a.md"
