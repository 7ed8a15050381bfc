"""One provider's format: requests to queries, replies to what goes over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.modelserver.turns import Call, Query, Raw, Refusal, Reply, chosen

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A reply with its calls chosen and numbered, for the one query that it answers."""

    query: Query
    reply: Reply
    calls: tuple[tuple[str, Call], ...]
    """The id of each call, and the call."""
    serial: int
    """Of the reply, unique on this server."""


class Format(Protocol):
    """How one provider speaks."""

    def query(self, path: str, body: Body) -> Query:
        """What is asked for."""
        ...

    def whole(self, said: Said) -> Body:
        """The reply in one piece."""
        ...

    def frames(self, said: Said) -> Iterator[bytes]:
        """The reply as server-sent events."""
        ...

    def refusal(self, refusal: Refusal) -> Raw:
        """The error in this provider's words."""
        ...


def say(query: Query, reply: Reply, serial: int) -> Said:
    calls = tuple((f"call_{serial:04}{at:02}", chosen(call, query)) for at, call in enumerate(reply.calls))
    return Said(query=query, reply=reply, calls=calls, serial=serial)


def event(data: object, name: str = "") -> bytes:
    """A server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def error(status: int, body: object, headers: Mapping[str, str] | None = None) -> Raw:
    return Raw(
        status=status,
        body=json.dumps(body).encode(),
        headers={"content-type": "application/json"} | dict(headers or {}),
    )


def text_of(content: Any) -> str:
    """The words in a piece of a conversation, whatever its format: strings wherever they lie."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(filter(None, (text_of(part) for part in content)))
    if isinstance(content, dict):
        known = ("text", "content", "output", "parts", "functionResponse", "response", "result", "error")
        return "\n".join(filter(None, (text_of(content[key]) for key in known if key in content)))
    return ""
