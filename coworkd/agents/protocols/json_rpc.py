"""JSON-RPC over a channel: requests with their responses, requests of the program, and prompts turn by turn."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Generator, Iterator, Mapping
from typing import ClassVar, TypeAlias

from coworkd.agents.json_codec import Json
from coworkd.agents.port import AgentEvent, EndReason
from coworkd.agents.protocols.conversation import ProtocolConversation
from coworkd.agents.protocols.json_access import text_at
from coworkd.agents.protocols.jsonl_channel import Message
from coworkd.agents.protocols.permission_broker import ReplyRenderer
from coworkd.agents.protocols.protocol_agent import ConversationContext
from coworkd.agents.worker.run_ended import RunEnded

NO_SUCH_METHOD = -32601

ResponseSteps: TypeAlias = Generator[AgentEvent, None, Json]
PromptSteps: TypeAlias = Generator[AgentEvent, None, str]


def result(request_id: Json, content: Mapping[str, Json]) -> Message:
    return {"id": request_id, "result": dict(content)}


def unsupported(request_id: Json, method: str) -> Message:
    """The response to a method that this client does not offer."""
    return {"id": request_id, "error": {"code": NO_SUCH_METHOD, "message": f"{method} is not offered here"}}


class JsonRpcConversation(ProtocolConversation):
    """A conversation in requests and notifications. What people say becomes a later prompt."""

    ENVELOPE: ClassVar[Mapping[str, Json]] = {}
    """Fields that every message has."""

    def __init__(self, context: ConversationContext, render_reply: ReplyRenderer) -> None:
        super().__init__(context, lambda request, reply: {**self.ENVELOPE, **render_reply(request, reply)})
        self._last_request = 0
        self._responses: dict[int, Json] = {}
        self._messages: list[str] = []
        """What the next prompt is to say."""

    @abstractmethod
    def _handle_request(self, method: str, request_id: Json, params: Json) -> Iterator[AgentEvent]:
        """React to a request of the program, which waits for a response."""

    @abstractmethod
    def _handle_notification(self, method: str, params: Json) -> Iterator[AgentEvent]:
        """React to what the program reports."""

    def _handle(self, message: Message) -> Iterator[AgentEvent]:
        fields = dict(message)
        method, request_id, params = text_at(fields, "method"), fields.get("id"), fields.get("params")
        if not method:
            self._responses |= {request_id: fields} if isinstance(request_id, int) else {}
        elif request_id is not None:
            yield from self._handle_request(method, request_id, params)
        else:
            yield from self._handle_notification(method, params)

    def _add_message(self, text: str) -> None:
        self._messages.append(text)

    def _next_prompt(self) -> str:
        """What people said that the program does not know yet, and what it was refused; empty: nothing to add."""
        messages, self._messages = self._messages, []
        explanations = self._broker.refusals.take_explanations(person_spoke=bool(messages))
        return "\n\n".join([*explanations, *messages])

    def _call(self, method: str, params: Mapping[str, Json], *, timeout: float | None = None) -> ResponseSteps:
        """Send a request and poll until its response is there; the whole response, an error included."""
        request_id = self._send_request(method, params)
        until = None if timeout is None else time.monotonic() + timeout
        while request_id not in self._responses:
            yield from self._poll(None if until is None else max(0.0, until - time.monotonic()))
            if until is not None and time.monotonic() > until and request_id not in self._responses:
                raise RunEnded.because(EndReason.FAILED, f"no answer to {method} within {timeout:g} s")
        return self._responses.pop(request_id)

    def _send_request(self, method: str, params: Mapping[str, Json]) -> int:
        self._last_request += 1
        self._send({"id": self._last_request, "method": str(method), "params": dict(params)})
        return self._last_request

    def _notify(self, method: str, params: Mapping[str, Json] | None = None) -> None:
        self._send({"method": str(method), **({} if params is None else {"params": dict(params)})})

    def _send(self, message: Mapping[str, Json]) -> None:
        self._channel.send({**self.ENVELOPE, **message})
