"""An agent that speaks the Agent Client Protocol, from its file to a review."""

from __future__ import annotations

import json
import sys

from tests.acceptance.workbench import PROJECT, Workbench


def _workspace(w: Workbench, **rules: str) -> None:
    tools = "".join(f"tools: {{{key}: {value}}}\n" for key, value in rules.items())
    command = json.dumps([sys.executable, str(PROJECT / "tests" / "acpagent.py")])
    w.write(".cowork/agents/peer.md", f"---\ndriver: acp\ncommand: {command}\n{tools}---\nYou are a peer.\n")
    w.config("agent: peer\n")


def test_a_permission_a_file_and_a_review(w: Workbench) -> None:
    _workspace(w, ask='["run(echo made *)"]')
    w.task("changes")
    w.up()
    w.until("changes", "waiting")
    form = w.wait("the form", lambda: [p for p in w.approvals() if "echo made" in w.text(p)])[0]
    w.wait("its pending", lambda: w.field(form, "approval") == "pending")
    w.set(form, "approval", "approved")
    w.finish("changes")
    assert w.git("show", "cowork/integration:made.txt") == "made"
    run = json.loads(w.cmd("show", "changes", "--json").stdout)["runs"][0]
    assert run["reason"] == "done"


def test_what_is_denied_is_not_asked(w: Workbench) -> None:
    _workspace(w, deny='["run(npm *)"]')
    w.task("wants")
    w.up()
    w.until("wants", "review")
    assert not w.approvals()
    replies = [path.read_text() for path in w.cow("messages/wants").glob("*.md")]
    assert any("left alone" in reply for reply in replies)


def test_a_question_from_the_outbox_goes_on_in_the_same_session(w: Workbench) -> None:
    _workspace(w)
    w.task("asks")
    w.up()
    w.until("asks", "waiting")
    w.write(".cowork/messages/asks/answer.md", "Deep blue.\n")
    w.until("asks", "review")
    replies = [path.read_text() for path in w.cow("messages/asks").glob("*.md")]
    assert any("Deep blue." in reply for reply in replies if "from: peer" in reply)
