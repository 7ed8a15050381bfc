"""The executor of this machine: one worker process per run, whose events are read from its log.

No method blocks the daemon: messages for a worker are queued and written by one thread, which also reads the output of
all workers, wakes the daemon, and ends the processes that a worker has left behind. It sleeps until something happens;
while workers live it also looks at all of them together once a second, for what makes no event.
"""

from __future__ import annotations

import logging
import os
import selectors
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from coworkd.agents import run_event_file
from coworkd.agents.json_codec import ASSIGNMENT_FILE, encode_assignment
from coworkd.agents.port import Assignment, Ended, EndReason, InboxAnswer
from coworkd.agents.worker_commands import Cancel, Deliver, GiveAnswer, Kill, NoteFault, WorkerCommand, encode_command
from coworkd.core.errors import AgentError
from coworkd.core.machine_faults import MachineFaultError, fault_of
from coworkd.dispatch.executors.check_schedule import CheckSchedule
from coworkd.dispatch.executors.event_journal import EventJournal
from coworkd.dispatch.executors.port import LOST_MESSAGE, RunEvent
from coworkd.dispatch.executors.worker import LocalWorker, machine_end
from coworkd.dispatch.executors.worker_servers import WorkerServers
from coworkd.system.process import commands
from coworkd.system.process_state import is_stopped_by_signal
from coworkd.system.process_tree import RUN_MARK
from coworkd.system.storage import storage_fault
from coworkd.system.wakeup import Wakeup

_logger = logging.getLogger("coworkd")
_EXIT_TIMEOUT = 5.0
_FAULT_PAUSE = 1.0
_CHUNK = 64 * 1024


class LocalExecutor:
    """Starts workers and keeps their events until they are committed. `wake` may be called by any thread.

    A worker that was told to kill its run and has not ended after `kill_timeout` seconds is killed itself. All workers
    are checked every `check_interval` seconds. A fork server that has not forked a worker after `fork_timeout` seconds
    is taken to be stuck, and replaced; one that no run has needed for `idle_timeout` seconds is ended.
    """

    def __init__(
        self, wake: Callable[[], None], *, kill_timeout: float = 10.0, idle_timeout: float = 600.0,
        check_interval: float = 1.0, fork_timeout: float = 60.0,
    ) -> None:  # fmt: skip
        self._wake = wake
        self._kill_timeout = kill_timeout
        self._journal = EventJournal(wake)
        self._changed = threading.Condition()
        """Guards what follows; notified when a worker has ended."""
        self._workers: dict[str, LocalWorker] = {}
        self._epochs: dict[str, int] = {}
        self._stopped: Mapping[str, int] = {}
        self._closed = False
        self._servers = WorkerServers(idle_timeout)
        self.fork_timeout = fork_timeout
        self._checks = CheckSchedule(check_interval, time.monotonic())
        self._wakeup = Wakeup()
        self._fault_pause = threading.Event()
        self._thread = self._start_thread()

    def _start_thread(self) -> threading.Thread:
        thread = threading.Thread(target=self._run_thread, name="executor", daemon=True)
        thread.start()
        return thread

    def ensure_supervision(self) -> None:
        """See the port. A thread that has ended is started again, and takes over every worker."""
        if not self._closed and not self._thread.is_alive():
            _logger.error("the thread that supervises agents has ended; it is started again")
            self._thread = self._start_thread()

    def submit(self, assignment: Assignment) -> None:
        """See the port. A later epoch starts when the worker of the earlier one has ended.

        Raises AgentError after `close`, and `MachineFaultError` when the run's folder cannot be written.
        """
        run = assignment.run
        with self._changed:
            if self._epochs.get(run, -1) >= assignment.epoch:
                return
            if self._closed:
                raise AgentError(f"run {run} cannot start: the executor is closed")
            if worker := self._workers.get(run):
                worker.successor = assignment
            else:
                self._start_worker(assignment)
            self._epochs[run] = assignment.epoch
        self._wakeup.notify()

    def answer(self, run: str, request: str, answer: InboxAnswer) -> bool:
        return self._send(run, GiveAnswer(request=request, answer=answer))

    def deliver(self, run: str, name: str, text: str) -> bool:
        return self._send(run, Deliver(name=name, text=text))

    def cancel(self, run: str) -> None:
        self._send(run, Cancel())

    def kill(self, run: str) -> None:
        with self._changed:
            worker = self._workers.get(run)
            if worker is not None and worker.kill_at is None:
                worker.kill_at = time.monotonic() + self._kill_timeout
        self._send(run, Kill())

    def events(self) -> list[RunEvent]:
        return self._journal.events()

    def commit(self, run: str, offset: int) -> None:
        self._journal.commit(run, offset)

    def alive(self) -> frozenset[str]:
        with self._changed:
            return frozenset(self._workers)

    def stopped(self) -> Mapping[str, int]:
        with self._changed:
            return {run: pid for run, pid in self._stopped.items() if run in self._workers}

    def holds(self, run: str) -> bool:
        with self._changed:
            return run in self._workers or self._journal.follows(run)

    def recover(self, run: str, epoch: int, run_dir: Path, offset: int) -> None:
        """See the port. Waits some seconds while processes of the run are still alive: for the daemon's start."""
        commands.sweep(RUN_MARK, run)
        path = run_dir / run_event_file.EVENTS_FILE
        self._journal.follow(run, path, offset, epoch=epoch, live=False)
        self._write_end(run, path, offset, Ended(reason=EndReason.CRASHED, message=LOST_MESSAGE))
        self._wake()

    def _write_end(self, run: str, log: Path, start: int, ended: Ended) -> None:
        """Write the end that a worker could not write itself; nothing happens where it did.

        Where the log cannot be written, the end is reported all the same: no run may stay at work for ever.
        """
        try:
            log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            run_event_file.ensure_ended(log, start, ended)
            self._journal.signal(run)
        except OSError as error:
            fault = fault_of(error)
            _logger.error("the end of run %s cannot be written to %s: %s", run, log, fault or error)
            self._journal.add_end(run, machine_end(ended, fault))

    def close(self, grace: float) -> None:
        with self._changed:
            self._closed = True
        for end, timeout in ((self.cancel, grace), (self.kill, 2 * self._kill_timeout)):
            for run in self.alive():
                end(run)
            with self._changed:
                self._changed.wait_for(lambda: not self._workers, timeout)
        self._wakeup.notify()
        self._thread.join()
        self._wakeup.close()
        for server in self._servers.take_all():
            server.close()

    def _start_worker(self, assignment: Assignment, outbound: bytes = b"", starts: int = 1) -> None:
        run, run_dir = assignment.run, Path(assignment.run_dir)
        log = run_dir / run_event_file.EVENTS_FILE
        try:
            run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            (run_dir / ASSIGNMENT_FILE).write_bytes(encode_assignment(assignment))
            inode, start = run_event_file.ensure_exists(log)
            child = self._servers.start(assignment, run_dir)
        except OSError as error:
            if fault := fault_of(error):
                raise MachineFaultError(fault) from error
            raise AgentError(f"run {run} cannot start: {error}") from error
        if not self._workers:
            self._checks.restart(time.monotonic())
        self._journal.follow(run, log, start, epoch=assignment.epoch, live=True)
        os.set_blocking(child.stdin.fileno(), False)
        self._workers[run] = LocalWorker(
            assignment=assignment, start=start, log_inode=inode, child=child, starts=starts,
            outbound=bytearray(outbound),
        )  # fmt: skip

    def _start_successor(self, worker: LocalWorker) -> None:
        """Start the epoch that waited for the end of this worker."""
        if worker.successor is None or self._closed:
            return
        try:
            starts = worker.starts + 1 if worker.successor is worker.assignment else 1
            self._start_worker(worker.successor, bytes(worker.successor_outbound), starts)
        except (AgentError, MachineFaultError) as error:
            start = run_event_file.size(worker.log)
            self._journal.follow(worker.run, worker.log, start, epoch=worker.successor.epoch, live=False)
            self._write_end(worker.run, worker.log, start, Ended(reason=EndReason.MACHINE, message=str(error)))

    def _send(self, run: str, control: WorkerCommand) -> bool:
        with self._changed:
            worker = self._workers.get(run)
            if worker is None:
                return False
            worker.queue(encode_command(control))
        self._wakeup.notify()
        return True

    def _run_thread(self) -> None:
        """The executor's thread: runs until it is closed and no worker is left; faults of the machine are retried."""
        while not self._closed or self.alive():
            try:
                self._serve_workers()
            except OSError as error:
                if (fault := fault_of(error)) is None:
                    raise
                _logger.error("agents cannot be supervised now: %s", fault)
                self._fault_pause.wait(_FAULT_PAUSE)

    def _serve_workers(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeup.fd, selectors.EVENT_READ, None)
            while not self._closed or self.alive():
                ended: list[LocalWorker] = []
                for key, _ in selector.select(self._seconds_until_due()):
                    worker: LocalWorker | None = key.data
                    if worker is None:
                        self._wakeup.clear()
                    elif key.fd == worker.child.stdout.fileno() and not self._read_output(worker):
                        ended.append(worker)
                if ended:
                    self._reap(ended, selector)
                self._service_workers(selector)
                self._stop_idle_servers()

    def _seconds_until_due(self) -> float | None:
        """Seconds until the next worker is overdue, all are checked, or fork servers have been idle for too long."""
        with self._changed:
            due = [worker.kill_at for worker in self._workers.values() if worker.kill_at is not None]
            if self._workers:
                due.append(self._checks.next)
            elif (idle_until := self._servers.idle_until()) is not None:
                due.append(idle_until)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _stop_idle_servers(self) -> None:
        """End fork servers that no run has needed for a while."""
        with self._changed:
            if self._workers:
                self._servers.note_use()
                return
            idle_servers = self._servers.take_idle()
        for server in idle_servers:
            server.close()

    def _service_workers(self, selector: selectors.BaseSelector) -> None:
        """Watch new workers, write what is queued for them, and kill those that are overdue."""
        with self._changed:
            if self._checks.is_due(now := time.monotonic()):
                prevented = self._checks.begin(now)
                for worker in self._workers.values():
                    worker.postpone_kill(prevented)
                self._check_workers()
            for worker in self._workers.values():
                worker.write_outbound()
                worker.watch(selector)
                if worker.is_overdue():
                    worker.child.kill()

    def _check_workers(self) -> None:
        """Give up workers that can report nothing more, and fork servers that do not answer.

        Workers are told when nothing can be written where they record what happens.
        """
        fault = next((storage_fault(worker.run_dir.parent) for worker in self._workers.values()), None)
        for worker in self._workers.values():
            if fault is not None and not worker.fault_sent:
                worker.fault_sent = True
                worker.queue(encode_command(NoteFault(fault=fault)))
            if worker.is_unforked(self.fork_timeout, self._checks.awake_since):
                self._servers.kill(worker.child)
            elif not worker.given_up and (loss_reason := worker.loss_reason()):
                _logger.error("run %s is given up: %s", worker.run, loss_reason)
                worker.given_up = loss_reason
                worker.child.kill()
        self._find_stopped()

    def _find_stopped(self) -> None:
        """A stopped worker tells nothing, and its run has no limit that would end it: a person has to be told."""
        stopped = {
            worker.run: pid for worker in self._workers.values() if (pid := worker.pid) and is_stopped_by_signal(pid)
        }
        if stopped != self._stopped:
            self._stopped = stopped
            self._wake()

    def _read_output(self, worker: LocalWorker) -> bool:
        """Read a worker's signal that its event file has grown; False when the worker has ended."""
        if not os.read(worker.child.stdout.fileno(), _CHUNK):
            return False
        self._journal.signal(worker.run)
        self._wake()
        return True

    def _reap(self, ended: list[LocalWorker], selector: selectors.BaseSelector) -> None:
        """Reap workers whose output has ended. Only those that did not exit with 0 may have left processes."""
        codes = {worker.run: _exit_code(worker, selector) for worker in ended}
        if left := [run for run, code in codes.items() if code != os.EX_OK]:
            commands.sweep(RUN_MARK, *left, grace=0.0)
        for worker in ended:
            self._report_end(worker, codes[worker.run])
        self._wake()

    def _report_end(self, worker: LocalWorker, code: int | None) -> None:
        """Report the end of a worker that is gone, with all that it started, unless it never was there."""
        if not worker.queue_again():
            worker.given_up = worker.given_up or worker.loss_reason()
            if worker.given_up:
                self._journal.add_end(worker.run, worker.unreported_end(code))
            elif not self._journal.ended(worker.run):
                self._write_end(worker.run, worker.log, worker.start, worker.unreported_end(code))
            self._journal.close_log(worker.run)
        with self._changed:
            del self._workers[worker.run]
            self._start_successor(worker)
            self._changed.notify_all()


def _exit_code(worker: LocalWorker, selector: selectors.BaseSelector) -> int | None:
    worker.unwatch(selector)
    code = worker.child.wait(_EXIT_TIMEOUT)
    if code is None:
        worker.child.kill()
        code = worker.child.wait()
    worker.child.close()
    return code
