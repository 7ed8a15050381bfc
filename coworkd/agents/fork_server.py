"""A process that has loaded what a driver needs, and forks a worker for each run: `... fork_server SOCKET MODULE`.

Loading costs seconds and a hundred megabytes; a fork has it at once and shares the memory. Everything else is as with
workers that are started separately: each run has its own process, whose end affects no other. The server never works
itself and has no secrets: the environment of a run comes with its request, over the socket, for its worker alone. It
ends when the socket closes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from coworkd.agents import worker_main
from coworkd.system.process_tree import RUN_MARK, set_run_mark

MAX_REQUEST_BYTES = 1024 * 1024
"""Bytes of one request."""
_STREAMS = 3


def main(fd: int, module: str) -> None:
    """Load the module, then serve."""
    import_module(module).preload()
    gc.collect()
    gc.freeze()  # what is there now is never looked at again: pages stay shared
    with socket.socket(fileno=fd) as orders:
        _ForkServer(orders).serve()


class _ForkServer:
    """Forks and kills workers on request, and reports how each ended."""

    def __init__(self, orders: socket.socket) -> None:
        self._requests = orders
        self._names: dict[int, str] = {}
        self._open = True
        self._signals, self._signal_writer = os.pipe()
        for fd in (self._signals, self._signal_writer):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._signal_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)

    def serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_READ, self._take_request)
            selector.register(self._signals, selectors.EVENT_READ, self._reap)
            while self._open:
                for key, _ in selector.select():
                    ready: Callable[[], None] = key.data
                    ready()

    def _take_request(self) -> None:
        content, streams, _, _ = socket.recv_fds(self._requests, MAX_REQUEST_BYTES, _STREAMS)
        if not content:
            self._open = False
            return
        order = json.loads(content)
        if "kill" in order:
            self._kill(order["kill"])
        else:
            self._fork(order["name"], order["run_dir"], order["env"], streams)

    def _fork(self, name: str, run_dir: str, env: dict[str, str], streams: Sequence[int]) -> None:
        pid = os.fork()
        if not pid:
            self._become_worker(run_dir, env, streams)
        self._names[pid] = name
        for stream in streams:
            os.close(stream)

    def _become_worker(self, run_dir: str, env: dict[str, str], streams: Sequence[int]) -> None:
        """The forked side; does not return."""
        code = os.EX_SOFTWARE
        try:
            signal.set_wakeup_fd(-1)
            set_run_mark(env[RUN_MARK])
            os.setsid()
            for at, stream in enumerate(streams):
                os.dup2(stream, at)
            for fd in (*streams, self._signals, self._signal_writer, self._requests.detach()):
                os.close(fd)
            os.environ.clear()
            os.environ.update(env)
            os.chdir(run_dir)
            code = worker_main.main(Path(run_dir))
        except Exception:  # noqa: BLE001 - the top of a process
            with contextlib.suppress(OSError):
                traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):  # its log may be on a full disk
                sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        os.read(self._signals, 4096)
        with contextlib.suppress(ChildProcessError, BrokenPipeError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                name = self._names.pop(ended[0], "")
                self._requests.send(json.dumps([name, os.waitstatus_to_exitcode(ended[1])]).encode())

    def _kill(self, name: str) -> None:
        for pid, known in self._names.items():
            if known == name:
                os.kill(pid, signal.SIGKILL)


def _ignore(_number: int, _frame: object) -> None:
    """The byte in the wake-up pipe is what counts."""


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
