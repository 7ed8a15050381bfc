"""A process that has loaded what its children need, and forks one for each request.

Loading costs a fifth of a second and ten megabytes, of litellm seconds and a hundred; a fork has it at once and shares
the memory. A child has a session, an environment and streams of its own, so that its end affects no other. The server
itself never works, has no threads and no secrets: what a child is to do comes with its request, in a memory file that
only the child reads. It ends when its socket closes, and its children live on.

It adopts what a child leaves behind when that is killed, and kills it.

Standard library only, and little of that: a copy of this process is the supervisor of every command.
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
from typing import NamedTuple

from coworkd.system.process_tree import become_subreaper, children_of, kill_trees, set_mark

MAX_MESSAGE = 4096
"""Bytes of a message in either direction."""
READY = ""
"""The name in the first report, which is of no child: everything has been loaded."""
STREAMS = 3
"""Standard input, output and error of a child, in this order, after the file of its `ChildSpec`."""


class ChildSpec(NamedTuple):
    """What a child is to do, as it crosses to the server."""

    arguments: list[str]
    """Of the entry function."""
    env: dict[str, str]
    cwd: str
    marks: list[str]
    """Names of variables by which the child can be found from outside, as if it had been started with its `env`."""


class ForkReport(NamedTuple):
    """What the server says of a child; the first report of a child that was started brings its pidfd along."""

    name: str
    pid: int = 0
    """0: it was not started."""
    code: int | None = None
    """How it ended, negative: by that signal; None: it has begun."""
    error: int = 0
    """Why it could not be started, as an `errno`."""


def main() -> None:
    """`... SOCKET ENTRY [MODULE...]`: load the modules, then fork children that call ENTRY (`module:function`)."""
    fd, entry, *modules = sys.argv[1:]
    for name in modules:
        getattr(import_module(name), "preload", _nothing)()
    module, _, function = entry.partition(":")
    call: Callable[..., int] = getattr(import_module(module), function)
    _release_log()
    become_subreaper()
    gc.collect()
    gc.freeze()  # what is there now is never looked at again: pages stay shared
    with socket.socket(fileno=int(fd)) as requests:
        ChildForker(requests, call).serve()


class ChildForker:
    """Forks children on request, and reports how each ended."""

    def __init__(self, requests: socket.socket, call: Callable[..., int]) -> None:
        self._requests = requests
        self._call = call
        self._names: dict[int, str] = {}
        self._open = True
        self._signals, self._signal_writer = os.pipe()
        for fd in (self._signals, self._signal_writer):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._signal_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)

    def serve(self) -> None:
        self._report(ForkReport(READY))
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_READ, self._take_request)
            selector.register(self._signals, selectors.EVENT_READ, self._reap)
            while self._open:
                for key, _ in selector.select():
                    ready: Callable[[], None] = key.data
                    ready()

    def _take_request(self) -> None:
        try:
            content, files, _, _ = socket.recv_fds(self._requests, MAX_MESSAGE, 1 + STREAMS)
        except ConnectionResetError:
            content, files = b"", []
        if not content:
            self._open = False
            return
        try:
            self._fork(content.decode(), files)
        finally:
            for fd in files:
                os.close(fd)

    def _fork(self, name: str, files: Sequence[int]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            self._report(ForkReport(name, error=error.errno or 0))
            return
        if not pid:
            self._become_child(*files)
        self._names[pid] = name
        try:
            watched = os.pidfd_open(pid)  # its parent is this process: it cannot have been collected yet
        except OSError as error:
            os.kill(pid, signal.SIGKILL)  # its client could not wait for it
            self._report(ForkReport(name, error=error.errno or 0))
            return
        try:
            self._report(ForkReport(name, pid), watched)
        finally:
            os.close(watched)

    def _become_child(self, order_file: int, *streams: int) -> None:
        """The forked side; does not return."""
        code = os.EX_SOFTWARE
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            for at, stream in enumerate(streams):
                os.dup2(stream, at)
            order = _read_order(order_file)
            for fd in (order_file, *streams, self._signals, self._signal_writer, self._requests.detach()):
                os.close(fd)
            for mark in order.marks:
                set_mark(mark, order.env[mark])
            os.environ.clear()
            os.environ.update(order.env)
            os.chdir(order.cwd)
            code = self._call(*order.arguments)
        except Exception:  # noqa: BLE001 - the top of a process
            with contextlib.suppress(OSError):
                traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):  # its log may be on a full disk
                sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        os.read(self._signals, MAX_MESSAGE)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if name := self._names.pop(ended[0], ""):
                    self._report(ForkReport(name, ended[0], os.waitstatus_to_exitcode(ended[1])))
        # A child ends everything below itself before it ends: what is adopted here belonged to one that was killed.
        # The end of what is killed wakes this function again.
        kill_trees(children_of(os.getpid()) - self._names.keys())

    def _report(self, report: ForkReport, *files: int) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # noticed where requests are read
            socket.send_fds(self._requests, [json.dumps(report).encode()], list(files))


def _release_log() -> None:
    """What went wrong while loading is in the log of the first run, whose file system may be needed otherwise now."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)


def _read_order(fd: int) -> ChildSpec:
    with open(fd, "rb", closefd=False) as file:
        file.seek(0)
        return ChildSpec(*json.loads(file.read()))


def _ignore(_number: int, _frame: object) -> None:
    """The byte in the wake-up pipe is what counts."""


def _nothing() -> None:
    """What a module without `preload` needs beyond its import."""
