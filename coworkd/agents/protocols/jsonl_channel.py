"""Lines of JSON to and from a program.

Lines are cut out of bytes, however long; one that is longer than its limit is skipped and noted, one that is no JSON
object is noted, and neither ends a run. What is sent in either direction is logged in the run's folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, cast

from coworkd.agents.json_codec import Json
from coworkd.agents.port import Assignment, EndReason
from coworkd.agents.worker.child_streams import ChildStreams
from coworkd.agents.worker.running_program import STDERR_LOG, earliest, exit_description
from coworkd.agents.worker.watchdog import Watchdog
from coworkd.system.process import commands
from coworkd.system.process.output_capture import Capture
from coworkd.system.wakeup import Wakeup

Message: TypeAlias = Mapping[str, Json]

PROTOCOL_LOG = "protocol.log"
MAX_LINE_BYTES = 32 * 1024 * 1024
"""Bytes of one line; real agents send lines of some megabytes."""

_LOG_LIMIT = 8 * 1024 * 1024
_STDERR_LIMIT = 1024 * 1024
_TICK = 0.25


class JsonlChannel:
    """The channel to one program; used by the run's own thread."""

    def __init__(self, assignment: Assignment, child: commands.Child, wakeup: Wakeup) -> None:
        folder = Path(assignment.run_dir)
        self._child = child
        self._log = Capture(_LOG_LIMIT, str(folder / PROTOCOL_LOG))
        self._stderr = Capture(_STDERR_LIMIT, str(folder / STDERR_LOG))
        self._lines = _LineParser()
        self._reason: EndReason | None = None
        self.watchdog = Watchdog(timeout=assignment.timeout, stall=assignment.stall, now=time.monotonic())
        self._streams = ChildStreams(assignment.run, child, wakeup, out=self._out, err=self._stderr.feed)

    def send(self, message: Message) -> None:
        line = json.dumps(message, ensure_ascii=False).encode(errors="replace") + b"\n"
        self._log.feed(b"> " + line)
        self._streams.write(line)

    def close_input(self) -> None:
        """Close the program's standard input: a program that reads it exits by itself."""
        self._streams.write(b"", last=True)

    def watch(self, fd: int, ready: Callable[[], object]) -> None:
        """Wake for another descriptor, too."""
        self._streams.watch(fd, ready)

    def receive(self, patience: float = _TICK) -> list[Message]:
        """Messages since the last call, after waiting at most so many seconds for one."""
        self._streams.poll(patience)
        return self._lines.take()

    def await_messages(self, within: float | None, *, waiting: bool) -> list[Message]:
        """As `receive`, but no longer than the clocks allow; `waiting`: a request waits for a person."""
        patience = earliest(within, self.watchdog.seconds_left(time.monotonic(), waiting=waiting))
        self._streams.poll(patience, lambda: self.watchdog.end_wait(time.monotonic(), waiting=waiting))
        return self._lines.take()

    def is_stopped(self) -> bool:
        """Whether a signal has stopped all of the program."""
        return self._streams.is_stopped()

    def stop(self, reason: EndReason, *, at_once: bool = False) -> None:
        """Stop the program; to be called again until there is an `exit_code`. The first reason counts."""
        self._reason = self._reason or reason
        self._streams.stop(at_once=at_once)

    @property
    def exit_code(self) -> int | None:
        """The exit code once the program has ended."""
        return self._child.poll()

    def finish(self) -> list[Message]:
        """The program has ended: so does what it started; its last messages."""
        self._streams.finish()
        return self._lines.take()

    def exit_description(self, code: int) -> str:
        """How it ended, with the last lines of standard error."""
        return exit_description(code, self._stderr.tail())

    def stderr(self) -> str:
        """The end of what it wrote to standard error."""
        return self._stderr.tail()

    def close(self) -> None:
        self._streams.close()
        self._stderr.close()
        self._log.close()

    def _out(self, chunk: bytes) -> None:
        self.watchdog.record_activity(time.monotonic())
        self._log.feed(chunk)
        self._lines.feed(chunk)


class _LineParser:
    """Bytes in, JSON objects out."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False
        self._found: list[Message] = []

    def feed(self, chunk: bytes) -> None:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._line(bytes(self._rest) + line)
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest.clear()
            self._skipping = True

    def take(self) -> list[Message]:
        found, self._found = self._found, []
        return found

    def _line(self, line: bytes) -> None:
        if self._skipping:
            self._skipping = False
            return
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return  # it is in the log
        if isinstance(message, dict):
            self._found.append(cast(Message, message))
