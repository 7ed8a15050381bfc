"""The real Claude Code, from a task file to a landed change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.workbench import Workbench
from tests.modelserver import Call, ModelServer, Query, Refusal, Reply, Script, Trouble, Turn, run, steps
from tests.real.sandboxed import reach

Find = Callable[[str], Path]
Serve = Callable[[Script], ModelServer]

MAKES = "echo made > made.txt"
ASKED = {
    "questions": [
        {"question": "Which colour?", "header": "Colour", "multiSelect": False,
         "options": [{"label": "Blue", "description": "as the sky"}, {"label": "Red", "description": "as a rose"}]}
    ]
}  # fmt: skip


def makes(query: Query) -> Turn:
    """Makes a file, again when it is told that it may; says so when it is there."""
    if query.turn == 0 or "## Answered" in query.said[-1]:
        return Reply(text="I make it.", calls=(run(MAKES),))
    return Reply(text="It is made.")


@pytest.fixture
def claude(w: Workbench, program: Find, serve: Serve) -> Callable[..., ModelServer]:
    """Makes the real program the workspace's agent, with a model that keeps to a script."""
    path = program("claude")

    def set_up(script: Script, *, fields: str = "", tools: str = "") -> ModelServer:
        server = serve(script)
        env = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "sk-canary"}
        w.write(
            ".cowork/agents/claude.md",
            f"---\ndriver: claude\ncommand: [{path}]\nmodel: anthropic/claude-sonnet-4-5\nenv: {json.dumps(env)}\n"
            f"{reach(server, path)}"
            f"tools: {{{tools}}}\n{fields}---\nYou are careful.\n",
        )
        w.config("agent: claude\n")
        return server

    return set_up


def last(server: ModelServer) -> Query:
    """What the model was asked last."""
    query = server.requests[-1].query
    assert query is not None
    return query


def approve(w: Workbench, answer: str = "approved") -> None:
    form = w.wait("the form", lambda: [p for p in w.approvals("made") if w.field(p, "approval") == "pending"])[0]
    assert MAKES in w.text(form)
    w.set(form, "approval", answer)


def replies(w: Workbench, task: str) -> str:
    return "\n".join(text for text in w.messages(task) if "from: claude" in text)


def test_a_permission_a_file_a_review_and_a_landing(w: Workbench, claude: Callable[..., ModelServer]) -> None:
    server = claude(makes, tools='ask: ["run(echo *)"]')
    w.task("one")
    w.up()
    w.until("one", "waiting")
    approve(w)
    w.finish("one")
    assert w.landed("made.txt") == "made"
    assert "It is made." in replies(w, "one")
    (ran,) = w.json("show", "one")["runs"]
    assert ran["reason"] == "done"
    assert w.card("one")["tokens"] == 240
    assert w.card("one")["cost_usd"] > 0
    assert "You are careful." in last(server).system
    assert not w.survivors(b"COWORK_RUN")


def test_a_no_is_told_to_it(w: Workbench, claude: Callable[..., ModelServer]) -> None:
    server = claude(makes, tools='ask: ["run(echo *)"]')
    w.task("one")
    w.up()
    w.until("one", "waiting")
    approve(w, "rejected")
    w.until("one", "review")
    assert "does not allow it" in last(server).said[-1]


def test_a_permission_is_answered_after_a_kill_of_the_daemon(w: Workbench, claude: Callable[..., ModelServer]) -> None:
    server = claude(makes, tools='ask: ["run(echo *)"]')
    w.task("one")
    w.up()
    w.until("one", "waiting")
    w.wait("the form", lambda: w.approvals("made"))
    w.kill9()
    w.up()
    approve(w)
    w.finish("one")
    assert w.landed("made.txt") == "made"
    assert last(server).turn == 2, "it went on in its session"
    assert len(w.approvals("made")) == 1, "nobody was asked twice"


def test_a_request_that_is_held_too_long_goes_on_in_its_session(
    w: Workbench, claude: Callable[..., ModelServer]
) -> None:
    claude(makes, tools='ask: ["run(echo *)"]', fields="limits: {hold: 1s}\n")
    w.task("one")
    w.up()
    w.until("one", "waiting")
    w.wait("it has left", lambda: not w.survivors(b"COWORK_RUN"))
    approve(w)
    w.finish("one")
    assert w.landed("made.txt") == "made"


def test_its_question_is_answered_in_the_thread(w: Workbench, claude: Callable[..., ModelServer]) -> None:
    script = steps(Reply(calls=(Call(name="AskUserQuestion", arguments=ASKED),)), Reply(text="As you like."))
    server = claude(script)
    w.task("one")
    w.up()
    w.until("one", "waiting")
    assert any("Which colour?" in text and "- Blue: as the sky" in text for text in w.messages("one"))
    w.write(".cowork/messages/one/answer.md", "Deep blue.\n")
    w.until("one", "review")
    assert "Deep blue." in last(server).said[-1]


def test_a_rate_limit_lets_another_take_over(w: Workbench, claude: Callable[..., ModelServer]) -> None:
    claude(steps(Refusal(trouble=Trouble.RATE_LIMIT, retry_after=90)), fields="fallback: [other]\n")
    w.agent("other", "echo other > other.txt")
    w.task("one")
    w.up()
    w.until("one", "review")
    assert [ran["agent"] for ran in w.json("show", "one")["runs"]] == ["claude", "other"]
