"""Money: what would pass a cap does not start and says so, and starts when there is more to use."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.workbench import Workbench


def recording(w: Workbench, task: str, *costs: float, pause: float = 0.0) -> None:
    """A session of one task: a turn for each cost, and a pause of so many seconds before its end."""
    steps: list[dict[str, object]] = [{"recording": 1, "agent": "player", "model": "recorded"}]
    for number, cost in enumerate(costs, 1):
        steps.append({"write": f"{task}.txt", "text": f"turn {number}\n"})
        steps.append({"usage": {"input": 1000, "output": 100, "cost_usd": cost}})
    if pause:
        steps.append({"pause": pause})
    steps.append({"end": "done", "message": "all of it"})
    w.write(f".cowork/recordings/{task}.jsonl", "".join(json.dumps(step) + "\n" for step in steps))


@pytest.fixture
def player(w: Workbench) -> Workbench:
    w.write(".cowork/agents/player.md", "---\ndriver: replay\nrecording: recordings\n---\n")
    return w


def config(w: Workbench, usd_per_day: float, more: str = "") -> None:
    w.config(f"agent: player\napprove: []\nbudget: {{usd_per_day: {usd_per_day}}}\n{more}")


def test_two_tasks_that_together_would_pass_the_day(player: Workbench) -> None:
    w = player
    config(w, 0.10)
    recording(w, "first", 0.04, 0.06)
    recording(w, "second", 0.05)
    w.task("first", priority="high")
    w.task("second", depends_on="[first]")
    w.up()
    w.until("first", "done")
    why = w.wait("the reason", lambda: w.card("second")["why"])
    w.wait("the budget is the reason", lambda: "$0.10 of $0.10 in 24 hours" in w.card("second")["why"])
    assert "raise `budget: {usd_per_day}` in config.yaml" in w.card("second")["why"], why
    w.stays("it does not start", lambda: not w.json("show", "second")["runs"])
    assert "$0.10" in w.cmd("status").stdout
    config(w, 0.20)
    w.until("second", "done")
    assert w.json("status")["cost"]["usd_today"] == pytest.approx(0.15)


def test_what_is_reserved_by_a_run_at_work_is_no_one_elses(player: Workbench) -> None:
    w = player
    w.agent("holder", "touch @SCRATCH@/up; while [ ! -e @SCRATCH@/go ]; do sleep 0.1; done; echo 1 > held")
    config(w, 0.10, "concurrency: 1\n")
    recording(w, "second", 0.05)
    w.task("first", agent="holder", priority="high")
    w.up()
    w.wait("the first is at work", lambda: (w.scratch / "up").exists())
    config(w, 0.10, "concurrency: 4\n")
    w.task("second")
    w.wait("the reason", lambda: "reserved by runs at work" in w.card("second")["why"])
    w.stays("it does not start", lambda: not w.json("show", "second")["runs"])
    (w.scratch / "go").touch()
    w.until("first", "done")
    w.until("second", "done")


def test_a_tasks_own_budget_stops_its_run_and_more_lets_it_go_on(player: Workbench) -> None:
    w = player
    config(w, 5.0)
    recording(w, "t", 0.04, 0.04, pause=300)
    w.task("t", budget="{usd: 0.05}", plan="spring")
    w.up()
    w.wait("it is stopped", lambda: "budget used up" in w.card("t")["why"])
    assert w.status("t") == "ready"
    assert "raise `budget: {usd}`" in w.card("t")["why"]
    assert len(w.json("show", "t")["runs"]) == 1
    spent = w.card("t")["cost_usd"]
    recording(w, "t", 0.04)
    w.set("tasks/t.md", "budget", "{usd: 1.0}")
    w.until("t", "done")
    plans = w.json("cost")["plans"]
    assert [(plan["name"], plan["cost_usd"] > spent) for plan in plans] == [("spring", True)]
