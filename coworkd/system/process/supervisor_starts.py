"""How supervisors are started: forked from a small process that has loaded them, where a daemon keeps one.

A command of the command line starts one or two supervisors, each by itself: a server would cost what it saves.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from coworkd.system.process.fork_client import (
    FORK_SERVER_SUPPORTED,
    ForkedProcess,
    ForkServer,
    ForkServerProgram,
)
from coworkd.system.process.spawning import DEVNULL, Child, spawn

Supervisor: TypeAlias = Child | ForkedProcess

_ROOT = str(Path(__file__).resolve().parents[3])
_SUPERVISE = "import sys; sys.path.insert(0, sys.argv[1]); from coworkd.system.process.supervisor import main; main()"
_FLAGS = ("-I", "-S")
_PROGRAM = ForkServerProgram(entry="coworkd.system.process.supervisor:main", flags=_FLAGS)
_FORKS = 3
"""Fork servers that are tried for one command, when they end before they have forked its supervisor."""

_START_TIMEOUT = 20.0
"""Seconds after which a fork server that has not forked is taken to be stuck, and is replaced."""


@contextmanager
def supervisor_server() -> Generator[None]:
    """Fork the supervisors of this process from a server of its own while this lasts.

    A server that was killed is replaced by the next command; the supervisors that it forked live on.
    """
    if not FORK_SERVER_SUPPORTED:
        yield
        return
    with _servers.open():
        yield


def start_supervisor(env: Mapping[str, str]) -> Supervisor:
    """A supervisor with this environment, which waits for its order. Raises OSError when it cannot be started."""
    for _ in range(_FORKS):
        if (forked := _servers.fork(env)) is None:
            break
        if forked.began(_START_TIMEOUT):
            return forked
        forked.close()
        forked.abandon_server()
    return spawn((sys.executable, *_FLAGS, "-c", _SUPERVISE, _ROOT), cwd=Path("/"), env=env)


class _Servers:
    """The fork server of this process, while it is to have one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = False
        self._server: ForkServer | None = None

    @contextmanager
    def open(self) -> Generator[None]:
        with self._lock:
            self._wanted = True
        try:
            yield
        finally:
            with self._lock:
                self._wanted = False
                server, self._server = self._server, None
            if server is not None:
                server.close()

    def fork(self, env: Mapping[str, str]) -> ForkedProcess | None:
        """A supervisor from the server, which is started or replaced where necessary; None: there is to be none."""
        with self._lock:
            if not self._wanted:
                return None
            if self._server is not None and not self._server.alive:
                self._server.close()
                self._server = None
            if self._server is None:
                self._server = ForkServer(_PROGRAM, {"PATH": os.defpath}, DEVNULL)
            with open(os.devnull, "ab") as log:
                return self._server.fork((), cwd=Path("/"), env=env, log=log)


_servers = _Servers()
"""Of this process, as its children are: a supervisor belongs to the process whose lifeline it holds."""
