"""Agents that a pattern names: one that cannot run holds the task, as an unknown `agent` does."""

from __future__ import annotations

from pathlib import Path

from coworkd.core.model import PatternName, Status
from coworkd.store.problems import all_problems
from tests.integration.dispatchkit import Bench, says


def test_a_member_that_is_not_known_is_a_problem_of_the_task(tmp_path: Path) -> None:
    bench = Bench(tmp_path, says())
    bench.config("")
    bench.agent("main")
    bench.task("a", pattern="{name: solo, members: [ghost]}")
    bench.turn()
    (problem,) = all_problems(bench.db)
    assert problem.path == "tasks/a.md"
    assert "`members`: agent `ghost` is not known: there is no agents/ghost.md" in problem.message
    assert (bench.status(), bench.given) == (Status.READY, [])
    bench.agent("ghost")
    bench.turn()
    bench.turn()
    assert (all_problems(bench.db), len(bench.given)) == ([], 1)
    bench.close()


def test_a_task_takes_what_it_leaves_open_from_the_settings(tmp_path: Path) -> None:
    bench = Bench(tmp_path, says())
    bench.config("patterns: {team: {members: [x, y], judges: [z]}}\n")
    bench.agent("main")
    bench.task("a", pattern="{name: team, judges: [main]}")
    bench.turn()
    pattern = bench.board.specs.task("tasks/a.md").pattern
    assert (pattern.name, pattern.members, pattern.judges) == (PatternName.TEAM, ("x", "y"), ("main",))
    bench.close()
