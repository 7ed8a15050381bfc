"""OpenAI's chat completions, which many others speak too."""

from __future__ import annotations

from collections.abc import Iterator

from tests.modelserver.formats import Body, Said, error, event, text_of
from tests.modelserver.turns import Flaw, Query, Raw, Refusal, Trouble, pieces

_ERRORS = {
    Trouble.RATE_LIMIT: (429, "tokens", "rate_limit_exceeded", "Rate limit reached for requests."),
    Trouble.QUOTA: (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    Trouble.OVERLOADED: (503, "server_error", None, "The server is currently overloaded with other requests."),
    Trouble.AUTH: (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    Trouble.CONTEXT: (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 140000 tokens.",
    ),
    Trouble.BROKEN: (500, "server_error", None, "The server had an error while processing your request."),
}


class Chat:
    """`POST /v1/chat/completions`."""

    def query(self, path: str, body: Body) -> Query:  # noqa: ARG002 - the path says nothing more
        messages = body.get("messages", [])
        return Query(
            dialect="openai",
            model=body.get("model", ""),
            turn=sum(message["role"] == "assistant" for message in messages),
            stream=bool(body.get("stream")),
            tools=tuple(tool["function"]["name"] for tool in body.get("tools") or [] if "function" in tool),
            system="\n".join(text_of(m["content"]) for m in messages if m["role"] in ("system", "developer")),
            said=tuple(text_of(m.get("content")) for m in messages if m["role"] in ("user", "tool")),
            body=body,
        )

    def whole(self, said: Said) -> Body:
        message: Body = {"role": "assistant", "content": said.reply.text or None}
        if said.calls:
            message["tool_calls"] = [
                {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": call.text}}
                for call_id, call in said.calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": _finish(said)}
        return _head(said, "chat.completion") | {"choices": [choice], "usage": usage(said)}

    def frames(self, said: Said) -> Iterator[bytes]:
        yield _chunk(said, {"role": "assistant", "content": ""})
        for piece in pieces(said.reply.text):
            yield _chunk(said, {"content": piece})
        for at, (call_id, call) in enumerate(said.calls):
            head = {"name": call.name, "arguments": ""}
            yield _chunk(said, {"tool_calls": [{"index": at, "id": call_id, "type": "function", "function": head}]})
            for piece in pieces(call.text):
                yield _chunk(said, {"tool_calls": [{"index": at, "function": {"arguments": piece}}]})
        yield _chunk(said, {}, _finish(said))
        wanted = (said.query.body.get("stream_options") or {}).get("include_usage")
        if (wanted or said.reply.spent.unasked) and said.reply.flaw is not Flaw.UNCOUNTED:
            yield event(_head(said, "chat.completion.chunk") | {"choices": [], "usage": usage(said)})
        yield b"data: [DONE]\n\n"

    def refusal(self, refusal: Refusal) -> Raw:
        return refused(refusal)


def refused(refusal: Refusal) -> Raw:
    """An error as both of OpenAI's formats have it."""
    status, kind, code, message = _ERRORS[refusal.trouble]
    headers = {} if refusal.retry_after is None else {"retry-after": f"{refusal.retry_after:g}"}
    return error(status, {"error": {"message": message, "type": kind, "param": None, "code": code}}, headers)


def usage(said: Said) -> Body:
    spent = said.reply.spent
    return {
        "prompt_tokens": spent.input,
        "completion_tokens": spent.output,
        "total_tokens": spent.input + spent.output,
        "prompt_tokens_details": {"cached_tokens": spent.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": spent.reasoning, "audio_tokens": 0},
    }


def _head(said: Said, kind: str) -> Body:
    return {"id": f"chatcmpl-{said.serial:06}", "object": kind, "created": 1_700_000_000, "model": said.query.model}


def _chunk(said: Said, delta: Body, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return event(_head(said, "chat.completion.chunk") | {"choices": [choice], "usage": None})


def _finish(said: Said) -> str:
    if said.reply.cut:
        return "length"
    return "tool_calls" if said.calls else "stop"
