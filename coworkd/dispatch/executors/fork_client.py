"""The daemon's side of a fork server: workers that are forked from a process which has loaded what they need."""

from __future__ import annotations

import itertools
import json
import os
import queue
import select
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from coworkd.system.process import commands
from coworkd.system.process_tree import RUN_MARK

FORK_SERVER_SUPPORTED = sys.platform.startswith("linux")
"""Elsewhere every worker is a process of its own: forking is not safe there, or sockets keep no message bounds."""

_SERVER_RUN_MARK = "fork-server-" + "-" * 120
_EXIT_TIMEOUT = 5.0
_UNKNOWN_EXIT_CODE = -1
"""The exit code of a worker whose fork server is gone."""


class ForkedWorker:
    """A forked worker, with the methods of `commands.Child`."""

    def __init__(self, name: str, server: ForkServerClient, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self._name = name
        self._server = server
        self.stdin = stdin
        self.stdout = stdout

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code; None when the worker is still alive after `timeout` seconds."""
        return self._server.exit_code(self._name, timeout)

    def kill(self) -> None:
        self._server.send({"kill": self._name})

    def close(self) -> None:
        self.stdin.close()
        self.stdout.close()


class ForkServerClient:
    """A fork server: started at once, loaded some seconds later. Requests are queued until then, without blocking.

    `log` receives its standard error. `exit_code` may be called by one thread only.
    """

    def __init__(self, module: str, env: Mapping[str, str], log: BinaryIO) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = (sys.executable, "-P", "-m", "coworkd.agents.fork_server", str(theirs.fileno()), module)
        env = {**env, RUN_MARK: _SERVER_RUN_MARK}
        with theirs:
            self._child = commands.spawn(argv, cwd=Path("/"), env=env, stderr=log, keep=(theirs.fileno(),))
        self._names = map(str, itertools.count())
        self._codes: dict[str, int] = {}
        self._requests: queue.SimpleQueue[tuple[bytes, tuple[int, ...]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._send_all, name="fork-server", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    def fork(self, run_dir: Path, env: Mapping[str, str], log: BinaryIO) -> ForkedWorker:
        """A worker for the run in `run_dir`, with this environment and no other; `log`: its standard error."""
        name = next(self._names)
        their_in, our_in = os.pipe()
        our_out, their_out = os.pipe()
        streams = (their_in, their_out, os.dup(log.fileno()))
        self.send({"name": name, "run_dir": str(run_dir), "env": dict(env)}, streams)
        return ForkedWorker(name, self, os.fdopen(our_in, "wb", buffering=0), os.fdopen(our_out, "rb", buffering=0))

    def send(self, request: Mapping[str, object], streams: tuple[int, ...] = ()) -> None:
        """Queue a request, with descriptors that belong to the fork server from now on."""
        self._requests.put((json.dumps(request).encode(), streams))

    def exit_code(self, name: str, timeout: float | None) -> int | None:
        """The exit code of a worker; None when it is still alive after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while name not in self._codes:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._socket], [], [], left)[0]:
                return None
            if not self._receive_report():
                return _UNKNOWN_EXIT_CODE
        return self._codes.pop(name)

    def close(self) -> None:
        """End the fork server; its workers live on."""
        self._requests.put(None)
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        if self._child.wait(_EXIT_TIMEOUT) is None:
            self._child.kill()
            self._child.wait()
        self._child.close()

    def _receive_report(self) -> bool:
        """Receive one report; False when no more will follow."""
        try:
            report = self._socket.recv(1024)
        except ConnectionResetError:
            return False
        if not report:
            return False
        name, code = json.loads(report)
        self._codes[name] = code
        return True

    def _send_all(self) -> None:
        """The sending thread: a full socket, while the fork server is still loading, blocks here and nowhere else.

        A request that cannot be sent is dropped with its streams: the executor notices the closed output.
        """
        while request := self._requests.get():
            content, streams = request
            try:
                socket.send_fds(self._socket, [content], list(streams))
            except OSError:
                pass
            finally:
                for stream in streams:
                    os.close(stream)
