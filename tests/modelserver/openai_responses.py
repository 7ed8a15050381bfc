"""OpenAI's responses."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from tests.modelserver.formats import Body, Said, event, text_of
from tests.modelserver.openai_chat import refused
from tests.modelserver.turns import Flaw, Query, Raw, Refusal, pieces


class Responses:
    """`POST /v1/responses`."""

    def query(self, path: str, body: Body) -> Query:  # noqa: ARG002 - the path says nothing more
        given = body.get("input", [])
        items: Sequence[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else given
        replies = [_of_model(item) for item in items]
        said = [
            text_of(item) for item in items if not _of_model(item) and item.get("role") not in ("system", "developer")
        ]
        return Query(
            dialect="responses",
            model=body.get("model", ""),
            turn=sum(found for found, _ in itertools.groupby(replies)),
            stream=bool(body.get("stream")),
            tools=tuple(tool.get("name", tool["type"]) for tool in body.get("tools") or []),
            system=text_of(body.get("instructions")),
            said=tuple(said),
            body=body,
        )

    def whole(self, said: Said) -> Body:
        return _response(said, "incomplete" if said.reply.cut else "completed", _items(said)) | {"usage": _usage(said)}

    def frames(self, said: Said) -> Iterator[bytes]:
        numbers = itertools.count()
        for kind, fields in self._events(said):
            yield event({"type": kind, "sequence_number": next(numbers), **fields}, kind)

    def _events(self, said: Said) -> Iterator[tuple[str, Body]]:
        begun = _response(said, "in_progress", [])
        yield "response.created", {"response": begun}
        yield "response.in_progress", {"response": begun}
        for at, item in enumerate(_items(said)):
            place = {"output_index": at, "item_id": item["id"]}
            empty = {"content": []} if item["type"] == "message" else {"arguments": ""}
            yield "response.output_item.added", {"output_index": at, "item": item | empty | {"status": "in_progress"}}
            yield from _text(item, place) if item["type"] == "message" else _call(item, place)
            yield "response.output_item.done", {"output_index": at, "item": item}
        last = self.whole(said)
        if said.reply.flaw is Flaw.UNCOUNTED:
            last["usage"] = None
        yield f"response.{last['status']}", {"response": last}

    def refusal(self, refusal: Refusal) -> Raw:
        return refused(refusal)


def _of_model(item: Body) -> bool:
    return item.get("type") in ("function_call", "reasoning", "custom_tool_call") or item.get("role") == "assistant"


def _text(item: Body, place: Body) -> Iterator[tuple[str, Body]]:
    part = item["content"][0]
    inner = place | {"content_index": 0}
    yield "response.content_part.added", inner | {"part": part | {"text": ""}}
    for piece in pieces(part["text"]):
        yield "response.output_text.delta", inner | {"delta": piece, "logprobs": []}
    yield "response.output_text.done", inner | {"text": part["text"], "logprobs": []}
    yield "response.content_part.done", inner | {"part": part}


def _call(item: Body, place: Body) -> Iterator[tuple[str, Body]]:
    for piece in pieces(item["arguments"]):
        yield "response.function_call_arguments.delta", place | {"delta": piece}
    yield "response.function_call_arguments.done", place | {"arguments": item["arguments"]}


def _items(said: Said) -> list[Body]:
    items: list[Body] = []
    if said.reply.text:
        content = [{"type": "output_text", "text": said.reply.text, "annotations": [], "logprobs": []}]
        item_id = f"msg_{said.serial:06}"
        items.append({"id": item_id, "type": "message", "role": "assistant", "status": "completed", "content": content})
    for call_id, call in said.calls:
        item: Body = {"id": f"fc_{call_id}", "type": "function_call", "status": "completed", "call_id": call_id}
        items.append(item | {"name": call.name, "arguments": call.text})
    return items


def _response(said: Said, status: str, output: list[Body]) -> Body:
    why = {"reason": "max_output_tokens"} if status == "incomplete" else None
    return {
        "id": f"resp_{said.serial:06}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "error": None,
        "incomplete_details": why,
        "instructions": None,
        "max_output_tokens": None,
        "model": said.query.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": said.query.body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": {},
    }


def _usage(said: Said) -> Body:
    spent = said.reply.spent
    return {
        "input_tokens": spent.input,
        "input_tokens_details": {"cached_tokens": spent.cached},
        "output_tokens": spent.output,
        "output_tokens_details": {"reasoning_tokens": spent.reasoning},
        "total_tokens": spent.input + spent.output,
    }
