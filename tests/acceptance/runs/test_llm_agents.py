"""An agent that is a model behind an API, from the task file to the review; the API is played on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.workbench import Workbench
from tests.modelserver import Call, ModelServer, Refusal, Reply, Spent, Trouble, run, steps, write

KEY = "sk-canary-0815"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def agent(
    w: Workbench, server: ModelServer, name: str = "model", model: str = "openai/gpt-4o-mini", more: str = ""
) -> None:
    base = f'env: {{OPENAI_API_BASE: "{server.url}/v1"}}\n'
    w.write(f".cowork/agents/{name}.md", f"---\ndriver: llm\nmodel: {model}\n{base}{more}---\nYou work.\n")


def finish(summary: str) -> Reply:
    return Reply(calls=(Call(name="finish", arguments={"summary": summary}),))


def test_a_model_takes_a_task_to_its_review_and_its_key_stays_with_the_daemon(
    w: Workbench, server: ModelServer
) -> None:
    spent = Spent(input=2000, cached=500, output=100)
    edit = Call(name="edit", arguments={"path": "app.py", "old": "x = 1", "new": "x = 2"})
    server.script = steps(
        Reply(text="I change it.", calls=(edit, run("env > env.txt"), write("note.txt", "n\n")), spent=spent),
        finish("x is 2 now."),
    )
    w.env["OPENAI_API_KEY"] = KEY
    agent(w, server)
    w.config('agent: model\nverify: ["grep -q 2 app.py"]\n')
    w.task("t", body="Make x two.")
    w.up()
    w.finish("t")
    assert w.landed("app.py").startswith("x = 2")
    assert w.landed("note.txt") == "n"
    assert "COWORK_RUN" in w.landed("env.txt")
    reply = "".join(w.messages("t"))
    assert "I change it." in reply
    assert "x is 2 now." in reply
    shown = w.json("show", "t")
    assert shown["cost_usd"] > 0
    assert shown["tokens"] >= 2100
    assert any("Make x two." in said for said in server.queries[0].said)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    recorded = w.cmd("show", "t", "--recording").stdout
    assert '"say": "I change it."' in recorded
    w.write(".cowork/agents/player.md", "---\ndriver: replay\nrecording: kept\n---\n")
    w.write(".cowork/kept/again.jsonl", recorded.replace("x = 2", "x = 22").replace("note.txt", "again.txt"))
    w.task("again", agent="player")
    w.finish("again")
    assert w.landed("app.py").startswith("x = 22")
    assert w.landed("again.txt") == "n"
    files = [path for path in w.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    assert KEY not in w.landed("env.txt")


def test_a_permission_survives_the_death_of_the_daemon(w: Workbench, server: ModelServer) -> None:
    server.script = steps(Reply(calls=(run("echo once >> made.txt"),)), finish("made"))
    agent(w, server, more='tools: {ask: ["run(echo *)"]}\n')
    w.config("agent: model\n")
    w.task("t")
    w.up()
    w.until("t", "waiting")
    (path,) = w.wait("the form", w.approvals)
    assert "echo once >> made.txt" in w.text(path)
    w.kill9()
    w.up()
    w.wait("the form to be open", lambda: [p for p in w.approvals() if w.field(p, "approval") == "pending"])
    if w.status("t") == "paused":
        w.set("tasks/t.md", "status", "ready")
        w.until("t", "waiting")
    (path,) = [p for p in w.approvals() if w.field(p, "approval") == "pending"]
    w.set(path, "approval", "approved")
    w.finish("t")
    assert w.landed("made.txt") == "once"


def test_another_model_stands_in_for_one_that_is_refused(w: Workbench, server: ModelServer) -> None:
    with ModelServer(steps(Refusal(trouble=Trouble.RATE_LIMIT, retry_after=600))) as busy:
        server.script = steps(Reply(calls=(write("made.txt", "by the other\n"),)), finish("made"))
        agent(w, busy, more="fallback: [other]\n")
        agent(w, server, "other", "openai/gpt-4.1-mini")
        w.config("agent: model\n")
        w.task("t")
        w.up()
        w.finish("t")
        assert w.landed("made.txt") == "by the other"
        assert any("fallback: model" in text and "model: openai/gpt-4.1-mini" in text for text in w.messages("t"))
        assert w.json("show", "t")["estimated"]
        assert "estimated: true" in w.text("reviews/t.md")
        w.kill9()
        w.up()
        w.task("u")
        w.until("u", "review")
        assert len(busy.queries) == 1, "it is left alone after a restart too"
