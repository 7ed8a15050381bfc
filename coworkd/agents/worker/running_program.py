"""A program that plays the agent, while it runs: its streams, its clocks and its end."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from coworkd.agents.port import UNAVAILABLE_EXIT, Assignment, Ended, EndReason, TextWritten
from coworkd.agents.worker.child_streams import ChildStreams
from coworkd.agents.worker.outbox import Outbox
from coworkd.agents.worker.text_stream import TextStream
from coworkd.agents.worker.watchdog import Watchdog
from coworkd.core.terminal_text import plain_text
from coworkd.system.process import commands
from coworkd.system.process.output_capture import Capture
from coworkd.system.wakeup import Wakeup

STDERR_LOG = "stderr.log"

_STDERR_LIMIT = 1024 * 1024
_FAILURE_LINES = 20
_FAILURE_CHARACTERS = 4000
_LONGEST_PAUSE = 1.0
"""Seconds between two reads of output; a live message is rewritten every two seconds at most (docs/format.md)."""


class RunningProgram:
    """A program that runs: its streams, its clocks and its end."""

    def __init__(self, assignment: Assignment, child: commands.Child, wakeup: Wakeup) -> None:
        self._reply = TextStream(assignment.output_limit)
        self._stderr = Capture(_STDERR_LIMIT, str(Path(assignment.run_dir, STDERR_LOG)))
        self._reason: EndReason | None = None
        self._outbox: Outbox | None = None
        self.watchdog = Watchdog(timeout=assignment.timeout, stall=assignment.stall, now=time.monotonic())
        pause = min(_LONGEST_PAUSE, assignment.stall / 4)  # silence is judged by what has been read
        self._streams = ChildStreams(assignment.run, child, wakeup, out=self._out, err=self._err, longest_pause=pause)
        self._streams.write(assignment.prompt.encode(errors="replace"), last=True)

    def watch(self, outbox: Outbox) -> None:
        """Wait for what the program leaves in its outbox, too."""
        self._outbox = outbox
        if outbox.fd is not None:
            self._streams.watch(outbox.fd, outbox.note_change)

    def poll(self, *, waiting: bool = False, within: float | None = None) -> None:
        """Wait until something happens, no longer than `within` seconds, and move what can be moved.

        `waiting`: a request of the program waits for a person.
        """
        patience = self._seconds_to_wait(time.monotonic(), waiting=waiting, within=within)
        self._streams.poll(patience, lambda: self.watchdog.end_wait(time.monotonic(), waiting=waiting))

    def take_text(self) -> list[TextWritten]:
        """What has come of the reply, once there is enough of it or some time has passed."""
        return self._reply.take(time.monotonic())

    def is_stopped(self) -> bool:
        """Whether a signal has stopped all of it: it is silent for that reason, until another lets it go on."""
        return self._streams.is_stopped()

    def stop_if(self, stop: EndReason | None, *, killed: bool) -> None:
        """Stop the program, if there is a reason to; to be called again until it has exited."""
        if not self._streams.stopping and stop is not None:
            self._reason = stop
        if self._reason is not None:
            self._streams.stop(at_once=killed)

    def finish(self) -> None:
        """The program has ended: so does what it started; then its last output is read."""
        self._streams.finish()

    def remaining_text(self) -> list[TextWritten]:
        return self._reply.close()

    def end_event(self, code: int) -> Ended:
        if self._reason is EndReason.CANCELLED:
            return Ended(reason=self._reason, message="cancelled", exit_code=code)
        if self._reason is not None:
            return Ended(reason=self._reason, message=self.watchdog.explain(self._reason), exit_code=code)
        if code == 0:
            return Ended(reason=EndReason.DONE, exit_code=code)
        reason = EndReason.UNAVAILABLE if code == UNAVAILABLE_EXIT else EndReason.FAILED
        return Ended(reason=reason, message=exit_description(code, self._stderr.tail()), exit_code=code)

    def stderr(self) -> str:
        """The end of what it wrote to standard error."""
        return self._stderr.tail()

    def close(self) -> None:
        """Release everything; a program that is still running is killed."""
        self._streams.close()
        self._stderr.close()

    def _out(self, chunk: bytes) -> None:
        self.watchdog.record_activity(time.monotonic())
        self._reply.feed(chunk)

    def _err(self, chunk: bytes) -> None:
        self.watchdog.record_activity(time.monotonic())
        self._stderr.feed(chunk)

    def _seconds_to_wait(self, now: float, *, waiting: bool, within: float | None) -> float | None:
        look = self._outbox.seconds_to_look(now) if self._outbox else None
        return earliest(look, self._reply.due(now), self.watchdog.seconds_left(now, waiting=waiting), within)


def earliest(*seconds: float | None) -> float | None:
    """The shortest of several times to wait; None: nothing is waited for but events."""
    return min((each for each in seconds if each is not None), default=None)


def exit_description(code: int, stderr: str) -> str:
    """The exit, with the last lines of standard error."""
    how = f"exit {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}"
    last = "\n".join(plain_text(stderr).rstrip().splitlines()[-_FAILURE_LINES:])[-_FAILURE_CHARACTERS:]
    return f"{how}: {last}" if last else how
