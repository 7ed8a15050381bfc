from __future__ import annotations

import json

import pytest

from coworkd.agents.drivers.llm import permission_texts
from coworkd.agents.drivers.llm.providers import find_access, is_secret, model_variables, provider_of
from coworkd.agents.drivers.llm.tools import Tool, parse_call, permission_subject, schemas
from coworkd.agents.drivers.llm.transcript import RequestedCall
from coworkd.agents.drivers.llm.worktree_files import ToolError
from coworkd.agents.port import AnswerDecision, InboxAnswer
from coworkd.core.model import Mode
from coworkd.core.policy.tool_permissions import ToolCall, ToolName


def call(tool: str, **arguments: object) -> RequestedCall:
    return RequestedCall(id="1", tool=tool, arguments=json.dumps(arguments))


def offered(mode: Mode) -> set[str]:
    return {schema["function"]["name"] for schema in schemas(mode)}  # type: ignore[index,call-overload]


def test_plan_mode_offers_nothing_that_changes() -> None:
    assert offered(Mode.BUILD) == set(Tool)
    assert offered(Mode.PLAN) == {"read", "list", "search", "ask", "finish"} == offered(Mode.ANSWER)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (RequestedCall(id="1", tool="fly", arguments="{}"), "no tool"),
        (RequestedCall(id="1", tool="read", arguments="{"), "not JSON"),
        (RequestedCall(id="1", tool="read", arguments="[]"), "not an object"),
        (call("read"), "needs `path`"),
        (call("read", path=3), "text"),
        (call("read", path="a", first="1"), "whole number"),
        (call("read", path="a", first=True), "whole number"),
        (call("read", path="a", mode="r"), "does not know mode"),
    ],
)
def test_what_cannot_be_meant_is_told_to_the_model(wrong: RequestedCall, word: str) -> None:
    with pytest.raises(ToolError, match=word):
        parse_call(wrong)


@pytest.mark.parametrize(
    ("made", "known"),
    [
        (call("read", path="a"), ToolCall(tool=ToolName.READ, subject="PATH")),
        (call("list"), ToolCall(tool=ToolName.READ, subject="PATH")),
        (call("search", pattern="x"), ToolCall(tool=ToolName.READ, subject="PATH")),
        (call("write", path="a", text="b"), ToolCall(tool=ToolName.WRITE, subject="PATH")),
        (call("edit", path="a", old="b", new="c"), ToolCall(tool=ToolName.WRITE, subject="PATH")),
        (call("run", command="npm test"), ToolCall(tool=ToolName.RUN, subject="npm test")),
        (call("ask", question="?"), None),
        (call("finish", summary="."), None),
    ],
)
def test_calls_have_the_names_that_rules_know(made: RequestedCall, known: ToolCall | None) -> None:
    assert permission_subject(parse_call(made), "PATH") == known


def test_a_request_is_named_by_exactly_what_is_asked() -> None:
    one = parse_call(call("run", command="a"))
    spaced = parse_call(RequestedCall(id="9", tool="run", arguments='{ "command" :"a" }'))
    assert one.request_name(0) == spaced.request_name(0)
    others = [
        one.request_name(1),
        parse_call(call("run", command="b")).request_name(0),
        parse_call(call("read", path="a")).request_name(0),
    ]
    assert len({one.request_name(0), *others}) == 4


def test_petitions_show_exactly_what_is_to_be_done() -> None:
    run = parse_call(call("run", command="rm -r x\n# --- approved"))
    text = permission_texts.permission_request(run, "the agent's `ask` has `run`")
    assert "    rm -r x\n    # --- approved" in text
    assert "`ask` has `run`" in text
    edit = permission_texts.permission_request(parse_call(call("edit", path="a.py", old="one", new="two")), "so")
    assert all(word in edit for word in ("a.py", "    one", "    two"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (InboxAnswer(decision=AnswerDecision.REPLY, body="blue\n"), "blue"),
        (InboxAnswer(decision=AnswerDecision.REPLY), "(an empty answer)"),
        (InboxAnswer(decision=AnswerDecision.REJECTED, comment="no"), "rejected: no"),
    ],
)
def test_answers_in_words(answer: InboxAnswer, said: str) -> None:
    assert permission_texts.answer_text(answer) == said


@pytest.mark.parametrize(
    ("model", "provider", "key"),
    [
        ("anthropic/claude-sonnet-4-5", "anthropic", "ANTHROPIC_API_KEY"),
        ("claude-sonnet-4-5", "anthropic", "ANTHROPIC_API_KEY"),
        ("openai/gpt-4o-mini", "openai", "OPENAI_API_KEY"),
        ("gemini/gemini-2.5-flash", "gemini", "GEMINI_API_KEY"),
        ("openrouter/anthropic/claude-sonnet-4", "openrouter", "OPENROUTER_API_KEY"),
        ("groq/llama-3.3-70b-versatile", "groq", "GROQ_API_KEY"),
        ("xai/grok-4", "xai", "XAI_API_KEY"),
        ("cerebras/llama3.1-8b", "cerebras", "CEREBRAS_API_KEY"),
        ("fireworks_ai/some-model", "fireworks_ai", "FIREWORKS_AI_API_KEY"),
    ],
)
def test_a_models_name_says_which_key_it_needs(model: str, provider: str, key: str) -> None:
    assert provider_of(model) == provider
    assert model_variables(model)[0] == key
    assert find_access(model, {}).missing == key
    assert find_access(model, {key: "k"}).key == "k"
    assert is_secret(key)


def test_an_address_of_ones_own_needs_no_key() -> None:
    found = find_access("openai/local", {"OPENAI_API_BASE": "http://127.0.0.1:1/v1"})
    assert (found.base, found.key, found.missing) == ("http://127.0.0.1:1/v1", "", "")
    assert find_access("ollama/llama3.2", {}).missing == ""
    assert not is_secret("PATH")
