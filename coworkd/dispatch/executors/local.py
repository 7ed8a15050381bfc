"""The executor of this machine: one worker process per run, whose events are read from its log.

No method blocks the daemon: messages for a worker are queued and written by one thread, which also reads the output of
all workers, wakes the daemon, and ends the processes that a worker has left behind.
"""

from __future__ import annotations

import logging
import os
import selectors
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from coworkd.agents import event_log
from coworkd.agents.drivers.replay.recording import SPEED
from coworkd.agents.json_codec import ASSIGNMENT_FILE, encode_assignment
from coworkd.agents.port import MACHINE_EXIT, Assignment, Ended, EndReason, InboxAnswer
from coworkd.agents.registry import PRELOADED_MODULES, required_variables
from coworkd.agents.worker_commands import Cancel, Deliver, GiveAnswer, Kill, WorkerCommand, encode_command
from coworkd.core.errors import AgentError
from coworkd.core.machine_faults import MachineFault, MachineFaultError, fault_of
from coworkd.dispatch.executors.event_journal import EventJournal
from coworkd.dispatch.executors.fork_client import FORK_SERVER_SUPPORTED, ForkedWorker, ForkServerClient
from coworkd.dispatch.executors.port import LOST_MESSAGE, RunEvent
from coworkd.system.process import commands
from coworkd.system.process_tree import REPO_MARK, RUN_MARK
from coworkd.system.wakeup import Wakeup

WORKER_LOG = "worker.log"

_logger = logging.getLogger("coworkd")
_EXIT_TIMEOUT = 5.0
_FAULT_PAUSE = 1.0
_CHUNK = 64 * 1024
_LOG_TAIL = 2000
_WORKER_ENV = ("HOME", "TMPDIR", "PYTHONPATH", SPEED)
"""Variables that a worker, unlike an agent, takes over from the daemon: it is the same program."""
_FORK_SERVER_ENV = frozenset({"PATH", "LANG", "LC_ALL", "TZ", REPO_MARK, *_WORKER_ENV})
"""Variables of a fork server: none that belongs to one run."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Worker:
    run: str
    run_dir: Path
    start: int
    """Offset in the log at which this epoch begins."""
    child: commands.Child | ForkedWorker
    outbound: bytearray = field(default_factory=bytearray)
    kill_at: float | None = None
    """When it is killed, in monotonic time; None while its end was not requested."""
    successor: Assignment | None = None
    """The next epoch of the run, submitted while this worker was ending."""
    successor_outbound: bytearray = field(default_factory=bytearray)


class LocalExecutor:
    """Starts workers and keeps their events until they are committed. `wake` may be called by any thread.

    A worker that was told to kill its run and has not ended after `patience` seconds is killed itself. A fork server
    that no run has needed for `idle` seconds is ended.
    """

    def __init__(self, wake: Callable[[], None], *, patience: float = 10.0, idle: float = 600.0) -> None:
        self._wake = wake
        self._patience = patience
        self._journal = EventJournal(wake)
        self._changed = threading.Condition()
        """Guards what follows; notified when a worker has ended."""
        self._workers: dict[str, _Worker] = {}
        self._epochs: dict[str, int] = {}
        self._closed = False
        self._fork_servers: dict[str, ForkServerClient] = {}
        self._retired: list[ForkServerClient] = []
        self._idle = idle
        self._quiet_since = time.monotonic()
        self._wakeup = Wakeup()
        self._pause = threading.Event()
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
                self._start(assignment)
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
                worker.kill_at = time.monotonic() + self._patience
        self._send(run, Kill())

    def events(self) -> list[RunEvent]:
        return self._journal.events()

    def commit(self, run: str, offset: int) -> None:
        self._journal.commit(run, offset)

    def alive(self) -> frozenset[str]:
        with self._changed:
            return frozenset(self._workers)

    def holds(self, run: str) -> bool:
        with self._changed:
            return run in self._workers or self._journal.follows(run)

    def recover(self, run: str, run_dir: Path, offset: int) -> None:
        """See the port. Waits some seconds while processes of the run are still alive: for the daemon's start."""
        commands.sweep(RUN_MARK, run)
        path = run_dir / event_log.EVENTS_FILE
        self._journal.follow(run, path, offset, live=False)
        self._write_end(run, path, offset, Ended(reason=EndReason.CRASHED, message=LOST_MESSAGE))
        self._wake()

    def _write_end(self, run: str, log: Path, start: int, ended: Ended) -> None:
        """Write the end that a worker could not write itself; nothing happens where it did.

        Where the log cannot be written, the end is reported all the same: no run may stay at work for ever.
        """
        try:
            log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            event_log.ensure_ended(log, start, ended)
            self._journal.signal(run)
        except OSError as error:
            fault = fault_of(error)
            _logger.error("the end of run %s cannot be written to %s: %s", run, log, fault or error)
            self._journal.add_end(run, _machine_end(ended, fault))

    def close(self, grace: float) -> None:
        with self._changed:
            self._closed = True
        for end, patience in ((self.cancel, grace), (self.kill, 2 * self._patience)):
            for run in self.alive():
                end(run)
            with self._changed:
                self._changed.wait_for(lambda: not self._workers, patience)
        self._wakeup.notify()
        self._thread.join()
        self._wakeup.close()
        for server in (*self._fork_servers.values(), *self._retired):
            server.close()

    def _start(self, assignment: Assignment, outbound: bytes = b"") -> None:
        run, run_dir = assignment.run, Path(assignment.run_dir)
        log = run_dir / event_log.EVENTS_FILE
        try:
            run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            (run_dir / ASSIGNMENT_FILE).write_bytes(encode_assignment(assignment))
            start = event_log.size(log)
            child = self._spawn(assignment, run_dir)
        except OSError as error:
            if fault := fault_of(error):
                raise MachineFaultError(fault) from error
            raise AgentError(f"run {run} cannot start: {error}") from error
        self._journal.follow(run, log, start, live=True)
        os.set_blocking(child.stdin.fileno(), False)
        self._workers[run] = _Worker(run=run, run_dir=run_dir, start=start, child=child, outbound=bytearray(outbound))

    def _spawn(self, assignment: Assignment, run_dir: Path) -> commands.Child | ForkedWorker:
        env, driver = _environment(assignment), assignment.agent.driver
        with (run_dir / WORKER_LOG).open("ab") as log:
            if driver in PRELOADED_MODULES and FORK_SERVER_SUPPORTED:
                return self._fork_server(driver, env, log).fork(run_dir, env, log)
            argv = (sys.executable, "-P", "-m", "coworkd.agents.worker_main", str(run_dir))
            return commands.spawn(argv, cwd=run_dir, env=env, stderr=log)

    def _fork_server(self, driver: str, env: Mapping[str, str], log: BinaryIO) -> ForkServerClient:
        server = self._fork_servers.get(driver)
        if server is None or not server.alive:
            if server is not None:
                self._retired.append(server)  # one of its workers may still be ending
            plain = {name: env[name] for name in env if name in _FORK_SERVER_ENV}
            server = self._fork_servers[driver] = ForkServerClient(PRELOADED_MODULES[driver], plain, log)
        return server

    def _start_successor(self, worker: _Worker) -> None:
        """Start the epoch that waited for the end of this worker."""
        if worker.successor is None or self._closed:
            return
        try:
            self._start(worker.successor, bytes(worker.successor_outbound))
        except (AgentError, MachineFaultError) as error:
            log = worker.run_dir / event_log.EVENTS_FILE
            start = event_log.size(log)
            self._journal.follow(worker.run, log, start, live=False)
            self._write_end(worker.run, log, start, Ended(reason=EndReason.MACHINE, message=str(error)))

    def _send(self, run: str, control: WorkerCommand) -> bool:
        with self._changed:
            worker = self._workers.get(run)
            if worker is None:
                return False
            outbound = worker.successor_outbound if worker.successor else worker.outbound
            outbound += encode_command(control)
        self._wakeup.notify()
        return True

    def _run_thread(self) -> None:
        """The executor's thread: runs until it is closed and no worker is left; faults of the machine are retried."""
        while not self._closed or self.alive():
            try:
                self._watch()
            except OSError as error:
                if (fault := fault_of(error)) is None:
                    raise
                _logger.error("agents cannot be supervised now: %s", fault)
                self._pause.wait(_FAULT_PAUSE)

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeup.fd, selectors.EVENT_READ, None)
            while not self._closed or self.alive():
                for key, _ in selector.select(self._until_due()):
                    worker: _Worker | None = key.data
                    if worker is None:
                        self._wakeup.clear()
                    elif key.fd == worker.child.stdout.fileno():
                        self._read_output(worker, selector)
                self._service_workers(selector)
                self._stop_idle_servers()

    def _until_due(self) -> float | None:
        """Seconds until the next worker is overdue, or the fork servers have been idle for long enough."""
        with self._changed:
            due = [worker.kill_at for worker in self._workers.values() if worker.kill_at is not None]
            if self._fork_servers and not self._workers:
                due.append(self._quiet_since + self._idle)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _stop_idle_servers(self) -> None:
        """End fork servers that no run has needed for a while."""
        idle: list[ForkServerClient] = []
        with self._changed:
            if self._workers:
                self._quiet_since = time.monotonic()
            elif time.monotonic() >= self._quiet_since + self._idle:
                idle += [*self._fork_servers.values(), *self._retired]
                self._fork_servers.clear()
                self._retired.clear()
        for server in idle:
            server.close()

    def _service_workers(self, selector: selectors.BaseSelector) -> None:
        """Watch new workers, write what is queued for the others, and kill those that are overdue."""
        with self._changed:
            known = selector.get_map()
            for worker in self._workers.values():
                if worker.child.stdout not in known:
                    selector.register(worker.child.stdout, selectors.EVENT_READ, worker)
                _write_outbound(worker)
                if (worker.child.stdin in known) != bool(worker.outbound):
                    _toggle_input_watch(selector, worker)
                if worker.kill_at is not None and time.monotonic() >= worker.kill_at:
                    worker.child.kill()

    def _read_output(self, worker: _Worker, selector: selectors.BaseSelector) -> None:
        if os.read(worker.child.stdout.fileno(), _CHUNK):
            self._journal.signal(worker.run)
        else:
            self._reap(worker, selector)
        self._wake()

    def _reap(self, worker: _Worker, selector: selectors.BaseSelector) -> None:
        """Reap a worker whose output has ended."""
        for pipe in (worker.child.stdout, worker.child.stdin):
            if pipe in selector.get_map():
                selector.unregister(pipe)
        code = worker.child.wait(_EXIT_TIMEOUT)
        if code is None:
            worker.child.kill()
            code = worker.child.wait()
        commands.sweep(RUN_MARK, worker.run, grace=0.0)
        worker.child.close()
        if not self._journal.ended(worker.run):
            self._write_end(
                worker.run, worker.run_dir / event_log.EVENTS_FILE, worker.start, _unreported_end(worker, code)
            )
        self._journal.close_log(worker.run)
        with self._changed:
            del self._workers[worker.run]
            self._start_successor(worker)
            self._changed.notify_all()


def _environment(assignment: Assignment) -> dict[str, str]:
    return commands.clean_environment(
        home=Path.home(),
        tmp=Path(tempfile.gettempdir()),
        run=assignment.run,
        repo=assignment.repo_id,
        passed=(*assignment.agent.env_pass, *required_variables(assignment.agent), *_WORKER_ENV),
    )


def _write_outbound(worker: _Worker) -> None:
    """Write as much as the pipe takes; the end of a worker is noticed by its output."""
    try:
        while worker.outbound:
            del worker.outbound[: os.write(worker.child.stdin.fileno(), worker.outbound)]
    except BlockingIOError:
        return
    except BrokenPipeError:
        worker.outbound.clear()


def _toggle_input_watch(selector: selectors.BaseSelector, worker: _Worker) -> None:
    """Watch a worker's input only while something is queued for it."""
    if worker.outbound:
        selector.register(worker.child.stdin, selectors.EVENT_WRITE, worker)
    else:
        selector.unregister(worker.child.stdin)


def _unreported_end(worker: _Worker, code: int | None) -> Ended:
    """The end of a run whose worker did not report it."""
    reason = EndReason.MACHINE if code == MACHINE_EXIT else EndReason.CRASHED
    return Ended(reason=reason, message=_crash_message(worker, code))


def _machine_end(ended: Ended, fault: MachineFault | None) -> Ended:
    """An end that a fault of the machine keeps from being written was most likely caused by that fault."""
    if fault is None or ended.reason is not EndReason.CRASHED or ended.message == LOST_MESSAGE:
        return ended
    return replace(ended, reason=EndReason.MACHINE, message=str(fault))


def _crash_message(worker: _Worker, code: int | None) -> str:
    log = worker.run_dir / WORKER_LOG
    try:
        last = log.read_bytes()[-_LOG_TAIL:].decode("utf-8", "replace").strip()
    except OSError:
        last = ""
    if code == MACHINE_EXIT:
        return last or "this machine did not let its events be written"
    return f"{LOST_MESSAGE} (exit {code})" + (f": {last}" if last else "")
