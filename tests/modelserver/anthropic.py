"""Anthropic's messages."""

from __future__ import annotations

from collections.abc import Iterator

from tests.modelserver.formats import Body, Said, error, event, text_of
from tests.modelserver.turns import Flaw, Query, Raw, Refusal, Trouble, pieces

_ERRORS = {
    Trouble.RATE_LIMIT: (429, "rate_limit_error", "This request would exceed your organization's rate limit."),
    Trouble.QUOTA: (
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade.",
    ),
    Trouble.OVERLOADED: (529, "overloaded_error", "Overloaded"),
    Trouble.AUTH: (401, "authentication_error", "invalid x-api-key"),
    Trouble.CONTEXT: (400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
    Trouble.BROKEN: (500, "api_error", "Internal server error"),
}


class Messages:
    """`POST /v1/messages`."""

    def query(self, path: str, body: Body) -> Query:  # noqa: ARG002 - the path says nothing more
        messages = body.get("messages", [])
        return Query(
            dialect="anthropic",
            model=body.get("model", ""),
            turn=sum(message["role"] == "assistant" for message in messages),
            stream=bool(body.get("stream")),
            tools=tuple(tool["name"] for tool in body.get("tools", [])),
            system=text_of(body.get("system")),
            said=tuple(text_of(message["content"]) for message in messages if message["role"] == "user"),
            body=body,
        )

    def whole(self, said: Said) -> Body:
        blocks: list[Body] = [{"type": "text", "text": said.reply.text}] if said.reply.text else []
        blocks += [
            {"type": "tool_use", "id": f"toolu_{call_id}", "name": call.name, "input": dict(call.arguments)}
            for call_id, call in said.calls
        ]
        end = {"stop_reason": _stop(said), "stop_sequence": None}
        return _message(said) | {"content": blocks, "usage": _usage(said)} | end

    def frames(self, said: Said) -> Iterator[bytes]:
        start = _message(said) | {"usage": _usage(said) | {"output_tokens": 1}}
        yield _event("message_start", message=start)
        first = 1 if said.reply.text else 0
        if said.reply.text:
            yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            yield _event("ping")
            for piece in pieces(said.reply.text):
                yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
            yield _event("content_block_stop", index=0)
        for at, (call_id, call) in enumerate(said.calls, first):
            block = {"type": "tool_use", "id": f"toolu_{call_id}", "name": call.name, "input": {}}
            yield _event("content_block_start", index=at, content_block=block)
            for piece in pieces(call.text):
                yield _event("content_block_delta", index=at, delta={"type": "input_json_delta", "partial_json": piece})
            yield _event("content_block_stop", index=at)
        usage = {"usage": {"output_tokens": said.reply.spent.output}} if said.reply.flaw is not Flaw.UNCOUNTED else {}
        yield _event("message_delta", delta={"stop_reason": _stop(said), "stop_sequence": None}, **usage)
        yield _event("message_stop")

    def refusal(self, refusal: Refusal) -> Raw:
        status, kind, message = _ERRORS[refusal.trouble]
        headers = {} if refusal.retry_after is None else {"retry-after": f"{refusal.retry_after:g}"}
        return error(status, {"type": "error", "error": {"type": kind, "message": message}}, headers)


def count_tokens(body: Body) -> Body:
    """`POST /v1/messages/count_tokens`."""
    words = text_of(body.get("system")) + "".join(text_of(message) for message in body.get("messages", []))
    return {"input_tokens": 1 + len(words) // 4}


def _event(kind: str, **fields: object) -> bytes:
    return event({"type": kind, **fields}, kind)


def _message(said: Said) -> Body:
    return {
        "id": f"msg_{said.serial:06}",
        "type": "message",
        "role": "assistant",
        "model": said.query.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(said: Said) -> Body:
    spent = said.reply.spent
    return {
        "input_tokens": spent.input - spent.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": spent.cached,
        "output_tokens": spent.output,
    }


def _stop(said: Said) -> str:
    if said.reply.cut:
        return "max_tokens"
    return "tool_use" if said.calls else "end_turn"
