"""The socket in the database folder: what no file can say, asked of the daemon.

One request and one reply per connection, each a JSON object on a line. Before the reply come `{"alive": true}`, time
and again, and `{"begun": true}` when the request is carried out. Requests are queued for the writer thread; the socket
itself decides nothing. The client is `system.control_client`.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

ALIVE_INTERVAL = 0.3
"""Seconds between two signs of life to a client whose request waits."""


class Op(StrEnum):
    """What can be asked."""

    SYNC = "look"
    """Take in what was just saved; reply when it is done."""
    ANNOUNCE = "announce"
    """A command is about to write a file: its path, the hash of the bytes, and whether a person is on a terminal."""
    INGEST_NOW = "hurry"
    """The file was edited by a command: its quiet time is over."""
    STOP = "stop"
    READY = "ready"
    TAKE_OVER = "take"
    TRUST = "trust"
    CONFIRM = "confirm"
    LAND = "land"
    RESOLVE = "resolve"
    """Open the checkout of a task's conflict; the reply is JSON."""
    RESOLVED = "resolved"
    """Take what was resolved there; the reply is JSON."""
    REPAIR = "repair"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlReply:
    """The outcome of a request."""

    ok: bool
    text: str = ""


def _always() -> bool:
    return True


@dataclass(slots=True, kw_only=True)
class ControlRequest:
    """A request that waits for the writer thread; answered exactly once."""

    op: Op
    subject: str = ""
    on_terminal: bool = False
    """The command was given on a terminal."""
    begin: Callable[[], bool] = _always
    """Tell the client that its request is carried out from now on. False: the client has given up and takes it that
    nothing was done, so nothing may be done."""
    _done: threading.Event = field(default_factory=threading.Event)
    _reply: ControlReply = ControlReply(ok=False, text="the daemon stopped before it answered")

    @property
    def answered(self) -> bool:
        return self._done.is_set()

    def answer(self, reply: ControlReply) -> None:
        self._reply = reply
        self._done.set()

    def wait(self, timeout: float) -> ControlReply:
        self._done.wait(timeout)
        return self._reply


FILE_CHECK_INTERVAL = 0.25
"""Seconds after which it is looked again whether the socket's file is still there."""

_TRANSIENT_ERRNOS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED, errno.EINTR}
)
"""Errors of `accept` that say nothing against the socket."""


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


class ControlSocket:
    """Listens for requests in a thread of its own, at the first of `paths` where a socket can be made."""

    def __init__(self, paths: Sequence[Path], wake: Callable[[], None]) -> None:
        self._paths = paths
        self._wake = wake
        self._requests: queue.SimpleQueue[ControlRequest] = queue.SimpleQueue()
        self._socket = socket.socket(socket.AF_UNIX)
        self._bound: Path | None = None
        self._file: int | None = None
        """The inode of the socket's file."""
        self._open = True
        self._pause = threading.Event()

    def start(self) -> str:
        """Listen; a socket that a killed daemon left is replaced (the lock is ours). Returns why it cannot, or ""."""
        refused = [reason for path in self._paths if (reason := self._bind_reason(path))]
        if self._bound is None:
            return "; ".join(refused)
        self._socket.listen(socket.SOMAXCONN)  # many commands at once are queued, not refused
        self._socket.settimeout(FILE_CHECK_INTERVAL)
        threading.Thread(target=self._serve, args=(self._socket,), name="control-socket", daemon=True).start()
        return ""

    def renew(self) -> None:
        """Listen again where the socket's file was removed: no command would find it any more."""
        if self._bound is None or _inode(self._bound) == self._file:
            return
        self._socket.close()
        self._socket, self._bound = socket.socket(socket.AF_UNIX), None
        self.start()

    def _bind_reason(self, path: Path) -> str:
        """Listen there unless there is a socket already; why that cannot be done, or ""."""
        if self._bound is not None:
            return ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            with short_name(path) as name:
                self._socket.bind(name)
            os.chmod(path, 0o600)
        except OSError as error:
            return f"{path}: {error.strerror}"
        self._bound, self._file = path, _inode(path)
        return ""

    def take_requests(self) -> Iterator[ControlRequest]:
        """Every request that waits, for the writer thread."""
        with suppress(queue.Empty):
            while True:
                yield self._requests.get_nowait()

    def put(self, request: ControlRequest) -> None:
        """Queue a request of our own."""
        self._requests.put(request)

    def close(self) -> None:
        self._open = False
        for request in self.take_requests():
            request.answer(ControlReply(ok=False, text="coworkd is stopping"))
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for the next connection
        self._socket.close()
        if self._bound is not None:
            self._bound.unlink(missing_ok=True)

    def _serve(self, listener: socket.socket) -> None:
        """The thread: takes connections until this socket is closed; wakes the writer when its file has gone."""
        while self._open and listener is self._socket:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                if self._bound is not None and _inode(self._bound) != self._file:
                    self._wake()
                continue
            except OSError as error:
                if error.errno not in _TRANSIENT_ERRNOS:
                    return
                self._pause.wait(FILE_CHECK_INTERVAL)
                continue
            threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()

    def _serve_connection(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(600)
            line = _read_line(connection)
            connection.settimeout(None)  # what is sent is small; only so can the writer send without waiting
            reply = self._await_writer(line, connection)
            connection.sendall(_message(ok=reply.ok, text=reply.text))

    def _await_writer(self, line: bytes, connection: socket.socket) -> ControlReply:
        """The writer's reply; until it comes the client is told, time and again, that this process is alive."""
        try:
            said = json.loads(line)
            request = ControlRequest(
                op=Op(said["op"]), subject=str(said.get("subject", "")), on_terminal=said.get("terminal") is True,
                begin=_begin_notifier(connection),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, RecursionError):
            return ControlReply(ok=False, text="not a request that this coworkd knows")
        self._requests.put(request)
        self._wake()
        until = time.monotonic() + 600
        while not request.answered and time.monotonic() < until:
            connection.sendall(_message(alive=True))
            request.wait(ALIVE_INTERVAL)
        return request.wait(0)


def _begin_notifier(connection: socket.socket) -> Callable[[], bool]:
    """What tells the client that its request is carried out now; used by the writer thread, which never waits.

    A client that gives up closes its side for reading and then looks whether this message came. The kernel refuses to
    send to a side that is closed, so both of them know the same.
    """

    def begin() -> bool:
        try:
            connection.send(_message(begun=True), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            return False
        return True

    return begin


def _message(**said: object) -> bytes:
    return json.dumps(said).encode() + b"\n"


def _read_line(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) < 65536:
        got = connection.recv(4096)
        if not got:
            break
        data += got
    return data


@contextmanager
def short_name(path: Path) -> Generator[str]:
    """The socket's name, short enough for the kernel's 108 bytes however deep the repository lies."""
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
