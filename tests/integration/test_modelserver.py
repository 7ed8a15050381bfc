"""The model server speaks as the real ones do: their own way of reading a stream understands it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.modelserver import Call, Flaw, ModelServer, Query, Refusal, Reply, Spent, Trouble, after, steps, write
from tests.modelserver.scenarios import SCENARIOS

TOOLS = ("write", "run")
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": (
        "/v1/chat/completions",
        {"model": "m", "messages": [], "tools": [{"type": "function", "function": {"name": name}} for name in TOOLS]},
    ),
    "responses": (
        "/v1/responses",
        {"model": "m", "input": [], "tools": [{"type": "function", "name": name} for name in TOOLS]},
    ),
    "anthropic": (
        "/v1/messages?beta=true",
        {"model": "m", "messages": [], "tools": [{"name": name} for name in TOOLS]},
    ),
    "gemini": (
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        {"contents": [], "tools": [{"functionDeclarations": [{"name": name} for name in TOOLS]}]},
    ),
}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def post(server: ModelServer, path: str, body: object, **headers: str) -> tuple[int, dict[str, str], bytes]:
    client = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    try:
        client.request("POST", path, json.dumps(body), {"content-type": "application/json", **headers})
        response = client.getresponse()
        try:
            content = response.read()
        except http.client.IncompleteRead as error:
            content = error.partial
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content
    finally:
        client.close()


def stream(server: ModelServer, dialect: str, **changes: object) -> tuple[int, dict[str, str], bytes]:
    path, body = REQUESTS[dialect]
    return post(server, path, body | {"stream": True, "stream_options": {"include_usage": True}} | changes)


def told(content: bytes) -> list[Any]:
    """The data of a stream's events."""
    lines = [line.removeprefix("data: ") for line in content.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize("dialect", REQUESTS)
def test_a_reply_is_streamed_with_its_calls_and_its_usage(server: ModelServer, dialect: str) -> None:
    spent = Spent(input=1234, cached=1000, output=77)
    server.script = steps(Reply(text="I write it down.", calls=(write("a.txt", "hello"),), spent=spent))
    status, headers, content = stream(server, dialect)
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    events = told(content)
    assert len(events) > 2
    text = json.dumps(events)
    assert "write" in text
    assert "77" in text
    assert ("234" if dialect == "anthropic" else "1234") in text
    assert server.queries[0].dialect == dialect
    assert server.queries[0].tools == TOOLS


@pytest.mark.parametrize("dialect", REQUESTS)
@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Trouble.RATE_LIMIT, {429}),
        (Trouble.QUOTA, {429, 400}),
        (Trouble.OVERLOADED, {503, 529}),
        (Trouble.AUTH, {401}),
        (Trouble.CONTEXT, {400}),
        (Trouble.BROKEN, {500}),
    ],
)
def test_a_refusal_has_the_providers_status(
    server: ModelServer, dialect: str, trouble: Trouble, code: set[int]
) -> None:
    server.script = steps(Refusal(trouble=trouble, retry_after=7))
    status, headers, content = stream(server, dialect)
    assert status in code
    assert "error" in json.loads(content)
    assert headers.get("retry-after") == "7" or b'"retryDelay": "7s"' in content


@pytest.mark.parametrize("dialect", REQUESTS)
def test_flaws(server: ModelServer, dialect: str) -> None:
    text = "a text that comes in quite a number of pieces"
    server.script = steps(Reply(text=text))
    whole = stream(server, dialect)[2]
    server.script = steps(Reply(text=text, flaw=Flaw.DROPPED))
    cut = stream(server, dialect)[2]
    assert cut
    assert len(cut) < len(whole)
    server.script = steps(Reply(text=text, flaw=Flaw.MALFORMED))
    with pytest.raises(json.JSONDecodeError):
        told(stream(server, dialect)[2])
    server.script = steps(Reply(text=text, spent=Spent(output=8642), flaw=Flaw.UNCOUNTED))
    assert b"8642" not in stream(server, dialect)[2]


def test_a_held_reply_waits_to_be_released(server: ModelServer) -> None:
    server.script = steps(Reply(text="a text of some pieces", flaw=Flaw.HELD))
    path, body = REQUESTS["openai"]
    client = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    client.request("POST", path, json.dumps(body | {"stream": True}))
    response = client.getresponse()
    assert b"assistant" in response.readline()
    server.release()
    assert b"[DONE]" in response.read()
    client.close()


def test_steps_follow_the_conversation_and_not_the_number_of_requests(server: ModelServer) -> None:
    server.script = steps(Reply(calls=(Call(name="read", arguments={"path": "a"}),)), Reply(text="the end"))
    conversation = [{"role": "user", "content": "go"}]
    for _ in range(2):  # two agents, each at its beginning
        assert b"read" in stream(server, "anthropic", messages=conversation)[2]
    later = [*conversation, {"role": "assistant", "content": "..."}, {"role": "user", "content": "and?"}]
    assert b"the end" in stream(server, "anthropic", messages=later)[2]
    assert server.queries[-1].said == ("go", "and?")
    assert b"ok" in stream(server, "anthropic", tools=[])[2]


def test_a_conversation_in_responses_counts_replies_and_not_their_items(server: ModelServer) -> None:
    reply = [{"type": "reasoning"}, {"type": "function_call", "call_id": "1"}]
    items = [
        {"role": "user", "content": "go"},
        *reply,
        {"type": "function_call_output", "call_id": "1", "output": "done"},
        {"role": "assistant", "content": "so"},
    ]
    stream(server, "responses", input=items)
    assert server.queries[0].turn == 2
    assert server.queries[0].said == ("go", "done")


def test_what_comes_first_comes_once(server: ModelServer) -> None:
    server.script = after(Refusal(trouble=Trouble.OVERLOADED), then=steps(Reply(text="hello")))
    assert [stream(server, "openai")[0] for _ in range(3)] == [503, 200, 200]


def test_requests_are_kept_with_their_headers(server: ModelServer) -> None:
    post(server, "/v1/messages", {"messages": []}, **{"X-Api-Key": "canary"})
    assert server.requests[0].headers["x-api-key"] == "canary"
    assert server.requests[0].json == {"messages": []}


def test_counting_and_what_is_not_there(server: ModelServer) -> None:
    body = {"messages": [{"role": "user", "content": "one two three"}]}
    assert json.loads(post(server, "/v1/messages/count_tokens?beta=true", body)[2])["input_tokens"] > 1
    assert json.loads(post(server, "/v1beta/models/m:countTokens", {"contents": []})[2]) == {"totalTokens": 1}
    assert post(server, "/v2/elsewhere", {})[0] == 404
    assert server.queries == []


def test_a_reply_in_one_piece(server: ModelServer) -> None:
    server.script = steps(Reply(text="hello", calls=(write("a", "b"),), spent=Spent(input=9)))
    for dialect, (path, body) in REQUESTS.items():
        whole = json.loads(post(server, path.replace("streamGenerate", "generate"), body)[2])
        assert "hello" in json.dumps(whole), dialect


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_makes_a_turn(name: str) -> None:
    query = Query(dialect="openai", model="m", turn=0, stream=True, tools=TOOLS, system="", said=(), body={})
    assert isinstance(SCENARIOS[name]()(query), Reply | Refusal)
