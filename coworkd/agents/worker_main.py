"""The process in which one run happens: forked (`run_forked`), or `python -P -m coworkd.agents.worker_main RUN_DIR`.

It reads `RUN_DIR/assignment.json`, runs the driver, appends its events to `RUN_DIR/events.jsonl` and writes a byte to
standard output for each, to wake the daemon. On standard input it takes control lines; when that closes the daemon is
gone, and everything else is ended soon after. `Ended` is written last, when no process of the run is left.
"""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

from coworkd.agents import run_event_file
from coworkd.agents.json_codec import ASSIGNMENT_FILE, decode_assignment
from coworkd.agents.port import (
    MACHINE_EXIT,
    Agent,
    AgentEvent,
    Assignment,
    ConnectionsRefused,
    Ended,
    EndReason,
    ErrorKind,
    ErrorReported,
)
from coworkd.agents.registry import create_agent
from coworkd.agents.worker.redacting_events import EventRedactor, redact_run_files
from coworkd.agents.worker.refused_hosts import RefusedHosts
from coworkd.agents.worker.storage_watch import StorageWatch
from coworkd.agents.worker_commands import NoteFault, apply_command, decode_command
from coworkd.core.errors import AgentError, AgentFileError, NotSignedInError, ProgramMissingError
from coworkd.core.machine_faults import MACHINE_ONLY_KINDS, MachineFault, fault_of
from coworkd.core.redaction import Secrets
from coworkd.system import process_tree
from coworkd.system.process import commands

DAEMON_GONE = "the daemon went away"

_STDIN = 0
_STDOUT = 1
_STDERR = 2
_CHUNK = 64 * 1024
_LEFTOVER_GRACE = 0.5
_LAST_GRACE = 10.0
"""Seconds that a driver has to end when the daemon is gone."""
_MAX_MESSAGE = 8000
"""Characters of an `Ended` message, so that it can be found at the end of a log."""


def main(run_dir: Path) -> int:
    """Run the assignment in `run_dir` and write its events there; the exit code of this process."""
    try:
        _run_assignment(run_dir)
    except OSError as error:
        if (fault := fault_of(error)) is None:
            raise
        _note(str(fault))
        return MACHINE_EXIT
    return os.EX_OK


def run_forked(run_dir: str) -> int:
    """As `main`, in a child of a fork server."""
    tempfile.tempdir = None  # the server's may be another
    return main(Path(run_dir))


def _run_assignment(run_dir: Path) -> None:
    process_tree.become_subreaper()
    assignment = decode_assignment((run_dir / ASSIGNMENT_FILE).read_bytes())
    log = run_event_file.EventWriter(run_dir / run_event_file.EVENTS_FILE)
    secrets = Secrets.of([*os.environ.items(), *assignment.agent.env])
    os.set_blocking(_STDOUT, False)
    watch = StorageWatch(run_dir)
    line = _DaemonConnection(assignment.run, watch)
    try:
        ended = _record_events(assignment, line, log, EventRedactor(secrets))
        watch.look()
    finally:
        _end_tree(assignment.run)
    redact_run_files(run_dir, secrets)
    ended = _final(ended, line)
    fault = str(watch.fault) if watch.fault else ""
    log.finish(replace(ended, message=secrets.redact(ended.message), fault=fault))
    line.finished.set()
    _wake_daemon()


def _record_events(
    assignment: Assignment, line: _DaemonConnection, log: run_event_file.EventWriter, discretion: EventRedactor
) -> Ended:
    """Write down what happens until the run ends; the end itself is not written yet."""
    refused = RefusedHosts(assignment.run_dir)
    refused.clear()
    with contextlib.closing(_events(assignment, line)) as events:
        for event in events:
            if isinstance(event, Ended) and (entries := refused.entries()):
                log.append(ConnectionsRefused(entries=entries))
            for told in discretion.flush() if isinstance(event, Ended) else discretion.feed(event):
                log.append(told)
            if isinstance(event, Ended):
                return event
            _wake_daemon()
    return Ended(reason=EndReason.CRASHED, message="the driver ended without saying how")


def _events(assignment: Assignment, line: _DaemonConnection) -> Generator[AgentEvent, None, None]:
    """The driver's events, and whatever goes wrong in it as its end: the top of a run."""
    try:
        agent = create_agent(assignment.agent.driver)
        events = agent.start(assignment, assignment.resume or None)
        line.serve(agent)
        yield from events
    except AgentError as error:
        if kind := _stopping_kind(error):
            yield ErrorReported(kind=kind, message=str(error))
        yield Ended(reason=EndReason.FAILED, message=str(error))
    except OSError as error:
        _note(traceback.format_exc())
        yield _ended_by(error)
    except Exception as error:  # noqa: BLE001 - the top of a run, where a driver's bug becomes an outcome
        _note(traceback.format_exc())
        yield Ended(reason=EndReason.CRASHED, message=f"{type(error).__name__}: {error}")


def _stopping_kind(error: AgentError) -> ErrorKind | None:
    """What every run of the agent would end with; None for what is this run's alone."""
    match error:
        case NotSignedInError():
            return ErrorKind.AUTH
        case ProgramMissingError():
            return ErrorKind.PROGRAM
        case AgentFileError():
            return ErrorKind.AGENT_FILE
        case _:
            return None


def _ended_by(error: OSError) -> Ended:
    """An error of the system is the machine's, where no mistake of a driver brings it about."""
    fault = fault_of(error)
    if fault is not None and fault.kind in MACHINE_ONLY_KINDS:
        return Ended(reason=EndReason.MACHINE, message=str(fault))
    return Ended(reason=EndReason.CRASHED, message=f"{type(error).__name__}: {error}")


def _final(ended: Ended, line: _DaemonConnection) -> Ended:
    """With the daemon gone a failure does not count: the next daemon may have begun to end the agent itself.

    Neither is one where the machine kept from the agent what it was told.
    """
    if line.lost and ended.reason in (EndReason.CANCELLED, EndReason.FAILED, EndReason.CRASHED):
        return replace(ended, reason=EndReason.CANCELLED, message=DAEMON_GONE)
    if line.fault is not None and ended.reason is EndReason.CANCELLED:
        return replace(ended, reason=EndReason.MACHINE, message=str(line.fault))
    return replace(ended, message=ended.message[:_MAX_MESSAGE])


def _end_tree(run: str) -> None:
    """Whatever is left below this process, which is all that the run started, or carries its mark."""
    process_tree.terminate(lambda: process_tree.members(os.getpid(), run), _LEFTOVER_GRACE, commands.reap_orphans)


def _ignore(_number: int, _frame: object) -> None:
    """The byte in the wake-up pipe is what counts."""


def _note(text: str) -> None:
    """Write to the worker's log, which may be on a full disk: without a buffer, which would fail again at the end."""
    with contextlib.suppress(OSError):
        os.write(_STDERR, f"{text.rstrip()}\n".encode(errors="replace"))


def _wake_daemon() -> None:
    """One byte for the daemon; a full pipe has woken it already, and a closed one is noticed elsewhere."""
    with contextlib.suppress(BlockingIOError, BrokenPipeError):
        os.write(_STDOUT, b".")


class _DaemonConnection:
    """Listens to the daemon, and for signals, in a thread of its own."""

    def __init__(self, run: str, watch: StorageWatch) -> None:
        self._watch = watch
        self.gone = False
        self.fault: MachineFault | None = None
        """What kept something from the agent that it was to be told; it is ended then."""
        self.finished = threading.Event()
        self._run = run
        self._lines = b""
        self._signals, bell = os.pipe()
        for fd in (_STDIN, self._signals, bell):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, _ignore)

    @property
    def lost(self) -> bool:
        """Whether the daemon is gone: its end of the pipe is closed, whatever has been read from it so far."""
        pipe = select.poll()
        pipe.register(_STDIN, 0)
        return self.gone or any(events & select.POLLHUP for _, events in pipe.poll(0))

    def serve(self, agent: Agent) -> None:
        threading.Thread(target=self._listen, args=(agent,), daemon=True, name="lifeline").start()

    def _listen(self, agent: Agent) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(_STDIN, selectors.EVENT_READ, self._read)
            selector.register(self._signals, selectors.EVENT_READ, self._signalled)
            while not self.gone:
                for key, _ in selector.select():
                    ready: Callable[[Agent], None] = key.data
                    ready(agent)
        agent.kill()
        if not self.finished.wait(_LAST_GRACE):
            _end_tree(self._run)
            os._exit(os.EX_SOFTWARE)

    def _signalled(self, agent: Agent) -> None:
        numbers = set(os.read(self._signals, _CHUNK))
        commands.reap_orphans()
        if numbers - {signal.SIGCHLD}:
            agent.kill()

    def _read(self, agent: Agent) -> None:
        chunk = os.read(_STDIN, _CHUNK)
        if not chunk:
            self.gone = True
        *lines, self._lines = (self._lines + chunk).split(b"\n")
        for line in lines:
            if fault := _apply_line(agent, line, self._watch):
                self.fault = fault
                agent.kill()


def _apply_line(agent: Agent, line: bytes, watch: StorageWatch) -> MachineFault | None:
    """Do what the daemon says; the fault of the machine that keeps it from being done."""
    control = decode_command(line)
    if control is None:
        _note(f"a control line that is not known is passed over: {line!r:.200}")
        return None
    if isinstance(control, NoteFault):
        watch.note(control.fault)
        return None
    try:
        apply_command(agent, control)
    except (AgentError, OSError) as error:
        _note(f"{type(control).__name__} could not be carried out: {error}")
        fault = fault_of(error) if isinstance(error, OSError) else None
        return fault if fault is not None and fault.kind in MACHINE_ONLY_KINDS else None
    return None


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    os._exit(code)  # what is still in a buffer for a full disk must not change the exit code
