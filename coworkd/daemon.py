"""The daemon: lock, one writer thread, its turns, and a clean end.

Reads as one page: `run` is the life, `turn` is the day. What each room does is its own business.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from coworkd.board.approvals.unsandboxed import recent_saves
from coworkd.board.live import INBOX, inbox, live_deadline, live_messages
from coworkd.board.waiting import Waiting, waiting
from coworkd.chores.room import Chores
from coworkd.clock import Clock
from coworkd.control import Control
from coworkd.dispatch.executors import Executor
from coworkd.dispatch.room import Dispatch
from coworkd.door import Door, Op, Request
from coworkd.errors import BusyError
from coworkd.fsck.mend import Mender
from coworkd.jobs import Jobs
from coworkd.ledger.audit import Audit
from coworkd.ledger.keeping import Ledger
from coworkd.merge.room import Merge
from coworkd.store import Database
from coworkd.sync.engine import Engine
from coworkd.sync.outputs import Outputs
from coworkd.sync.watch import Watcher
from coworkd.system.process_state import SUSPENDED, described, noted_pid, process_state
from coworkd.trust import Trust

log = logging.getLogger("coworkd")

GRACE = 20.0
"""Seconds that runs have to end in when the daemon is told to stop."""

INBOX_PAUSE = 0.2
"""Seconds between two versions of inbox.md."""

LONGEST_NAP = 30.0
"""Seconds after which the daemon looks around even if nothing woke it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Everything a turn passes through."""

    db: Database
    clock: Clock
    engine: Engine
    watcher: Watcher
    outputs: Outputs
    executor: Executor
    jobs: Jobs
    dispatch: Dispatch
    merge: Merge
    ledger: Ledger
    audit: Audit
    mender: Mender
    chores: Chores
    control: Control
    trust: Trust
    git_busy: Callable[[str], bool]
    """Whether git is at work on this document, so that it must not be written now."""


class Bell:
    """What wakes the writer; ringing twice is ringing once."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def wait(self, seconds: float) -> None:
        self._rung.wait(max(seconds, 0.0))
        self._rung.clear()


class Daemon:
    """One workspace's writer."""

    def __init__(self, rooms: Rooms, door: Door, bell: Bell) -> None:
        self._rooms = rooms
        self._door = door
        self._bell = bell
        self._stopping = threading.Event()
        self._later: list[float] = []
        self._recovered = False

    def stop(self) -> None:
        """End after the present turn; safe from a signal handler and from any thread."""
        self._stopping.set()
        self._bell.ring()

    def run(self, ready: Callable[[], None]) -> None:
        """Recover, watch, and turn until told to stop; `ready` is called after the first full turn."""
        rooms = self._rooms
        with ExitStack() as stack:
            stack.callback(self._close)
            rooms.watcher.start(rooms.clock.now())
            stack.callback(rooms.watcher.stop)
            stack.callback(self._door.close)
            if reason := self._door.start():
                log.warning("commands cannot reach this daemon, files can: no socket can be made (%s)", reason)
            self.recover()
            self.turn()
            ready()
            while not self._stopping.is_set():
                self._bell.wait(self._nap())
                self.turn()
            self._wind_down()

    def serve_once(self, request: Request) -> None:
        """Take in what is there and answer one request; nothing is started, nothing is watched."""
        with ExitStack() as stack:
            stack.callback(self._door.close)
            stack.callback(self._close)
            now = self._rooms.clock.now()
            self._rooms.engine.recover(now)
            self._rooms.ledger.look(now)
            self._door.put(request)
            self.turn(start=False)
            while not self._rooms.control.settled():
                self._bell.wait(1.0)
                self.turn(start=False)

    def recover(self) -> None:
        """Finish what a former process began; runs and landings once the repository is trusted."""
        now = self._rooms.clock.now()
        self._rooms.engine.recover(now)
        self._rooms.ledger.look(now)
        self._recover_work()

    def _recover_work(self) -> None:
        if self._rooms.trust.holds and not self._recovered:
            self._recovered = True
            self._rooms.dispatch.recover()
            self._rooms.merge.recover()

    def turn(self, *, start: bool = True) -> None:
        """Look, take in, act, write back. `start` False begins nothing new."""
        rooms, now = self._rooms, self._rooms.clock.now()
        requests = [request for request in self._door.take() if request.begin()]
        self._look(now)
        rooms.engine.pull(now)
        if any(request.op is Op.REPAIR for request in requests):
            rooms.mender.mend(now)
            rooms.audit.begin()
            rooms.engine.pull(now)
        for request in requests:
            rooms.control.answer(request, now, self.stop)
        for finished in rooms.jobs.finished():
            takers = (rooms.audit.job, rooms.chores.job, rooms.dispatch.job, rooms.merge.job)
            if not any(take(finished, now) for take in takers):
                rooms.control.job(finished)
        if rooms.trust.holds:
            self._act(now, start=start)
        rooms.engine.push(now, blocked=rooms.git_busy)
        rooms.ledger.step(now)
        rooms.audit.step(now)
        waits = waiting(rooms.db, now)
        self._show(waits, now)
        if start and rooms.trust.holds:
            rooms.chores.step(waits, now)
        for request in requests:
            rooms.control.settle(request)

    def _act(self, now: float, *, start: bool) -> None:
        """What follows from what was taken in: nothing at all in a repository that is not trusted."""
        rooms = self._rooms
        if start:
            self._recover_work()
        rooms.dispatch.step(now)
        rooms.merge.step(now, start=start)
        if start:
            rooms.dispatch.start(now)

    def _look(self, now: float) -> None:
        rooms = self._rooms
        news = rooms.watcher.take(now)
        for path in news.paths:
            rooms.engine.mark(path, now)
        if news.everything or rooms.engine.scan_due(now):
            self._scan(now, told=news.everything or bool(news.paths))
        elif any(path.startswith("log/") for path in news.paths):
            rooms.ledger.look(now)
        if news.everything:
            # A folder that has just appeared may have been filled before it was watched.
            rooms.engine.scan_by(now + 1.0)

    def _scan(self, now: float, *, told: bool) -> None:
        """Look at everything; `told` when events have told that there is something to see."""
        rooms = self._rooms
        looked = rooms.engine.scan(now, rooms.clock.now)
        rooms.ledger.look(now)
        if looked.changed and not told:
            rooms.watcher.ask(now)
        if (pause := rooms.watcher.pause(looked.seconds)) is not None:
            rooms.engine.scan_by(now + pause)
        if rooms.watcher.polling != rooms.db.setting("polling"):
            with rooms.db.write():
                rooms.db.remember("polling", rooms.watcher.polling)

    def _show(self, waits: Sequence[Waiting], now: float) -> None:
        """Live messages and the inbox, where they changed."""
        rooms = self._rooms
        views = live_messages(rooms.db, now)
        later = [live_deadline(rooms.db, now), *(rooms.outputs.show(path, data, now) for path, data in views.items())]
        # What waits for a person is news; what an agent prints only streams.
        later.append(rooms.outputs.show(INBOX, inbox(waits, recent_saves(rooms.db, now)), now, INBOX_PAUSE))
        self._later = [at for at in later if at is not None]
        for path in rooms.outputs.shown():
            if path not in views and path != INBOX:
                rooms.outputs.drop(path)

    def _nap(self) -> float:
        rooms, now = self._rooms, self._rooms.clock.now()
        rests = (rooms.engine, rooms.ledger, rooms.audit, rooms.watcher)
        times = [*(room.deadline() for room in rests), *self._later]
        if rooms.trust.holds:
            times += [rooms.dispatch.deadline(now), rooms.merge.deadline(), rooms.chores.deadline(now)]
        return min([at - now for at in times if at is not None] + [LONGEST_NAP])

    def _wind_down(self) -> None:
        """Stop runs politely, record how they end, write it down."""
        rooms = self._rooms
        log.info("stopping")
        if not rooms.trust.holds:
            return
        until = rooms.clock.now() + GRACE
        rooms.dispatch.shut_down(rooms.clock.now())
        self.turn(start=False)
        while rooms.dispatch.busy() and rooms.clock.now() < until:
            self._bell.wait(0.2)
            self.turn(start=False)

    def _close(self) -> None:
        rooms = self._rooms
        rooms.jobs.close()
        rooms.executor.close(2.0)
        for path in rooms.outputs.shown():
            if path != INBOX:
                rooms.outputs.drop(path)
        rooms.audit.close()
        rooms.db.close()


@contextmanager
def alone(lock: Path, pid: Path, patience: float) -> Generator[None]:
    """Hold the workspace. Raises `BusyError`, naming the holder, when another still does after `patience` seconds."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock)
    try:
        held.acquire(timeout=0 if _is_suspended(pid) else patience)
    except Timeout as error:
        raise BusyError(_held_by(pid)) from error
    try:
        pid.write_text(f"{os.getpid()}\n")
        yield
    finally:
        pid.unlink(missing_ok=True)
        held.release()


def _held_by(file: Path) -> str:
    """Who holds the workspace, and what to do."""
    pid = noted_pid(file)
    runs = f"coworkd already runs for this workspace (pid {pid or 'unknown'})"
    if pid is not None and (state := process_state(pid)) in SUSPENDED:
        return f"{runs} and is {described(pid, state)}"
    return f"{runs}; `coworkd down` stops it"


def _is_suspended(file: Path) -> bool:
    """Whether the holder does nothing until another process acts on it, so that waiting for it is in vain."""
    pid = noted_pid(file)
    return pid is not None and process_state(pid) in SUSPENDED
