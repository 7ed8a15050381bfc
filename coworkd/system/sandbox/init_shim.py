"""The small process inside of a sandbox with a network: it carries connections to the proxy, and starts the program.

    python -I -S inside.py SOCKET PORT[=HOST:PORT] ... -- PROGRAM ...

On each PORT of the sandbox's own loopback it listens and passes bytes on to the proxy's socket file; `=HOST:PORT` means
that the connection is led through to there. It has no rights of its own: subverting it gains nothing, for the
proxy outside decides. Standard library only, and this file alone: nothing else of coworkd is visible inside.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import threading
from contextlib import closing, suppress

_CHUNK = 64 * 1024


def main(words: list[str]) -> None:
    at = words.index("--")
    proxy, ports, program = words[0], words[1:at], words[at + 1 :]
    listeners = [found for port in ports for found in _listen(port)]
    child = _start(program)
    for listener, target in listeners:
        threading.Thread(target=_accept, args=(listener, proxy, target), daemon=True).start()
    os._exit(_wait(child))


def _listen(port: str) -> list[tuple[socket.socket, str]]:
    number, _, target = port.partition("=")
    found: list[tuple[socket.socket, str]] = []
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with suppress(OSError):  # no IPv6, or a port that is not ours to open: the program is told when it connects
            listener = socket.socket(family)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, int(number)))
            listener.listen(64)
            found.append((listener, target))
    return found


def _start(program: list[str]) -> int:
    """The program as a child of ours, without our sockets; before any thread is there."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the program is asked itself, and we go when it has gone
    child = os.fork()
    if child:
        return child
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(program[0], program)
    except OSError as error:
        os.write(2, f"cannot start {program[0]!r}: {error.strerror}\n".encode())
    os._exit(127)


def _wait(child: int) -> int:
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _accept(listener: socket.socket, proxy: str, target: str) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_carry, args=(client, proxy, target), daemon=True).start()


def _carry(client: socket.socket, proxy: str, target: str) -> None:
    with closing(client), closing(socket.socket(socket.AF_UNIX)) as server, suppress(OSError):
        server.connect(proxy)
        if not target or _led_through(server, target):
            relay(client, server)


def _led_through(server: socket.socket, target: str) -> bool:
    server.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        if not (byte := server.recv(1)):
            return False
        answer += byte
    return answer.startswith(b"HTTP/1.1 200 ")


def relay(one: socket.socket, other: socket.socket) -> None:
    """Pass on what each of two sockets says, and that it has finished, until both have. Raises OSError."""
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while ready.get_map():
            for key, _ in ready.select():
                source: socket.socket = one if key.data is other else other
                if chunk := source.recv(_CHUNK):
                    key.data.sendall(chunk)
                else:
                    ready.unregister(source)
                    key.data.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(sys.argv[1:])
