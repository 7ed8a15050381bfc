"""Plans in a hierarchy: what waits for an earlier phase, and how far each is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.acceptance.landing.site import Site

GATED = """
cat > /dev/null
echo "$COWORK_TASK" > "made.$COWORK_TASK"
while [ ! -e "@GATES@/$COWORK_TASK" ]; do read -rt 0.1 < <(tail -f /dev/null) || true; done
echo done
"""


def plans(w: Site) -> dict[str, Any]:
    return {plan["id"]: plan for plan in json.loads(w.cmd("plan", "--json").stdout)["plans"]}


def plan(w: Site, name: str, header: str) -> None:
    w.write(f".cowork/plans/{name}.md", f"---\n{header}---\n# Plan {name}\n")


def test_a_phase_waits_for_the_phase_before_it(w: Site) -> None:
    gates = w.scratch
    w.agent("ed", GATED.replace("@GATES@", str(gates)))
    w.config('approve: []\nverify: ["true"]\n')
    plan(w, "goal", "level: initiative\nsequential: true\n")
    for name, order in (("build", "2"), ("check", "2.1"), ("ship", "3")):
        plan(w, name, f"level: phase\nparent: goal\norder: {order}\n")
    w.up()
    for task, phase in (("c", "ship"), ("b", "check"), ("a", "build")):
        w.task(task, f"plan: {phase}\n")
    w.until("a", "running")
    listed = [" ".join(line.split()[:4]) for line in w.cmd("status").stdout.splitlines()]
    assert listed.index("plan 2 Plan build:") < listed.index("plan 3 Plan ship:")
    assert w.card("b")["why"] == "waits for the plan `build`, which comes before it"
    assert (w.card("b")["blocked_by"], w.card("c")["blocked_by"]) == (["a"], ["a"])
    assert [w.card(task)["status"] for task in "bc"] == ["ready", "ready"]
    (gates / "a").touch()
    w.until("b", "running")
    assert w.card("c")["why"] == "waits for the plan `check`, which comes before it"
    found = plans(w)
    assert [found[name]["status"] for name in ("goal", "build", "check", "ship")] == [
        "running", "done", "running", "ready"
    ]  # fmt: skip
    assert (found["goal"]["progress"], found["goal"]["tasks"], found["goal"]["done"]) == (0.3333, 3, 1)
    for task in "bc":
        (gates / task).touch()
    w.until("c", "done")
    w.wait("the plans", lambda: "**done**, 3 of 3 tasks done, 100%" in w.text("plans.md"))
    shown = w.cmd("plan", "goal").stdout
    assert "Plan goal: 3 of 3 tasks done, 100%" in " ".join(shown.split())
    assert [line.split()[:3] for line in shown.splitlines()[-3:]] == [
        ["wave", "1", "a"], ["wave", "2", "b"], ["wave", "3", "c"]
    ]  # fmt: skip
    assert "cowork:" not in w.text("plans/goal.md"), "nothing is written into plan files"


def test_a_plan_that_is_its_own_parent_is_a_problem_with_its_line(w: Site) -> None:
    w.config("approve: []\n")
    plan(w, "a", "title: A\nparent: b\n")
    plan(w, "b", "parent: a\norder: 1.x\n")
    w.up()
    w.wait("the line", lambda: ("plans/b.md", 3) in {(p["path"], p["line"]) for p in w.board()["problems"]})
    plan(w, "b", "parent: a\n")
    expected = {("plans/a.md", 3), ("plans/b.md", 2)}
    w.wait("both", lambda: {(p["path"], p["line"]) for p in w.board()["problems"]} == expected)
    unknown = w.cmd("plan", "nowhere", check=False)
    assert (unknown.returncode, "`coworkd plan` lists them" in unknown.stderr) == (2, True)


def test_the_example_of_the_documentation_is_shown_as_it_says(w: Site) -> None:
    page = (Path(__file__).parents[3] / "docs" / "plans.md").read_text()
    w.config("approve: []\n")
    for name in ("shop", "catalogue", "checkout"):
        w.write(f".cowork/plans/{name}.md", fenced(page, f"`plans/{name}.md`:"))
    for task in ("photos", "prices"):
        w.write(f".cowork/tasks/{task}.md", "---\nstatus: draft\nplan: catalogue\n---\nDo it.\n")
    w.write(".cowork/tasks/pay.md", fenced(page, "A task belongs to a plan by `plan`:"))
    w.up()
    w.wait(
        "all of it", lambda: w.cmd("plan").stdout.strip() == fenced(page, "have an `order`.").partition("\n")[2].strip()
    )
    assert w.card("pay")["why"] == "waits for the plan `catalogue`, which comes before it"


def fenced(page: str, after: str) -> str:
    """The first fenced block after these words."""
    return page.partition(after)[2].partition("```")[2].partition("\n")[2].partition("```")[0]
