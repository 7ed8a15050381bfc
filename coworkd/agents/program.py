"""A program that plays the agent, while it runs: its streams, its clocks and its end."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable
from pathlib import Path

from coworkd import process, process_tree
from coworkd.agents.base import UNAVAILABLE_EXIT, Assignment, Ended, EndReason, TextWritten
from coworkd.agents.streaming import TextStream
from coworkd.agents.watchdog import Watchdog
from coworkd.capture import Capture
from coworkd.errors import AgentError
from coworkd.wakeup import Wakeup

STDERR_LOG = "stderr.log"

_CHUNK = 256 * 1024
_LOOK = 0.2
"""Seconds between looks at the outbox."""
_ENDING_TICK = 0.1
_LEFTOVER_GRACE = 0.5
"""Seconds that background processes get when the program has ended by itself."""
_STDERR_LIMIT = 1024 * 1024
_FAILURE_LINES = 20
_FAILURE_CHARACTERS = 4000
_DRAIN_READS = 64


class Program:
    """A program that runs: its streams, its clocks and its end."""

    def __init__(self, assignment: Assignment, child: process.Child, wakeup: Wakeup) -> None:
        self._run = assignment.run
        self._child = child
        self._wakeup = wakeup
        self._reply = TextStream(assignment.output_limit)
        self._stderr = Capture(_STDERR_LIMIT, str(Path(assignment.run_dir, STDERR_LOG)))
        self._prompt = memoryview(assignment.prompt.encode(errors="replace"))
        self._ending: process_tree.TreeEnd | None = None
        self._reason: EndReason | None = None
        self._next_look = 0.0
        self._exit_fd: int | None = None
        self.watchdog = Watchdog(timeout=assignment.timeout, stall=assignment.stall, now=time.monotonic())
        self._selector = selectors.DefaultSelector()
        self._readers: dict[int, Callable[[bytes], None]] = {}
        self._register()

    def turn(self) -> None:
        """Wait until something happens, and move what can be moved."""
        for key, _ in self._selector.select(self._patience(time.monotonic())):
            ready: Callable[[], object] = key.data
            ready()

    def text(self) -> list[TextWritten]:
        """What has come of the reply, once there is enough of it or some time has passed."""
        return self._reply.take(time.monotonic())

    def time_to_look(self, now: float) -> bool:
        if now < self._next_look:
            return False
        self._next_look = now + _LOOK
        return True

    def mind(self, stop: EndReason | None, *, killed: bool) -> None:
        """Begin or carry on the end, if there is a reason for it."""
        if self._ending is None and stop is not None:
            self._reason = stop
            self._ending = process_tree.TreeEnd(lambda: process_tree.members(self._child.pid, self._run), process.GRACE)
        if self._ending is not None:
            if killed:
                self._ending.hurry()
            self._ending.step()

    def finish(self) -> None:
        """The program has ended: so does what it started; then its last output is read."""
        grace = 0.0 if self._ending else _LEFTOVER_GRACE
        process_tree.end(lambda: process_tree.leftovers(self._child.pid, self._run), grace)
        for fd in list(self._readers):
            for _ in range(_DRAIN_READS):
                if not self._take(fd):
                    break

    def rest(self) -> list[TextWritten]:
        return self._reply.close()

    def ended(self, code: int) -> Ended:
        if self._reason is EndReason.CANCELLED:
            return Ended(reason=self._reason, message="cancelled", exit_code=code)
        if self._reason is not None:
            return Ended(reason=self._reason, message=self.watchdog.explain(self._reason), exit_code=code)
        if code == 0:
            return Ended(reason=EndReason.DONE, exit_code=code)
        reason = EndReason.UNAVAILABLE if code == UNAVAILABLE_EXIT else EndReason.FAILED
        return Ended(reason=reason, message=_failure(code, self._stderr.tail()), exit_code=code)

    def close(self) -> None:
        """Let go of everything; a program whose events nobody wants any more is killed."""
        if self._child.poll() is None:
            process_tree.end(lambda: process_tree.members(self._child.pid, self._run), 0.0)
            self._child.wait()
        self._stderr.close()
        if self._exit_fd is not None:
            os.close(self._exit_fd)
        self._selector.close()
        self._child.close()

    def _register(self) -> None:
        if self._child.stderr is None:
            raise AgentError("a program needs a pipe for its standard error")
        self._read_from(self._child.stdout.fileno(), lambda chunk: self._reply.feed(chunk, time.monotonic()))
        self._read_from(self._child.stderr.fileno(), self._stderr.feed)
        os.set_blocking(self._child.stdin.fileno(), False)
        self._selector.register(self._child.stdin, selectors.EVENT_WRITE, self._give)
        self._selector.register(self._wakeup.fd, selectors.EVENT_READ, self._wakeup.clear)
        if hasattr(os, "pidfd_open"):  # elsewhere the exit is noticed at the next look at the outbox
            self._exit_fd = os.pidfd_open(self._child.pid)
            self._selector.register(self._exit_fd, selectors.EVENT_READ, self._exited)

    def _read_from(self, fd: int, feed: Callable[[bytes], None]) -> None:
        os.set_blocking(fd, False)
        self._readers[fd] = feed
        self._selector.register(fd, selectors.EVENT_READ, lambda: self._take(fd))

    def _exited(self) -> None:
        """Only wakes: the loop asks the child itself."""

    def _patience(self, now: float) -> float:
        if self._ending is not None:
            return _ENDING_TICK
        look = max(0.0, self._next_look - now)
        due = self._reply.due(now)
        return look if due is None else min(look, due)

    def _take(self, fd: int) -> bool:
        """Move one chunk; False when there is none now, or never again."""
        try:
            chunk = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            del self._readers[fd]
            self._selector.unregister(fd)
            return False
        self.watchdog.heard()
        self._readers[fd](chunk)
        return True

    def _give(self) -> None:
        try:
            self._prompt = self._prompt[os.write(self._child.stdin.fileno(), self._prompt[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._prompt = self._prompt[:0]  # a program need not read its prompt
        if not self._prompt:
            self._selector.unregister(self._child.stdin)
            self._child.stdin.close()


def _failure(code: int, stderr: str) -> str:
    """The exit in words, with the last lines of standard error."""
    how = f"exit {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}"
    last = "\n".join(stderr.rstrip().splitlines()[-_FAILURE_LINES:])[-_FAILURE_CHARACTERS:]
    return f"{how}: {last}" if last else how
