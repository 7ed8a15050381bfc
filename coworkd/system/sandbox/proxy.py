"""The way out of a sandbox: a proxy, which connects to the hosts that the rules allow and to no other.

It listens on a socket file where the sandbox has a network of its own, and else on a port of this machine's loopback,
which every program of this machine can then ask.

It runs outside, in the process that started the sandbox. Names are looked up here, and the address that was judged is
the one that is connected to. One thread listens, one more serves each connection.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

from coworkd.system.sandbox.init_shim import relay
from coworkd.system.sandbox.network_rules import (
    HEAD_LIMIT,
    ProxyRequest,
    RefusedError,
    Report,
    Rules,
    Target,
    parse_request,
)

AT_ONCE = 128
"""Connections that are served at one time."""
_PATIENCE = 30.0
"""Seconds for a request's first lines, and for connecting."""
_ATTEMPTS = 4
_LONGEST_PARENT = 70


def socket_parent(temporary: str) -> str:
    """Where the folder of a socket file is made: the kernel takes 107 bytes of path, inside of the sandbox too."""
    return temporary if len(os.fsencode(temporary)) <= _LONGEST_PARENT else "/tmp"


class Proxy:
    """Listens from when it is made until it is closed. `report` is told what was refused, from any thread."""

    def __init__(self, network: Iterable[str], report: Report, *, on_loopback: bool = False) -> None:
        self._rules = Rules(network)
        self._report = report
        self._folder = Path(tempfile.mkdtemp(prefix="cowork-net-", dir=socket_parent(tempfile.gettempdir())))
        self.path = self._folder / "proxy"
        """The socket file; not there on loopback."""
        self.port = 0
        """The port of 127.0.0.1; 0: it listens on the socket file."""
        self._listener = self._bound(on_loopback)
        self._listener.listen(AT_ONCE)
        self._free = threading.Semaphore(AT_ONCE)
        threading.Thread(target=self._listen, name="proxy", daemon=True).start()

    def _bound(self, on_loopback: bool) -> socket.socket:
        if not on_loopback:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(self.path))
            return listener
        listener = socket.socket(socket.AF_INET)
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        return listener

    @property
    def here(self) -> tuple[Target, ...]:
        """Services of this machine that are to be found inside at their own address."""
        return self._rules.here

    def close(self) -> None:
        """No new connections; those that are open end with their sandbox."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            self._free.acquire()
            threading.Thread(target=self._serve, args=(client,), name="proxied", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with closing(client), suppress(OSError):
                client.settimeout(_PATIENCE)
                self._answer(client)
        finally:
            self._free.release()

    def _answer(self, client: socket.socket) -> None:
        try:
            head, more = _head(client)
            request = parse_request(head)
            self._rules.check(request.target)
            server = self._connect(request.target)
        except RefusedError as refused:
            self._report(refused.refusal)
            client.sendall(_said("403 Forbidden", str(refused)))
            return
        except OSError as error:
            client.sendall(_said("502 Bad Gateway", f"cannot connect: {error.strerror or error}"))
            return
        with closing(server):
            _begin(client, server, request, more)
            for side in (client, server):
                side.settimeout(None)
            relay(client, server)

    def _connect(self, target: Target) -> socket.socket:
        """A connection to an address that was judged. Raises RefusedError or OSError."""
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        fit = [one for one in found if self._rules.fit(target, str(one[4][0]))]
        if not fit:
            raise RefusedError(f"{target.host}:{target.port} stands for an address of this machine or network")
        problem = OSError("no address answers")
        for family, _, _, _, address in fit[:_ATTEMPTS]:
            server = socket.socket(family)
            server.settimeout(_PATIENCE)
            try:
                server.connect(address)
            except OSError as error:
                server.close()
                problem = error
            else:
                return server
        raise problem


def _head(client: socket.socket) -> tuple[bytes, bytes]:
    """A request's first lines, and the bytes after them. Raises RefusedError when they have no end."""
    content = b""
    while b"\r\n\r\n" not in content:
        chunk = client.recv(HEAD_LIMIT)
        content += chunk
        if not chunk or len(content) > HEAD_LIMIT:
            raise RefusedError("the request has no end" if chunk else "the request was broken off")
    head, _, more = content.partition(b"\r\n\r\n")
    return head, more


def _begin(client: socket.socket, server: socket.socket, request: ProxyRequest, more: bytes) -> None:
    if request.tunnel:
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    server.sendall(request.head + more)


def _said(status: str, why: str) -> bytes:
    text = f"coworkd: {why}\n".encode("ascii", "replace")
    fields = f"Content-Type: text/plain\r\nContent-Length: {len(text)}\r\nConnection: close"
    return f"HTTP/1.1 {status}\r\n{fields}\r\n\r\n".encode() + text
