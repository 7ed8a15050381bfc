"""The real Gemini CLI, by the Agent Client Protocol, from a task file to a landed change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.workbench import Workbench
from tests.modelserver import ModelServer, Query, Reply, Script, Turn, run
from tests.real.sandboxed import reach


def makes(query: Query) -> Turn:
    if "run_shell_command" not in query.tools:
        return Reply(text="ok")
    if query.turn == 0 or "## Answered" in query.said[-1]:
        return Reply(text="I make it.", calls=(run("echo made > made.txt"),))
    return Reply(text="It is made.")


def test_a_permission_a_file_a_review_and_a_landing(
    w: Workbench, program: Callable[[str], Path], serve: Callable[[Script], ModelServer]
) -> None:
    path = program("gemini")
    server = serve(makes)
    env = {"GOOGLE_GEMINI_BASE_URL": server.url, "GEMINI_API_KEY": "canary"}
    w.write(
        ".cowork/agents/gemini.md",
        f"---\ndriver: gemini\ncommand: [{path}, --acp, --model, gemini-2.5-flash]\nmodel: gemini-2.5-flash\n"
        f"env: {json.dumps(env)}\ntools: {{ask: [run]}}\n"
        f"{reach(server, path)}---\nYou are careful.\n",
    )
    w.config("agent: gemini\n")
    w.task("one")
    w.up()
    w.until("one", "waiting")
    form = w.wait("the form", lambda: [p for p in w.approvals("made") if w.field(p, "approval") == "pending"])[0]
    w.set(form, "approval", "approved")
    w.finish("one")
    assert w.landed("made.txt") == "made"
    assert not w.survivors(b"COWORK_RUN")
