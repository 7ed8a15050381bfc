"""One worker as its executor sees it: what is to be written to it, when its time is up, and what its end means."""

from __future__ import annotations

import os
import selectors
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from coworkd.agents import run_event_file
from coworkd.agents.port import MACHINE_EXIT, Assignment, Ended, EndReason
from coworkd.core.machine_faults import MachineFault
from coworkd.dispatch.executors.port import LOST_MESSAGE
from coworkd.dispatch.executors.worker_servers import WORKER_LOG, WorkerProcess
from coworkd.system.process.fork_client import ForkedProcess

MAX_STARTS = 3
"""Times that a worker is started whose fork server ends before it has forked it."""
_LOG_TAIL = 2000


@dataclass(slots=True, kw_only=True, eq=False)
class LocalWorker:
    """A worker that has not ended, with what is queued for it."""

    assignment: Assignment
    start: int
    """Offset in the log at which this epoch begins."""
    log_inode: int
    child: WorkerProcess
    starts: int = 1
    outbound: bytearray = field(default_factory=bytearray)
    kill_at: float | None = None
    """When it is killed, in monotonic time; None while its end was not requested."""
    successor: Assignment | None = None
    """The next epoch of the run, submitted while this worker was ending."""
    successor_outbound: bytearray = field(default_factory=bytearray)
    fault_sent: bool = False
    """It knows that nothing could be written for a while."""
    given_up: str = ""
    """Why its executor has ended it; empty: it has not."""

    @property
    def run(self) -> str:
        return self.assignment.run

    @property
    def run_dir(self) -> Path:
        return Path(self.assignment.run_dir)

    @property
    def log(self) -> Path:
        return self.run_dir / run_event_file.EVENTS_FILE

    @property
    def pid(self) -> int | None:
        """Its process; None before that was started, and once it is gone."""
        return self.child.pid

    def queue(self, line: bytes) -> None:
        if self.successor is None:
            self.outbound += line
        else:
            self.successor_outbound += line

    def write_outbound(self) -> None:
        """Write as much as the pipe takes; the end of a worker is noticed by its output."""
        try:
            while self.outbound:
                del self.outbound[: os.write(self.child.stdin.fileno(), self.outbound)]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.outbound.clear()

    def watch(self, selector: selectors.BaseSelector) -> None:
        """Have its output watched, and its input only while something is queued for it."""
        known = selector.get_map()
        if self.child.stdout not in known:
            selector.register(self.child.stdout, selectors.EVENT_READ, self)
        if (self.child.stdin in known) == bool(self.outbound):
            return
        if self.outbound:
            selector.register(self.child.stdin, selectors.EVENT_WRITE, self)
        else:
            selector.unregister(self.child.stdin)

    def unwatch(self, selector: selectors.BaseSelector) -> None:
        for pipe in (self.child.stdout, self.child.stdin):
            if pipe in selector.get_map():
                selector.unregister(pipe)

    def is_overdue(self) -> bool:
        return self.kill_at is not None and time.monotonic() >= self.kill_at

    def postpone_kill(self, seconds: float) -> None:
        """No worker was checked for so long, and this one may have been stopped, too: it has its whole time to end."""
        if self.kill_at is not None:
            self.kill_at += seconds

    def is_unforked(self, timeout: float, awake_since: float) -> bool:
        """Whether its fork server should have started it for so many seconds, in which the executor was not stopped."""
        return isinstance(self.child, ForkedProcess) and self.child.is_overdue(timeout, awake_since)

    def loss_reason(self) -> str:
        """Why nothing more can come from this worker though its process may live; empty: all is well."""
        try:
            same = self.log.stat().st_ino == self.log_inode
        except (FileNotFoundError, NotADirectoryError):
            same = False
        return "" if same else f"its log {self.log} was removed while it was at work"

    def queue_again(self) -> bool:
        """Have the same assignment started once more, where there never was a process for it; whether that is so."""
        lost = isinstance(self.child, ForkedProcess) and self.child.lost_before_start()
        if not lost or self.starts >= MAX_STARTS or self.given_up:
            return False
        if self.successor is None:
            self.successor = self.assignment
            self.successor_outbound = self.outbound
        return True

    def unreported_end(self, code: int | None) -> Ended:
        """The end of a run whose worker did not report it."""
        if self.given_up:
            return Ended(reason=EndReason.CRASHED, message=self.given_up)
        error = self.child.start_error if isinstance(self.child, ForkedProcess) else 0
        if error:
            return Ended(reason=EndReason.MACHINE, message=f"its worker could not be started: {os.strerror(error)}")
        reason = EndReason.MACHINE if code == MACHINE_EXIT else EndReason.CRASHED
        return Ended(reason=reason, message=self._crash_message(code))

    def _crash_message(self, code: int | None) -> str:
        try:
            last = (self.run_dir / WORKER_LOG).read_bytes()[-_LOG_TAIL:].decode("utf-8", "replace").strip()
        except OSError:
            last = ""
        if code == MACHINE_EXIT:
            return last or "this machine did not let its events be written"
        return f"{LOST_MESSAGE} (exit {code})" + (f": {last}" if last else "")


def machine_end(ended: Ended, fault: MachineFault | None) -> Ended:
    """An end that a fault of the machine keeps from being written was most likely caused by that fault."""
    if fault is None or ended.reason is not EndReason.CRASHED or ended.message == LOST_MESSAGE:
        return ended
    return replace(ended, reason=EndReason.MACHINE, message=str(fault))
