"""One record per finished run, and what it gives back when the database is gone."""

from __future__ import annotations

import json
from typing import Any

from tests.acceptance.workbench import Workbench

ASK = (
    'echo x >> @SCRATCH@/starts; cat > prompt.txt; printf -- "---\\napproval: pending\\ntool: run\\n'
    'arguments: npm install\\n---\\nI want to run: npm install\\n" > $COWORK_OUTBOX/p.md;'
    ' while [ ! -e "$COWORK_INBOX/p.md" ]; do sleep 0.1; done; echo done'
)


def records(w: Workbench) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(w.cow("log").glob("*/*.json"))]


def forget(w: Workbench) -> None:
    """The database is gone, and a message's file is as it was before it was delivered."""
    w.down()
    for file in (w.repo / ".git/cowork").glob("state.db*"):
        file.unlink()
    w.write(".cowork/messages/t/1.md", "Use blue.\n")


def test_a_lost_database_delivers_and_starts_nothing_twice(w: Workbench) -> None:
    w.agent("ask", ASK)
    w.config("agent: ask\nverify: ['true']\n")
    w.write(".cowork/messages/t/1.md", "Use blue.\n")
    w.task("t", status="draft")
    w.up()
    w.set("tasks/t.md", "status", "ready")
    w.until("t", "waiting")
    path = w.wait("the form", lambda: w.approvals("npm install"))[0]
    w.wait("its pending", lambda: w.field(path, "approval") == "pending")
    w.cmd("approve", path)
    w.until("t", "review")
    record = w.wait("the record", lambda: records(w))[0]
    assert (record["task"], record["attempt"], record["reason"], record["cost_usd"]) == ("t", 1, "done", None)
    assert [(d["answer"], d["by"], d["state"]) for d in record["decisions"]] == [("approved", "command", "used")]
    assert [receipt["path"] for receipt in record["receipts"]] == ["messages/t/1.md"]
    assert [(check["command"], check["exit"]) for check in record["checks"]] == [("true", 0)]
    assert w.git("status", "--porcelain", ".cowork/log") != "", "it is for git to keep"
    forget(w)
    w.up()
    w.wait("the receipt", lambda: record["run"] in w.text("messages/t/1.md"))
    w.stays("no new attempt", lambda: w.status("t") == "review", seconds=2)
    assert [run["id"] for run in w.json("show", "t")["runs"]] == [record["run"]]
    assert (w.scratch / "starts").read_text() == "x\n"
    assert records(w) == [record]
    w.finish("t")
