"""What happened, where a line comes from, and what it cost."""

from __future__ import annotations

from tests.acceptance.workbench import Workbench

EDIT = """
echo "written by $COWORK_TASK" >> app.py
"""


def test_from_a_line_to_whoever_approved_it(w: Workbench) -> None:
    w.agent("ed", EDIT)
    w.config("agent: ed\nverify: ['true']\n")
    w.task("t", plan="ui")
    w.up()
    w.until("t", "review")
    w.wait("the review", lambda: w.field("reviews/t.md", "approval") == "pending")
    w.cmd("approve", "t")
    w.until("t", "done")
    tip = w.git("rev-parse", "cowork/integration")

    why = w.json("why", "app.py:2")
    run = w.json("show", "t")["runs"][0]["id"]
    assert (why["task"], why["run"], why["agent"], why["landing"]) == ("t", run, "ed", tip)
    assert why["approved"] == "person (command), reviews/t.md"
    assert [(check["command"], check["exit"]) for check in why["checks"]] == [("true", 0)]
    assert w.json("why", tip)["task"] == "t"
    by_hand = w.json("why", "app.py:1")
    assert (by_hand["task"], by_hand["landing"]) == ("", "")
    assert "committed by hand" in w.cmd("why", "app.py:1").stdout
    assert f"run       {run} by ed" in w.cmd("why", "app.py:2").stdout
    for wrong in ("app.py:99", "none.py:1", "nothing"):
        assert w.cmd("why", wrong, check=False).returncode == 1

    entries = w.json("log", "t")["entries"]
    told = [(entry["who"], entry["what"]) for entry in entries]
    assert ("person", "saved tasks/t.md") in told
    assert ("agent", f"run {run} handed in submission 1") in told
    assert ("person (command)", "answered approved reviews/t.md") in told
    assert ("agent", f"run {run} handed in submission 1") in told
    assert ("daemon", f"submission 1 landed as {tip}") in told
    assert [entry["id"] for entry in entries] == sorted(entry["id"] for entry in entries)
    assert len(w.json("log", "--last", "3")["entries"]) == 3
    assert "person (command)   answered approved reviews/t.md" in w.cmd("log", "t").stdout

    cost = w.json("cost", "t")
    assert [(one["run"], one["plan"], one["cost_usd"], one["tokens"]) for one in cost["runs"]] == [
        (run, "ui", None, None)
    ]
    assert [(one["name"], one["cost_usd"], one["unknown"]) for one in cost["plans"]] == [("ui", None, 1)]
    assert "unknown" in w.cmd("cost").stdout

    stats = w.json("stats")
    assert {name: stats[name]["n"] for name in ("queue", "start", "run", "wait", "verify", "land")} == {
        "queue": 1, "start": 1, "run": 1, "wait": 1, "verify": 1, "land": 1
    }  # fmt: skip
    assert 0 <= stats["run"]["median"] == stats["run"]["p90"]
    assert stats["first_token"] == {"n": 0, "median": None, "p90": None}, "the program has printed nothing"
    assert (stats["runs"], stats["cost"]) == ({"done": 1}, {"usd": None, "unknown": 1})
    shown = w.cmd("stats", "--days", "1", "--agent", "ed").stdout
    assert "1 runs (1 done)" in shown
    assert "not known" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert w.cmd("stats", "--agent", "nobody", check=False).returncode == 2

    # Without the database the answers come from the records, the audit and the repository.
    w.down()
    for file in (w.repo / ".git/cowork").glob("state.db*"):
        file.unlink()
    again = w.json("why", "app.py:2")
    assert again == why
    assert [entry["id"] for entry in w.json("log", "t")["entries"]][: len(entries)] == [e["id"] for e in entries]
