"""What happened, where a line comes from, and what it cost."""

from __future__ import annotations

import json

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
    waiting = w.json("why", "refs/cowork/sub/t/1")
    assert (waiting["task"], waiting["state"], waiting["landing"]) == ("t", "green", "")
    assert "It has not landed here: it is green." in w.cmd("why", "refs/cowork/sub/t/1").stdout
    w.cmd("approve", "t")
    w.until("t", "done")
    tip = w.git("rev-parse", "cowork/integration")

    why = w.json("why", "app.py:2")
    run = w.json("show", "t")["runs"][0]["id"]
    assert (why["task"], why["run"], why["agent"], why["landing"]) == ("t", run, "ed", tip)
    assert why["approved"] == "person (command), reviews/t.md"
    assert why["approved_at"].endswith("Z")
    assert (why["seen_in"], why["line"], why["known_by"]) == ("cowork/integration", "written by t", "merge")
    assert why["text"].strip() == "Do it."
    assert (why["review"], why["risk"], why["cost_usd"]) == ("reviews/t.md", "low", None)
    assert why["proof"] == "the changed file is in the result as submitted; nothing else differs from the tip"
    assert why["verified_tree"] == why["landed_tree"] == w.git("rev-parse", f"{tip}^{{tree}}")
    assert [check["log"] for check in why["checks"]] == ["reviews/t.d/check-1.log"]
    assert [(check["command"], check["exit"]) for check in why["checks"]] == [("true", 0)]
    assert w.json("why", tip)["task"] == "t"
    by_hand = w.json("why", "app.py:1")
    assert (by_hand["task"], by_hand["landing"]) == ("", "")
    assert "committed by hand" in w.cmd("why", "app.py:1").stdout
    said = w.cmd("why", "app.py:2").stdout
    for part in (f"run       {run} by ed", "Nothing lost: the changed file", "approved  person (command)", "Do it."):
        assert part in said
    assert max(map(len, said.splitlines())) <= 80
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


def test_a_teammates_clone_says_what_the_merge_and_the_committed_files_know(w: Workbench) -> None:
    w.agent("ed", EDIT)
    w.config("agent: ed\nverify: ['true']\n")
    w.task("t")
    w.up()
    w.until("t", "review")
    w.wait("the review", lambda: w.field("reviews/t.md", "approval") == "pending")
    w.cmd("approve", "t")
    w.until("t", "done")
    w.wait("the record", lambda: list(w.cow("log").glob("*/*.json")))
    here = w.json("why", "app.py:2")
    w.cmd("land")
    w.down()
    bare, whole = w.root / "bare", w.root / "whole"
    w.git("clone", "-q", str(w.repo), str(bare))
    w.cmd("commit")
    w.git("clone", "-q", str(w.repo), str(whole))

    said = json.loads(w.cmd("why", "app.py:2", "--json", cwd=bare).stdout)
    assert (said["task"], said["attempt"], said["landing"], said["known_by"]) == ("t", "1", here["landing"], "trailers")
    assert (said["run"], said["approved"], said["proof"]) == ("", "", "")
    assert "not known" in w.cmd("why", "app.py:2", cwd=bare).stdout
    assert w.cmd("why", "app.py:1", cwd=bare, check=False).returncode == 3

    said = json.loads(w.cmd("why", "app.py:2", "--json", cwd=whole).stdout)
    same = ("task", "title", "run", "agent", "level", "review", "risk", "proof", "verified_tree", "text", "landing")
    assert {name: said[name] for name in same} == {name: here[name] for name in same}
    assert said["approved"] == "approved, as reviews/t.md says"
    assert [(one["command"], one["exit"], one["log"]) for one in said["checks"]] == [("true", 0, "")]


def test_a_squash_by_hand_still_leads_to_the_run(w: Workbench) -> None:
    w.agent("ed", EDIT)
    w.config("agent: ed\nverify: ['true']\napprove: []\n")
    w.up()
    for task in ("one", "two"):
        w.task(task)
        w.until(task, "done")
    w.git("merge", "-q", "--squash", "cowork/integration")
    w.git("commit", "-qm", "Both at once")
    w.wait("the branch starts again", lambda: w.git("rev-parse", "cowork/integration") == w.git("rev-parse", "main"))
    for line, task in ((2, "one"), (3, "two")):
        why = w.json("why", f"app.py:{line}")
        assert (why["task"], why["known_by"]) == (task, "squash")
        assert why["run"] == w.json("show", task)["runs"][0]["id"]
        assert why["approved"] == "no approval was required"
    assert w.json("why", "main")["together"] == ["one", "two"]
    assert "it is one commit for one, two" in w.cmd("why", "main").stdout
