"""`mode: plan`: an agent that only reads ends in a plan file, and a yes makes tasks of it."""

from __future__ import annotations

import json
import re

from tests.acceptance.workbench import Workbench

PLAN = r"""
cat > prompt.txt; echo stray > stray.txt
printf '## Problem\n\nToo dark.\n\n## Steps\n\n```task colours\ntitle: Name the colours\n---\nDo it.\n```\n\n'
printf '```task switch\ntitle: Switch\ndepends_on: [colours]\n---\nA button.\n```\n'
"""


def _planned(w: Workbench, **more: str) -> str:
    w.agent("planner", PLAN)
    w.config("agent: planner\n")
    w.task("ui", mode="plan", **more)
    w.up()
    w.until("ui", "review")
    w.wait("the plan", lambda: w.field("plans/ui.md", "approval") == "pending")
    return w.text("plans/ui.md")


def _request(w: Workbench) -> str:
    found = re.search(r"^  request: (\w+)$", w.text("plans/ui.md"), re.MULTILINE)
    return found[1] if found else ""


def test_an_approved_plan_becomes_drafts(w: Workbench) -> None:
    text = _planned(w)
    assert "Too dark." in text
    waits = json.loads(w.cmd("status", "--json").stdout)["waiting"]
    assert [(item["kind"], item["path"], item["task"]) for item in waits] == [("plan", "plans/ui.md", "ui")]
    edited = text.replace("A button.", "A key.").replace("approval: pending", "approval: approved")
    w.write(".cowork/plans/ui.md", edited)
    w.until("ui", "done")
    w.until("switch", "draft")
    assert "A key." in w.text("tasks/switch.md")
    assert w.field("tasks/colours.md", "plan") == "ui"
    tasks = {task["id"]: task for task in json.loads(w.cmd("status", "--json").stdout)["tasks"]}
    assert tasks["switch"]["blocked_by"] == ["colours"]
    assert tasks["colours"]["status"] == "draft"
    kept = w.git("for-each-ref", "--format=%(refname)", "refs/cowork/snap/ui").splitlines()
    assert "stray.txt" in w.git("ls-tree", "-r", "--name-only", kept[0])
    assert w.git("for-each-ref", "refs/cowork/sub") == ""
    w.cmd("ready", "colours")
    w.until("colours", "review", "running", "ready")


def test_changes_ask_for_another_plan_and_a_no_ends_it(w: Workbench) -> None:
    text = _planned(w)
    asked = text.replace("approval: pending", "approval: changes\ncomment: shorter please")
    w.write(".cowork/plans/ui.md", asked.replace("Too dark.", "Too dark.\n\nAnd too wordy."))
    old = _request(w)
    w.wait("another plan", lambda: _request(w) not in (old, ""))
    kept = w.git("for-each-ref", "--format=%(refname)", "refs/cowork/snap/ui").splitlines()
    prompt = w.git("show", f"{kept[-1]}:prompt.txt")
    assert "shorter please" in prompt
    assert "And too wordy." in prompt
    w.set("plans/ui.md", "approval", "rejected")
    w.until("ui", "failed")
    assert not w.cow("tasks/colours.md").exists()


def test_an_approval_to_an_older_plan_is_void(w: Workbench) -> None:
    text = _planned(w)
    old = _request(w)
    w.set("tasks/ui.md", "status", "ready")
    w.wait("another plan", lambda: _request(w) not in (old, ""))
    w.until("ui", "review")
    w.write(".cowork/plans/ui.md", text.replace("approval: pending", "approval: approved"))
    w.wait("the reason", lambda: "older version" in w.cmd("status").stdout)
    assert w.status("ui") == "review"


def test_a_plan_that_waits_outlives_the_database(w: Workbench) -> None:
    _planned(w)
    w.down()
    for file in (w.repo / ".git" / "cowork").glob("state.db*"):
        file.unlink()
    old = _request(w)
    w.up()
    w.wait("the question", lambda: _request(w) not in (old, ""))
    w.cmd("approve", "ui")
    w.until("ui", "done")
    w.until("colours", "draft")


def test_tasks_of_a_plan_depend_on_each_other_and_not_on_older_tasks_of_the_same_name(w: Workbench) -> None:
    w.task("colours", "Something else.", status="draft")
    _planned(w)
    w.cmd("approve", "ui")
    w.until("switch", "draft")
    tasks = {task["id"]: task for task in w.json("status")["tasks"]}
    assert tasks["colours-2"]["title"] == "Name the colours"
    assert tasks["switch"]["blocked_by"] == ["colours-2"]
