"""The small process above every command: it outlives the daemon by just as long as it takes to leave nothing behind.

Its standard input brings the size of an `Order` (8 hexadecimal digits), the `Order` as JSON, then the bytes for the
command's standard input, and is from then on the lifeline: when it closes, because the daemon wants the end or is
itself gone (even by SIGKILL), the whole tree is ended. When the command has ended, so has all that it started; then a
`Report` goes to standard output as one JSON line.

Standard library only, and without the slow parts of it: where no fork server has loaded this, it is loaded for every
command, which costs about 20 ms.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from coworkd.system.process.output_capture import Capture
from coworkd.system.process_tree import HAS_PROC, TreeTermination, become_subreaper, members, terminate

CANNOT_START = 127
"""The exit code of a command that could not be started, as a shell has it."""

_CHUNK = 256 * 1024
_TICK = 0.05
_LEFTOVER_GRACE = 0.5
"""Seconds that background processes get when their command has ended by itself."""
_DRAIN_READS = 64
_SIZE_DIGITS = 8


class SupervisedCommand(NamedTuple):
    """What to run, as it crosses the pipe; the environment and the working user are the supervisor's own."""

    argv: list[str]
    cwd: str
    stdin: int
    """Number of bytes for the command's standard input, which follow the request."""
    timeout: float | None
    grace: float
    """Seconds between asking the tree to end and killing it."""
    output_limit: int
    output_path: str
    """Empty: no file."""
    error_limit: int
    """0: standard error joins the output."""
    mark: str


class Report(NamedTuple):
    """How it went, as it crosses the pipe."""

    code: int
    """Negative: ended by that signal."""
    seconds: float
    tail: str
    error_tail: str
    truncated: bool
    timed_out: bool


def main() -> int:
    """Read the request, run the command, report."""
    become_subreaper()
    request = read_request(0)
    if request is None:
        return 0  # the daemon ended before it had sent the request
    report = _Command(request, _read_exactly(0, request.stdin)).run()
    with contextlib.suppress(BrokenPipeError):  # the reader may be gone
        os.write(1, json.dumps(report._asdict()).encode() + b"\n")
    return 0


def encode_request(request: SupervisedCommand) -> bytes:
    content = json.dumps(request._asdict()).encode()
    return b"%08x" % len(content) + content


def read_request(fd: int) -> SupervisedCommand | None:
    """The request that was sent; None when the sender went away in the middle of it."""
    size = _read_exactly(fd, _SIZE_DIGITS)
    if len(size) < _SIZE_DIGITS:
        return None
    content = _read_exactly(fd, int(size, 16))
    return SupervisedCommand(**json.loads(content)) if len(content) == int(size, 16) else None


class _Command:
    """One command with its streams, its time limit and its end."""

    def __init__(self, request: SupervisedCommand, stdin: bytes) -> None:
        self._request = request
        self._stdin = memoryview(stdin)
        self._pid = 0
        self._status: int | None = None
        self._ending: TreeTermination | None = None
        self._timed_out = False
        self._until: float | None = None
        """When its time is up, by the monotonic clock."""
        self._selector = selectors.DefaultSelector()
        self._readers: dict[int, Capture] = {}
        self._output = Capture(request.output_limit, request.output_path)
        self._error = Capture(request.error_limit) if request.error_limit else None

    def run(self) -> Report:
        self._watch_signals()
        started = time.monotonic()
        try:
            self._start()
        except OSError as error:
            return self._report(CANNOT_START, 0.0, f"cannot start {self._request.argv[0]!r}: {error.strerror}")
        limit = self._request.timeout
        self._until = None if limit is None else started + limit
        while (status := self._exit_status()) is None:
            self._check_time()
            self._wait_once()
        seconds = time.monotonic() - started
        terminate(self._members, 0.0 if self._ending else _LEFTOVER_GRACE, self._reap)
        self._reap()  # a process that died during the last look is no member any more, and still ours to collect
        self._drain()
        self._output.close()
        return self._report(os.waitstatus_to_exitcode(status), seconds, self._output.tail())

    def _report(self, code: int, seconds: float, tail: str) -> Report:
        return Report(
            code=code,
            seconds=seconds,
            tail=tail,
            error_tail=self._error.tail() if self._error else "",
            truncated=self._output.truncated,
            timed_out=self._timed_out,
        )

    def _start(self) -> None:
        os.chdir(self._request.cwd)
        feed = self._pipe_in() if self._stdin else os.open(os.devnull, os.O_RDONLY)
        out = self._pipe_out(self._output)
        error = self._pipe_out(self._error) if self._error else out
        try:
            self._pid = os.posix_spawnp(
                self._request.argv[0],
                self._request.argv,
                os.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs, at) for at, theirs in enumerate((feed, out, error))],
                setpgroup=0,
                setsigdef=_DEFAULT_SIGNALS,
            )
        finally:
            for theirs in {feed, out, error}:
                os.close(theirs)

    def _pipe_out(self, capture: Capture) -> int:
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        self._readers[ours] = capture
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._read_output(ours, capture))
        return theirs

    def _pipe_in(self) -> int:
        theirs, ours = os.pipe()
        os.set_blocking(ours, False)
        self._selector.register(ours, selectors.EVENT_WRITE, lambda: self._write_stdin(ours))
        return theirs

    def _watch_signals(self) -> None:
        """SIGCHLD wakes the loop; a request to end counts as the lifeline's end."""
        ours, theirs = os.pipe()
        for fd in (0, ours, theirs):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _ignore)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._signalled(ours))
        self._selector.register(0, selectors.EVENT_READ, self._lifeline)

    def _wait_once(self) -> None:
        for key, _ in self._selector.select(self._wait_timeout()):
            ready: Callable[[], None] = key.data
            ready()
        if self._ending:
            self._ending.step()

    def _wait_timeout(self) -> float | None:
        """Seconds until something is to be done even if nothing happens; None: nothing is."""
        if self._ending:
            return _TICK
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def _check_time(self) -> None:
        if self._until is not None and not self._ending and time.monotonic() >= self._until:
            self._timed_out = True
            self._begin_end()

    def _begin_end(self) -> None:
        self._ending = self._ending or TreeTermination(self._members, self._request.grace)

    def _members(self) -> set[int]:
        return members(os.getpid() if HAS_PROC else self._pid, self._request.mark)

    def _exit_status(self) -> int | None:
        self._reap()
        return self._status

    def _reap(self) -> None:
        """Collect every dead child: the orphans of the tree are ours too."""
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == self._pid:
                    self._status = found[1]
        except ChildProcessError:
            pass

    def _drain(self) -> None:
        """What the pipes still hold. Not until their end: a process out of reach may hold them open."""
        for fd, capture in list(self._readers.items()):
            for _ in range(_DRAIN_READS):
                if not self._read_output(fd, capture):
                    break

    def _lifeline(self) -> None:
        if _read(0) == b"":
            self._selector.unregister(0)
            self._begin_end()

    def _signalled(self, fd: int) -> None:
        if set(_read(fd) or b"") - {signal.SIGCHLD}:
            self._begin_end()

    def _read_output(self, fd: int, capture: Capture) -> bool:
        """Move one chunk from a pipe to its capture; False when there is none now, or never again."""
        chunk = _read(fd)
        if chunk:
            capture.feed(chunk)
        elif chunk is not None:
            del self._readers[fd]
            self._forget(fd)
        return bool(chunk)

    def _write_stdin(self, fd: int) -> None:
        try:
            self._stdin = self._stdin[os.write(fd, self._stdin[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._stdin = self._stdin[:0]  # a command need not read what it is given
        if not self._stdin:
            self._forget(fd)

    def _forget(self, fd: int) -> None:
        self._selector.unregister(fd)
        os.close(fd)


_DEFAULT_SIGNALS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
"""A command starts with all signals as they are by default. Python ignores SIGPIPE and SIGXFSZ, a shell that starts a
program in the background SIGINT and SIGQUIT: a command that inherited that could not be interrupted."""


def _ignore(_number: int, _frame: object) -> None:
    """The byte in the wake-up pipe is what counts."""


def _read(fd: int) -> bytes | None:
    """A chunk; empty at the end, None when there is nothing yet."""
    try:
        return os.read(fd, _CHUNK)
    except BlockingIOError:
        return None


def _read_exactly(fd: int, size: int) -> bytes:
    content = bytearray()
    while len(content) < size and (chunk := os.read(fd, size - len(content))):
        content += chunk
    return bytes(content)
