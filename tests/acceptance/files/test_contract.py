"""What programs read: the shapes of the JSON, the inbox, the exit codes."""

from __future__ import annotations

import subprocess
import sys

from tests.acceptance.files.workspace import Workspace

EDIT = 'echo made > "made.$COWORK_TASK"\necho "I did it"'
TASK = {"id", "title", "status", "agent", "path", "blocked_by", "why", "by", "cost_usd", "tokens"}


def test_shapes(work: Workspace) -> None:
    work.config("agent: ed\n")
    work.agent("ed", EDIT)
    work.up()
    work.task("one")
    work.task("two", depends_on="[one, missing]")
    work.save("tasks/bad.md", "---\nstatus: [ready\n---\n")
    work.save("messages/one/note.md", "A word.\n")
    work.approve("one")
    work.until("one", "done")
    work.problem("tasks/bad.md", "bracket")
    status = work.json("status")
    assert set(status) == {"daemon", "instance", "sandbox", "tasks", "waiting", "problems", "cost", "disk"}
    assert work.daemon is not None
    assert status["daemon"] == {"running": True, "pid": work.daemon.pid}
    assert status["instance"].startswith("anna-")
    assert set(status["cost"]) == {"usd_today"}
    for task in status["tasks"]:
        assert set(task) == TASK
    one, two = (next(t for t in status["tasks"] if t["id"] == name) for name in ("one", "two"))
    assert (one["status"], one["agent"], one["path"], one["by"]) == ("done", "ed", "tasks/one.md", status["instance"])
    assert two["blocked_by"] == ["missing"]
    assert two["agent"] == "ed"
    assert "missing" in two["why"]
    for item in status["waiting"]:
        assert {"kind", "path", "task", "since"} <= set(item)
        assert item["since"].startswith("20")
    for problem in status["problems"]:
        assert set(problem) == {"path", "line", "message"}
    assert work.json("list") == {"tasks": status["tasks"]}
    assert work.json("list", "--status", "done") == {"tasks": [one]}
    shown = work.json("show", "one")
    assert TASK | {"runs", "messages", "reviews"} <= set(shown)
    assert {"id", "attempt", "agent", "state", "reason", "started", "ended", "log", "slot"} <= set(shown["runs"][0])
    for message in shown["messages"]:
        assert {"path", "from", "kind", "delivered"} <= set(message)
    work.wait("the inbox", lambda: "tasks/bad.md" in work.read("inbox.md"))
    inbox = work.read("inbox.md")
    assert "coworkd" in inbox.splitlines()[0]
    assert "[tasks/bad.md](tasks/bad.md)" in inbox
    work.down()
    assert work.json("status")["daemon"] == {"running": False, "pid": None}
    assert work.json("status")["tasks"][0]["id"]
    assert work.run("show", "nothing").returncode == 1
    assert work.run("show").returncode == 2
    outside = subprocess.run(
        [sys.executable, "-P", "-m", "coworkd", "status"], cwd=work.root, env=work.env, capture_output=True, check=False
    )
    assert outside.returncode == 3


def test_commands_work_while_the_daemon_is_down(work: Workspace) -> None:
    work.config("agent: ed\n")
    work.agent("ed", EDIT)
    path = work.cmd("new", "Write it down", "--draft").strip()
    assert path == ".cowork/tasks/write-it-down.md"
    assert work.status("write-it-down") == "draft"
    work.cmd("ready", "write-it-down")
    assert work.status("write-it-down") == "ready"
    work.cmd("reply", "write-it-down", "Mind the gap.")
    card = work.card("write-it-down")
    assert card["status"] == "ready"
    work.cmd("pause", "write-it-down")
    assert work.status("write-it-down") == "paused"
    work.cmd("ready", "write-it-down")
    assert not work.json("show", "write-it-down")["runs"], "nothing starts without a daemon"
    work.up()
    work.until("write-it-down", "review")
    work.down()
    work.cmd("approve", "write-it-down")
    assert work.field("reviews/write-it-down.md", "approval") == "approved"
    work.up()
    work.until("write-it-down", "done")
