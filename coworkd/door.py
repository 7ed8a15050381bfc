"""The socket in the database folder: what no file can say, asked of the daemon.

One request and one reply per connection, each a JSON object on a line. Requests are queued for the writer thread; the
door itself decides nothing.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from coworkd.errors import UserError


class Op(StrEnum):
    """What can be asked."""

    LOOK = "look"
    """Take in what was just saved; reply when it is done."""
    HURRY = "hurry"
    """The file was edited by a command: its quiet time is over."""
    ANSWER = "answer"
    """The same for an answer that a person gave on a terminal."""
    STOP = "stop"
    READY = "ready"
    TAKE = "take"
    TRUST = "trust"
    CONFIRM = "confirm"
    LAND = "land"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a request."""

    ok: bool
    text: str = ""


@dataclass(slots=True, kw_only=True)
class Request:
    """A request that waits for the writer thread; answered exactly once."""

    op: Op
    subject: str = ""
    _done: threading.Event = field(default_factory=threading.Event)
    _reply: Reply = Reply(ok=False, text="the daemon stopped before it answered")

    @property
    def answered(self) -> bool:
        return self._done.is_set()

    def answer(self, reply: Reply) -> None:
        self._reply = reply
        self._done.set()

    def wait(self, timeout: float) -> Reply:
        self._done.wait(timeout)
        return self._reply


class Door:
    """Listens for requests in a thread of its own."""

    def __init__(self, path: Path, wake: Callable[[], None]) -> None:
        self._path = path
        self._wake = wake
        self._requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._socket = socket.socket(socket.AF_UNIX)
        self._open = True

    def start(self) -> None:
        """Listen; a socket that a killed daemon left is replaced (the lock is ours)."""
        self._path.unlink(missing_ok=True)
        with _short(self._path) as name:
            self._socket.bind(name)
        os.chmod(self._path, 0o600)
        self._socket.listen(16)
        threading.Thread(target=self._serve, name="door", daemon=True).start()

    def take(self) -> Iterator[Request]:
        """Every request that waits, for the writer thread."""
        with suppress(queue.Empty):
            while True:
                yield self._requests.get_nowait()

    def put(self, request: Request) -> None:
        """Queue a request of our own."""
        self._requests.put(request)

    def close(self) -> None:
        self._open = False
        for request in self.take():
            request.answer(Reply(ok=False, text="coworkd is stopping"))
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for the next connection
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while self._open:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(600)
            reply = self._asked(_line(connection))
            connection.sendall(json.dumps({"ok": reply.ok, "text": reply.text}).encode() + b"\n")

    def _asked(self, line: bytes) -> Reply:
        try:
            said = json.loads(line)
            request = Request(op=Op(said["op"]), subject=str(said.get("subject", "")))
        except (ValueError, KeyError, TypeError, RecursionError):
            return Reply(ok=False, text="not a request that this coworkd knows")
        self._requests.put(request)
        self._wake()
        return request.wait(600)


def ask(path: Path, op: Op, subject: str = "", timeout: float = 600) -> Reply | None:
    """Ask the daemon; None when none listens. Raises `UserError` when it does not answer in time."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        try:
            with _short(path) as name:
                connection.connect(name)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        try:
            connection.sendall(json.dumps({"op": op, "subject": subject}).encode() + b"\n")
            said = json.loads(_line(connection) or b'{"ok": false, "text": "the daemon hung up"}')
        except TimeoutError as error:
            raise UserError(f"the daemon did not answer within {timeout:g} s; see `coworkd status`") from error
        except OSError:
            return None
    return Reply(ok=bool(said["ok"]), text=str(said["text"]))


def _line(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) < 65536:
        got = connection.recv(4096)
        if not got:
            break
        data += got
    return data


@contextmanager
def _short(path: Path) -> Generator[str]:
    """The socket's name, short enough for the kernel's 108 bytes however deep the repository lies."""
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
