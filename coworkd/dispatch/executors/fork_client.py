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
"""Elsewhere every worker is a process of its own: forking is not safe there, or messages have no bounds."""

_SERVER_RUN_MARK = "fork-server-" + "-" * 120
_EXIT_TIMEOUT = 5.0
_UNKNOWN_EXIT_CODE = -1
"""Stands for the exit code of a worker whose fork server is gone."""


class ForkedWorker:
    """A forked worker, as its executor knows workers: see `process.Child`."""

    def __init__(self, name: str, server: ForkServerClient, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self._name = name
        self._server = server
        self.stdin = stdin
        self.stdout = stdout

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code; None when it lives on after `timeout` seconds."""
        return self._server.exit_code(self._name, timeout)

    def kill(self) -> None:
        self._server.send({"kill": self._name})

    def close(self) -> None:
        self.stdin.close()
        self.stdout.close()


class ForkServerClient:
    """Started at once, loaded some seconds later; orders wait until then, and nobody waits for them.

    `log` takes what it says on standard error, should it not be able to load. `exit_code` is for one thread.
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

    def send(self, order: Mapping[str, object], streams: tuple[int, ...] = ()) -> None:
        """Have an order carried out, with descriptors that are the fork server's from now on."""
        self._requests.put((json.dumps(order).encode(), streams))

    def exit_code(self, name: str, timeout: float | None) -> int | None:
        """How a worker ended; None when it lives on after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while name not in self._codes:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._socket], [], [], left)[0]:
                return None
            if not self._receive_report():
                return _UNKNOWN_EXIT_CODE
        return self._codes.pop(name)

    def close(self) -> None:
        """End the fork server; its workers are not touched."""
        self._requests.put(None)
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        if self._child.wait(_EXIT_TIMEOUT) is None:
            self._child.kill()
            self._child.wait()
        self._child.close()

    def _receive_report(self) -> bool:
        """Take in one report; False when there will be no more."""
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
        """The thread: a socket that is full, because the fork server is still loading, may block here and nowhere else.

        What cannot be sent is dropped, and its streams with it: a worker that closes its output at once is noticed.
        """
        while order := self._requests.get():
            content, streams = order
            try:
                socket.send_fds(self._socket, [content], list(streams))
            except OSError:
                pass
            finally:
                for stream in streams:
                    os.close(stream)
