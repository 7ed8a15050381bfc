"""Ways out of a sandbox, as a program: which of them lead out where it is started.

    python -I -S escape_attempts.py PLACE PID TCP UDP ABSTRACT

PLACE is a folder outside with `file`, `key` and a listening `socket`; PID a process outside; TCP and UDP are ports of
127.0.0.1 that are bound outside, ABSTRACT the name of an abstract socket. Prints the name of each way that led out and
then END. Harmless where one works: they look, and touch only what was made for them. Standard library only, and this
file alone: nothing else of coworkd is visible inside.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator

END = "tried them all"

_IO_URING_SETUP, _KEYCTL = 425, {"x86_64": 250, "aarch64": 219}
_NEW_USER_NAMESPACE, _NEW_MOUNTS = 0x1000_0000, 0x0002_0000
_PATIENCE = 5.0


class Outside:
    """What the attempts are after."""

    def __init__(self, words: list[str]) -> None:
        self.place = words[0]
        self.pid, self.tcp, self.udp = int(words[1]), int(words[2]), int(words[3])
        self.abstract = f"\0{words[4]}"


Attempt = Callable[[Outside], object]
"""Raises OSError where it does not lead out."""


def _open(path: str, flags: int) -> None:
    os.close(os.open(path, flags))


def _connect(family: int, address: str | tuple[str, int]) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as made:
        made.settimeout(_PATIENCE)
        made.connect(address)


def _datagram(outside: Outside) -> None:
    """The second is refused where the first found nothing to take it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.connect(("127.0.0.1", outside.udp))
        made.send(b"x")
        made.send(b"x")


def _call(number: int, *arguments: object) -> None:
    """Raises OSError when the call is not there or not permitted; what else it complains of is past the sandbox."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0 and ctypes.get_errno() in (1, 13, 38):
        raise OSError(ctypes.get_errno(), "refused")


def _unshare(kind: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(kind) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _keyring(_: Outside) -> None:
    _call(_KEYCTL[os.uname().machine], 0, -3, 0)


ATTEMPTS: dict[str, Attempt] = {
    "writes a file outside": lambda outside: _open(f"{outside.place}/file", os.O_WRONLY),
    "empties a file outside": lambda outside: os.truncate(f"{outside.place}/file", 0),
    "makes a file outside": lambda outside: _open(f"{outside.place}/made", os.O_WRONLY | os.O_CREAT),
    "reads a file outside": lambda outside: _open(f"{outside.place}/key", os.O_RDONLY),
    "lists a folder outside": lambda outside: os.listdir(outside.place),
    "signals a process outside": lambda outside: os.kill(outside.pid, 0),
    "reads the environment of a process outside": lambda outside: _open(f"/proc/{outside.pid}/environ", os.O_RDONLY),
    "connects to a service of this machine": lambda outside: _connect(socket.AF_INET, ("127.0.0.1", outside.tcp)),
    "sends a datagram": _datagram,
    "asks a socket file": lambda outside: _connect(socket.AF_UNIX, f"{outside.place}/socket"),
    "asks an abstract socket": lambda outside: _connect(socket.AF_UNIX, outside.abstract),
    "makes a namespace": lambda _: _unshare(_NEW_USER_NAMESPACE),
    "makes mounts of its own": lambda _: _unshare(_NEW_MOUNTS),
    "sets up io_uring": lambda _: _call(_IO_URING_SETUP, 1, ctypes.create_string_buffer(256)),
    "reads the keyring": _keyring,
}
"""By name."""


def led_out(outside: Outside) -> Iterator[str]:
    for name, attempt in ATTEMPTS.items():
        # In a process of its own: a namespace that was made stays, and a call may end the process.
        child = os.fork()
        if not child:
            os._exit(_tried(attempt, outside))
        if os.waitpid(child, 0)[1] == 0:
            yield name


def _tried(attempt: Attempt, outside: Outside) -> int:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(2 * _PATIENCE))
    try:
        attempt(outside)
    except (OSError, KeyError):
        return 1
    return 0


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    for way in led_out(Outside(sys.argv[1:])):
        _say(way)
    _say(END)
