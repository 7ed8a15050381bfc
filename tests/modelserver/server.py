"""The HTTP side: a server on loopback in a thread of its own, and the record of what it was asked."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.modelserver import anthropic, gemini
from tests.modelserver.anthropic import Messages
from tests.modelserver.formats import Body, Format, Said, say
from tests.modelserver.gemini import Generate
from tests.modelserver.openai_chat import Chat
from tests.modelserver.openai_responses import Responses
from tests.modelserver.turns import Flaw, Query, Raw, Refusal, Reply, Script, steps

_BAD_FRAME = b'data: {"this is": not JSON\n\n'
_MODELS = ("gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    query: Query | None
    """What it asked the model for; None: something else."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ModelServer:
    """Serves a script until it is closed. A context manager."""

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        self.script: Script = script or steps(Reply(text="hello"))
        self._arrived = threading.Condition()
        self._requests: list[Recorded] = []
        self._serials = itertools.count(1)
        self.released = threading.Event()
        """Replies that are held go on once this is set."""
        self._http = _Http(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The base URL, without a version."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def requests(self) -> list[Recorded]:
        """Everything that came so far."""
        with self._arrived:
            return list(self._requests)

    @property
    def queries(self) -> list[Query]:
        """Every request for a reply so far."""
        return [request.query for request in self.requests if request.query]

    def wait_for(self, queries: int, seconds: float = 20.0) -> None:
        """Until so many replies have been asked for."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: sum(r.query is not None for r in self._requests) >= queries, seconds):
                raise TimeoutError(f"{queries} requests did not come")

    def release(self) -> None:
        """Let replies that are held go on."""
        self.released.set()

    def close(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._thread.join()
        self._http.cut()
        self._http.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def record(self, request: Recorded) -> int:
        """Keep a request; the serial number of its reply."""
        with self._arrived:
            self._requests.append(request)
            self._arrived.notify_all()
            return next(self._serials)


class _Http(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: ModelServer) -> None:
        self.owner = owner
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        """Close what clients keep open, so that no thread waits for their next request."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is its own business."""
        del request, client_address


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: socketserver.BaseServer

    def do_HEAD(self) -> None:
        self._note(b"", None)
        self._send(Raw(status=200))

    def do_GET(self) -> None:
        self._note(b"", None)
        if urlsplit(self.path).path.endswith("/models"):
            self._send(_json({"object": "list", "data": [{"id": name, "object": "model"} for name in _MODELS]}))
        else:
            self._send(_json({"error": {"message": f"there is no {self.path}"}}, 404))

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        count, form = _counter(path), _format(path)
        if count is None and form is None:
            self._note(content, None)
            self._send(_json({"error": {"message": f"there is no {path}"}}, 404))
            return
        body: Body = json.loads(content)
        if count is not None:
            self._note(content, None)
            self._send(_json(count(body)))
        elif form is not None:
            query = form.query(path, body)
            self._reply(form, query, self._note(content, query))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed; the record has it all."""

    @property
    def _owner(self) -> ModelServer:
        assert isinstance(self.server, _Http)
        return self.server.owner

    def _note(self, content: bytes, query: Query | None) -> int:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self._owner.record(
            Recorded(method=self.command, path=self.path, headers=headers, body=content, query=query)
        )

    def _reply(self, form: Format, query: Query, serial: int) -> None:
        turn = self._owner.script(query)
        if isinstance(turn, Refusal):
            turn = form.refusal(turn)
        if isinstance(turn, Raw):
            self._send(turn)
            return
        said = say(query, turn, serial)
        if query.stream:
            self._stream(list(form.frames(said)), turn)
        else:
            self._whole(form, said)

    def _whole(self, form: Format, said: Said) -> None:
        if said.reply.flaw is Flaw.HELD:
            self._owner.released.wait()
        body = json.dumps(form.whole(said)).encode()
        if said.reply.flaw is Flaw.MALFORMED:
            body = b"<html>this is not JSON</html>"
        self._send(
            Raw(body=body, headers={"content-type": "application/json"}), dropped=said.reply.flaw is Flaw.DROPPED
        )

    def _stream(self, frames: list[bytes], reply: Reply) -> None:
        self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        for frame in _flawed(frames, reply.flaw):
            if frame is None:
                self._owner.released.wait()
                continue
            self.wfile.write(b"%x\r\n%b\r\n" % (len(frame), frame))
            self.wfile.flush()
            if reply.pause:
                self._owner.released.wait(reply.pause)
        if reply.flaw is Flaw.DROPPED:
            self._hang_up()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _send(self, raw: Raw, *, dropped: bool = False) -> None:
        self._head(raw.status, {**raw.headers, "content-length": str(len(raw.body))})
        if self.command != "HEAD":
            self.wfile.write(raw.body[: len(raw.body) // 2] if dropped else raw.body)
        if dropped:
            self._hang_up()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("request-id", "req_test")
        self.end_headers()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


def _flawed(frames: list[bytes], flaw: Flaw | None) -> Iterator[bytes | None]:
    """The frames as they are sent; None: wait until told to go on."""
    middle = max(1, len(frames) // 2)
    yield from frames[:middle]
    if flaw is Flaw.DROPPED:
        return
    if flaw is Flaw.HELD:
        yield None
    if flaw is Flaw.MALFORMED:
        yield _BAD_FRAME
    yield from frames[middle:]


def _json(body: object, status: int = 200) -> Raw:
    return Raw(status=status, body=json.dumps(body).encode(), headers={"content-type": "application/json"})


def _counter(path: str) -> Any:
    if path.endswith("/messages/count_tokens"):
        return anthropic.count_tokens
    return gemini.count_tokens if path.endswith(":countTokens") else None


def _format(path: str) -> Format | None:
    if path.endswith("/messages"):
        return Messages()
    if path.endswith("/chat/completions"):
        return Chat()
    if path.endswith("/responses"):
        return Responses()
    return Generate() if path.endswith(("enerateContent",)) else None
