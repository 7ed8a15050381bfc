"""A fork server as its client sees it: children with pipes, an end that can be waited for, and a server to replace."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import select
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from coworkd.system.process.fork_server import MAX_MESSAGE, READY, ChildSpec, ForkReport
from coworkd.system.process.spawning import spawn
from coworkd.system.process_tree import REPO_MARK, RUN_MARK, spare_marks
from coworkd.system.wakeup import Wakeup

FORK_SERVER_SUPPORTED = sys.platform.startswith("linux") and hasattr(os, "memfd_create")
"""Elsewhere every child is a process of its own: forking is not safe there, or sockets keep no message bounds."""

UNKNOWN_EXIT_CODE = -1
"""The exit code of a child whose fork server is gone."""

_ROOT = str(Path(__file__).resolve().parents[3])
_BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from coworkd.system.process.fork_server import main; main()"
_MARKS = (RUN_MARK, REPO_MARK)
_EXIT_TIMEOUT = 5.0
_REPORT_TIMEOUT = 1.0
"""Seconds that the server has to report an end which the kernel reports already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkServerProgram:
    """What a fork server loads, and what its children do."""

    entry: str
    """`module:function`, which gets the arguments of a request and returns the exit code."""
    modules: tuple[str, ...] = ()
    """What is loaded beforehand; a `preload` function in it is called."""
    flags: tuple[str, ...] = ("-P",)
    """Of the interpreter."""


@dataclass(slots=True, kw_only=True, eq=False)
class _ForkRequest:
    """One child, from the request to its end; guarded by the server's condition."""

    name: str
    files: tuple[int, ...]
    """To be sent with the request, and closed then."""
    requested: float = field(default_factory=time.monotonic)
    started: bool = False
    pidfd: int | None = None
    pid: int | None = None
    code: int | None = None
    error: int = 0
    kill: bool = False


class ForkedProcess:
    """A child of a fork server, with the methods of `spawning.Child`."""

    def __init__(self, request: _ForkRequest, server: ForkServer, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self._request = request
        self._server = server
        self.stdin = stdin
        self.stdout = stdout

    def began(self, timeout: float | None = None) -> bool:
        """Wait until it is known whether the process has been started. Raises the OSError that kept it from that.

        False where the server has not done that within `timeout` seconds, or was gone before.
        """
        return self._server.wait_for_start(self._request, timeout)

    @property
    def pid(self) -> int | None:
        """None before it was started, and where the system does not tell."""
        return self._request.pid

    @property
    def start_error(self) -> int:
        """Why it could not be forked, as an `errno`; 0: nothing is known of that."""
        return self._request.error

    def lost_before_start(self) -> bool:
        """Whether its server was gone before there was such a process."""
        return not self._server.alive and not self._request.started

    def is_overdue(self, timeout: float, awake_since: float = 0.0) -> bool:
        """Whether the server has not answered the request for `timeout` seconds, not counting those it needs to load.

        A server that is still loading has ten times as long. What was before `awake_since` does not count: who asks was
        stopped, and has yet to hear the answer.
        """
        if self._request.started or self._request.error:
            return False
        ready = self._server.ready_at
        since = max(self._request.requested, awake_since, ready or 0.0)
        return time.monotonic() - since > (timeout if ready is not None else 10 * timeout)

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code; None when the process is still alive after `timeout` seconds."""
        return self._server.wait_for(self._request, timeout)

    def kill(self) -> None:
        self._server.kill_child(self._request)

    def abandon_server(self) -> None:
        """Kill the server of this process, which does not answer: what it has forked before lives on."""
        self._server.kill()

    def close(self) -> None:
        self.stdin.close()
        self.stdout.close()
        self._server.forget(self._request)


class ForkServer:
    """A fork server: started at once, loaded some time later. Requests are queued until then, without blocking.

    Safe between threads. `log` receives its standard error, and `env` is all of its environment.
    """

    def __init__(self, program: ForkServerProgram, env: Mapping[str, str], log: BinaryIO | int) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        fd = str(theirs.fileno())
        argv = (sys.executable, *program.flags, "-c", _BOOT, _ROOT, fd, program.entry, *program.modules)
        with theirs:
            self._child = spawn(argv, cwd=Path("/"), env={**env, **spare_marks()}, stderr=log, keep=(theirs.fileno(),))
        self._names = map(str, itertools.count())
        self._changed = threading.Condition()
        """Guards what follows, and the fields of the requests."""
        self._requests: dict[str, _ForkRequest] = {}
        self._queue: deque[_ForkRequest] = deque()
        self._over = False
        self.ready_at: float | None = None
        """When it had loaded all that it needs, in monotonic time; None: it has not."""
        self._wakeup = Wakeup()
        self._thread = threading.Thread(target=self._serve, name="fork-server", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return not self._over and self._child.poll() is None

    def fork(self, arguments: tuple[str, ...], *, cwd: Path, env: Mapping[str, str], log: BinaryIO) -> ForkedProcess:
        """A child that calls the entry with these arguments, with this environment and no other.

        `log` is its standard error. It is not known to have been started until `was_started` says so.
        """
        marks = [name for name in _MARKS if name in env]
        order = ChildSpec(arguments=list(arguments), env=dict(env), cwd=str(cwd), marks=marks)
        their_in, our_in = os.pipe()
        our_out, their_out = os.pipe()
        files = (_memory_file(json.dumps(order).encode()), their_in, their_out, os.dup(log.fileno()))
        request = _ForkRequest(name=next(self._names), files=files)
        with self._changed:
            self._requests[request.name] = request
            self._queue.append(request)
            if self._over:
                self._drop_queue()
        self._wakeup.notify()
        return ForkedProcess(request, self, os.fdopen(our_in, "wb", buffering=0), os.fdopen(our_out, "rb", buffering=0))

    def kill(self) -> None:
        """Kill the server, not its children; what it has not forked yet is not forked any more."""
        self._child.kill()

    def close(self) -> None:
        """End the server; its children live on."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._wakeup.notify()
        self._thread.join()
        self._socket.close()
        self._wakeup.close()
        if self._child.wait(_EXIT_TIMEOUT) is None:
            self._child.kill()
            self._child.wait()
        self._child.close()
        with self._changed:
            for request in self._requests.values():
                _close_pidfd(request)
            self._requests.clear()

    # ---- one child

    def wait_for_start(self, request: _ForkRequest, timeout: float | None) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._over or request.error or request.started, timeout)
            if request.error:
                raise OSError(request.error, os.strerror(request.error))
            return request.started

    def wait_for(self, request: _ForkRequest, timeout: float | None) -> int | None:
        """The exit code of a child; None when it is alive after `timeout` seconds. Not known: UNKNOWN_EXIT_CODE."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or request.error or request.started, timeout)
            if (pidfd := request.pidfd) is None:
                return UNKNOWN_EXIT_CODE if self._over or request.error else None
        if not _is_readable(pidfd, timeout):
            return None
        with self._changed:
            self._changed.wait_for(lambda: self._over or request.code is not None, _REPORT_TIMEOUT)
            return UNKNOWN_EXIT_CODE if request.code is None else request.code

    def kill_child(self, request: _ForkRequest) -> None:
        """Kill a child, or as soon as it has been started."""
        with self._changed:
            request.kill = True
            _kill_if_told(request)

    def forget(self, request: _ForkRequest) -> None:
        with self._changed:
            self._requests.pop(request.name, None)
            _close_pidfd(request)

    # ---- the thread that talks to the server

    def _serve(self) -> None:
        """Send what is queued and take reports until the server is gone."""
        poll = select.poll()
        poll.register(self._wakeup.fd, select.POLLIN)
        while not self._over:
            poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._queue else 0))
            poll.poll()
            self._wakeup.clear()
            self._take_reports()
            self._send_queue()

    def _take_reports(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while not self._over:
                self._take_report()

    def _take_report(self) -> None:
        try:
            content, files, _, _ = socket.recv_fds(self._socket, MAX_MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            content, files = b"", []
        with self._changed:
            if content:
                self._note(ForkReport(*json.loads(content)), files)
            else:
                self._over = True
                self._drop_queue()
            self._changed.notify_all()

    def _note(self, report: ForkReport, files: list[int]) -> None:
        if report.name == READY:
            self.ready_at = time.monotonic()
            return
        request = self._requests.get(report.name)
        if request is None:
            for fd in files:
                os.close(fd)
            return
        if files:
            (request.pidfd,) = files
            request.pid = _pid_of(request.pidfd)
            request.started = True
            _kill_if_told(request)
        request.code = report.code
        request.error = report.error

    def _send_queue(self) -> None:
        """A full socket, while the server is still loading, is no reason to wait: the rest is sent later."""
        with self._changed, contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while self._queue:
                request = self._queue[0]
                socket.send_fds(self._socket, [request.name.encode()], list(request.files))
                self._queue.popleft()
                _close_files(request)

    def _drop_queue(self) -> None:
        """What cannot be sent any more: its other end sees that its streams are closed."""
        while self._queue:
            _close_files(self._queue.popleft())


def _is_readable(fd: int, timeout: float | None) -> bool:
    poll = select.poll()  # unlike select(2) not limited to the first 1024 descriptors
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if timeout is None else timeout * 1000))


def _memory_file(content: bytes) -> int:
    fd = os.memfd_create("request")
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    return fd


def _close_files(request: _ForkRequest) -> None:
    for fd in request.files:
        os.close(fd)


def _kill_if_told(request: _ForkRequest) -> None:
    if request.kill and request.pidfd is not None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(request.pidfd, signal.SIGKILL)


def _pid_of(pidfd: int) -> int | None:
    """The process that a descriptor stands for; None where it is gone."""
    with contextlib.suppress(OSError):
        found = re.search(r"^Pid:\t(\d+)$", Path(f"/proc/self/fdinfo/{pidfd}").read_text(), re.MULTILINE)
        return int(found[1]) if found else None
    return None


def _close_pidfd(request: _ForkRequest) -> None:
    if request.pidfd is not None:
        os.close(request.pidfd)
        request.pidfd = None
