"""The real Codex by its app server, from a task file to a landed change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.workbench import Workbench
from tests.modelserver import ModelServer, Query, Refusal, Reply, Script, Trouble, Turn, run, steps
from tests.real.sandboxed import reach

Find = Callable[[str], Path]
Serve = Callable[[Script], ModelServer]

MAKES = "echo made > made.txt"


def makes(query: Query) -> Turn:
    """Makes a file, again when it is told that it may; says so when it is there."""
    if query.turn == 0 or "## Answered" in query.said[-1]:
        return Reply(text="I make it.", calls=(run(MAKES),))
    return Reply(text="It is made.")


def set_up(w: Workbench, path: Path, server: ModelServer, fields: str = "") -> None:
    env = {"OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": "sk-canary"}
    w.write(
        ".cowork/agents/codex.md",
        f"---\ndriver: codex\ncommand: [{path}]\nmodel: openai/gpt-5.1-codex\nenv: {json.dumps(env)}\n"
        f"{reach(server, path)}tools: {{ask: ['run(echo *)']}}\n{fields}---\nYou are careful.\n",
    )
    w.config("agent: codex\n")


def approve(w: Workbench) -> None:
    form = w.wait("the form", lambda: [p for p in w.approvals("made") if w.field(p, "approval") == "pending"])[0]
    assert MAKES in w.text(form)
    w.set(form, "approval", "approved")


def test_a_permission_a_file_a_review_and_a_landing(w: Workbench, program: Find, serve: Serve) -> None:
    server = serve(makes)
    set_up(w, program("codex"), server)
    w.task("one")
    w.up()
    w.until("one", "waiting")
    approve(w)
    w.finish("one")
    assert w.landed("made.txt") == "made"
    assert w.card("one")["tokens"] == 240
    query = server.requests[-1].query
    assert query is not None
    assert "You are careful." in json.dumps(query.body)
    assert not w.survivors(b"COWORK_RUN")


def test_a_permission_is_answered_after_a_kill_of_the_daemon(w: Workbench, program: Find, serve: Serve) -> None:
    set_up(w, program("codex"), serve(makes))
    w.task("one")
    w.up()
    w.until("one", "waiting")
    w.wait("the form", lambda: w.approvals("made"))
    w.kill9()
    w.up()
    approve(w)
    w.finish("one")
    assert w.landed("made.txt") == "made"
    assert len(w.approvals("made")) == 1, "nobody was asked twice"


def test_a_rate_limit_lets_another_take_over(w: Workbench, program: Find, serve: Serve) -> None:
    set_up(w, program("codex"), serve(steps(Refusal(trouble=Trouble.RATE_LIMIT))), "fallback: [other]\n")
    w.agent("other", "echo other > other.txt")
    w.task("one")
    w.up()
    w.until("one", "review")
    assert [ran["agent"] for ran in w.json("show", "one")["runs"]] == ["codex", "other"]
