"""Tasks that plans make, whose plans make tasks: how deep that goes."""

from __future__ import annotations

from pathlib import Path

from coworkd.agents.port import Assignment, TextWritten
from coworkd.agents.testing import ScriptSteps
from coworkd.core.model import Status
from coworkd.dispatch.runs.plan_mode import MAX_GENERATIONS
from coworkd.store.problems import all_problems
from tests.integration.dispatchkit import Bench


def _plans_another(order: Assignment) -> ScriptSteps:
    block = f"```task next-{order.task}\ntitle: Next\nagent: main\nmode: plan\n---\nPlan on.\n```\n"
    yield TextWritten(text=f"# Plan\n\n{block}")


def test_plans_make_tasks_that_plan_only_so_many_times_over(tmp_path: Path) -> None:
    bench = Bench(tmp_path, _plans_another)
    bench.config("approve: []\n")
    bench.agent("main", driver="replay")
    bench.task("a", mode="plan")
    task = "a"
    for _ in range(MAX_GENERATIONS):
        bench.turn()
        bench.turn()
        assert bench.status(task) is Status.DONE
        task = f"next-{task}"
        assert bench.status(task) is Status.DRAFT, "a person starts what a plan has made"
        bench.write(f"tasks/{task}.md", "status: draft", "status: ready")
    bench.turn()
    bench.turn()
    assert bench.status(task) is Status.DONE
    assert bench.place.db.scalar("SELECT count(*) FROM tasks") == MAX_GENERATIONS + 1
    (problem,) = all_problems(bench.db)
    assert problem.path == f"tasks/{task}.md"
    assert "its plan makes no tasks: it was itself made by a plan, 3 times over" in problem.message
    bench.close()
