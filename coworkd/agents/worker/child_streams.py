"""The three pipes of a child process, and its end, whatever its protocol."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable

from coworkd.agents.worker.read_pace import ReadPace
from coworkd.core.errors import AgentError
from coworkd.system import process_tree
from coworkd.system.process import commands
from coworkd.system.wakeup import Wakeup

_CHUNK = 256 * 1024
_ENDING_TICK = 0.1
_EXIT_TICK = 0.25
"""Seconds between looks for the end of a program, where the system does not tell of it."""
_LEFTOVER_GRACE = 0.5
"""Seconds that background processes get when the program has ended by itself."""
_DRAIN_READS = 64


class ChildStreams:
    """Moves bytes both ways without ever waiting for one side alone; used by one thread."""

    def __init__(
        self,
        run: str,
        child: commands.Child,
        wakeup: Wakeup,
        *,
        out: Callable[[bytes], None],
        err: Callable[[bytes], None],
        longest_pause: float = 0.0,
    ) -> None:
        """`out` and `err` receive the chunks of standard output and standard error.

        `longest_pause`: seconds for which output may lie unread, where no answer to it is waited for (`read_pace`).
        """
        if child.stderr is None:
            raise AgentError("a program needs a pipe for its standard error")
        self._run = run
        self._child = child
        self._wakeup = wakeup
        self._ending: process_tree.TreeTermination | None = None
        self._exit_fd: int | None = None
        self._outgoing = bytearray()
        self._last = False
        self._writing = False
        self._selector = selectors.DefaultSelector()
        self._readers: dict[int, Callable[[bytes], None]] = {}
        self._paces: dict[int, ReadPace] = {}
        self._resting: dict[int, float] = {}
        """Pipes that are not watched now, and until when, in monotonic time."""
        for pipe, feed in ((child.stdout, out), (child.stderr, err)):
            self._read_from(pipe.fileno(), feed)
            if longest_pause:
                self._paces[pipe.fileno()] = ReadPace(longest_pause)
        os.set_blocking(child.stdin.fileno(), False)
        self._selector.register(wakeup.fd, selectors.EVENT_READ, wakeup.clear)
        if hasattr(os, "pidfd_open"):  # elsewhere the exit is noticed at the next look
            self._exit_fd = os.pidfd_open(child.pid)
            self._selector.register(self._exit_fd, selectors.EVENT_READ, self._exited)

    def write(self, data: bytes, *, last: bool = False) -> None:
        """Queue data for standard input; after the `last` it is closed. A program that does not read loses it."""
        if self._child.stdin.closed:
            return
        self._outgoing += data
        self._last = self._last or last
        if not self._writing:
            self._writing = True
            self._selector.register(self._child.stdin, selectors.EVENT_WRITE, self._write_some)

    def watch(self, fd: int, ready: Callable[[], object]) -> None:
        """Wait for another descriptor, too."""
        self._selector.register(fd, selectors.EVENT_READ, ready)

    def poll(self, patience: float | None, woken: Callable[[], object] | None = None) -> None:
        """Wait until something happens, at most so many seconds, and move what can be moved; `woken` is called first.

        `patience` None: until something happens.
        """
        found = self._selector.select(self._bounded(patience))
        self._end_rests()
        if woken is not None:
            woken()
        for key, _ in found:
            ready: Callable[[], object] = key.data
            ready()

    def _end_rests(self) -> None:
        """Watch the pipes again whose pause is over."""
        now = time.monotonic()
        for fd in [fd for fd, until in self._resting.items() if until <= now]:
            del self._resting[fd]
            self._watch_output(fd)

    def _bounded(self, patience: float | None) -> float | None:
        if self._ending is not None:
            return _ENDING_TICK
        if self._resting:
            rest = max(0.0, min(self._resting.values()) - time.monotonic())
            patience = rest if patience is None else min(patience, rest)
        if self._exit_fd is None:
            return _EXIT_TICK if patience is None else min(patience, _EXIT_TICK)
        return patience

    @property
    def stopping(self) -> bool:
        return self._ending is not None

    def stop(self, *, at_once: bool = False) -> None:
        """Stop the whole process tree, with a grace period first; to be called again after each `poll`."""
        if self._ending is None:
            self._ending = process_tree.TreeTermination(self._processes, commands.GRACE)
        if at_once:
            self._ending.kill_now()
        self._ending.step()

    def finish(self) -> None:
        """The program has ended: so does what it started; then its last output is read."""
        grace = 0.0 if self._ending else _LEFTOVER_GRACE
        process_tree.terminate(lambda: self._processes(ended=True), grace)
        for fd in list(self._readers):
            for _ in range(_DRAIN_READS):
                if not self._read_chunk(fd):
                    break

    def close(self) -> None:
        """Release everything; a program that is still running is killed."""
        if self._child.poll() is None:
            process_tree.terminate(self._processes, 0.0)
            self._child.wait()
        if self._exit_fd is not None:
            os.close(self._exit_fd)
            self._exit_fd = None
        self._selector.close()
        self._child.close()

    def is_stopped(self) -> bool:
        """Whether all processes but those of the sandbox around them were stopped by a signal."""
        return process_tree.are_stopped(self._processes())

    def _processes(self, *, ended: bool = False) -> set[int]:
        return commands.run_processes(self._child.pid, self._run, ended=ended)

    def _exited(self) -> None:
        """Only wakes: the loop asks the child itself."""

    def _read_from(self, fd: int, feed: Callable[[bytes], None]) -> None:
        os.set_blocking(fd, False)
        self._readers[fd] = feed
        self._watch_output(fd)

    def _watch_output(self, fd: int) -> None:
        self._selector.register(fd, selectors.EVENT_READ, lambda: self._read_paced(fd))

    def _read_paced(self, fd: int) -> None:
        """Move one chunk, and leave the pipe alone for a while where it is read at a pace."""
        size = self._read_chunk(fd)
        pace = self._paces.get(fd)
        if not size or pace is None:
            return
        now = time.monotonic()
        if pause := pace.pause_after(size, now):
            self._selector.unregister(fd)
            self._resting[fd] = now + pause

    def _read_chunk(self, fd: int) -> int:
        """Move one chunk; its bytes, or 0 when there is none now, or never again."""
        try:
            chunk = os.read(fd, _CHUNK)
        except BlockingIOError:
            return 0
        if not chunk:
            del self._readers[fd]
            if self._resting.pop(fd, None) is None:
                self._selector.unregister(fd)
            return 0
        self._readers[fd](chunk)
        return len(chunk)

    def _write_some(self) -> None:
        try:
            del self._outgoing[: os.write(self._child.stdin.fileno(), self._outgoing[:_CHUNK])]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._outgoing.clear()  # a program need not read its input
            self._last = True
        if self._outgoing:
            return
        self._writing = False
        self._selector.unregister(self._child.stdin)
        if self._last:
            self._child.stdin.close()
