"""The daemon: one writer thread, its turns, and a clean end.

Reads as one page: `run` is the life of the process, `turn` is what happens each time that it wakes up.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from coworkd.board.approvals.unsandboxed import recent_saves
from coworkd.board.setup_fault import setup_report
from coworkd.board.views.attention import AttentionItem, AttentionKind, attention_items
from coworkd.board.views.inbox import INBOX, inbox
from coworkd.board.views.live_messages import live_deadline, live_messages
from coworkd.core.clock import TimeSlice
from coworkd.core.errors import RepoError
from coworkd.core.machine_faults import FaultKind, MachineFault, MachineFaultError, Suspension, fault_of, suspended
from coworkd.daemon.services import LongLivedParts, Services
from coworkd.sync.edited_outputs import notice_edits
from coworkd.system.background_jobs import Purpose
from coworkd.system.control_socket import ControlReply, ControlRequest, Op
from coworkd.system.git.repository_trust import TRUST_REMOVED
from coworkd.system.writer_thread import may_wait, must_not_wait

log = logging.getLogger("coworkd")

GRACE = 20.0
"""Seconds that runs have to end in when the daemon is told to stop."""

INBOX_PAUSE = 0.2
"""Seconds between two versions of inbox.md."""

START_PATIENCE = 60.0
"""Seconds for which a daemon that starts waits for another program that holds the database."""

SLICE = 0.25
"""Seconds that each part of a turn may take: what is left of it is done in the next turn, which follows at once."""

FINISHED_WORK = frozenset(Purpose) - {Purpose.SLOT}
"""Jobs whose outcomes go before everything that begins."""

MAX_IDLE = 30.0
"""Seconds after which the daemon looks around even if nothing woke it."""


MAX_IDLE_WHILE_WATCHING = 5.0
"""The same while agents are at work: the folder they work in may be taken away."""


BEGAN_AGAIN = "coworkd reloaded its state: run `coworkd status`, and repeat the command if it had no effect"


@dataclass(frozen=True, slots=True)
class _Unanswered:
    """A request that was carried out, and how many jobs had asked git before."""

    request: ControlRequest
    jobs_before: int


class Daemon:
    """One workspace's writer.

    A turn that the machine does not let end is undone, reported and tried again, with everything that was remembered
    in memory built again from the database: nothing in memory outlives a transaction that was rolled back.
    """

    def __init__(self, lasting: LongLivedParts, compose: Callable[[bool], Services]) -> None:
        """`compose` is told whether the database may be another than before."""
        self._lasting = lasting
        self._compose = compose
        self._composed: Services | None = None
        self._stopping = False
        self._later: list[float] = []
        self._waits: Sequence[AttentionItem] = ()
        self._requests: list[ControlRequest] = []
        self._unanswered: list[_Unanswered] = []
        self._cut_short = False
        """Whether the latest turn was."""
        self._suspension: Suspension | None = None
        self._began = False
        self._recovered = False
        self._fair = False
        """Whether the parts of a turn are bounded: not before everything has been taken in once."""

    @property
    def _services(self) -> Services:
        """Built from the database when first asked for. Raises what the machine has against that."""
        if self._composed is None:
            self._composed = self._compose(True)
        return self._composed

    def stop(self) -> None:
        """End after the present turn; safe from a signal handler and from any thread."""
        self._stopping = True
        self._lasting.wakeup.notify()

    def run(self, ready: Callable[[], None]) -> None:
        """Recover, watch, and turn until told to stop; `ready` is called after the first full turn."""
        lasting = self._lasting
        with ExitStack() as stack:
            stack.callback(self._close)
            lasting.watcher.start(lasting.clock.now())
            stack.callback(lasting.watcher.stop)
            stack.callback(lasting.control_socket.close)
            if reason := lasting.control_socket.start():
                log.warning(
                    "commands cannot reach this daemon, edits of files still count: its socket cannot be opened (%s)",
                    reason,
                )
            self._start()
            if not self._stopping:
                self._fair = True
                ready()
            while not self._stopping:
                lasting.wakeup.wait(self._seconds_until_next_turn())
                self._try_turn()
            self._drain_runs()

    def _start(self) -> None:
        """The first full turn. Only a database that another program holds is waited for; raises any other fault."""
        until = self._lasting.clock.now() + START_PATIENCE
        while not self._stopping and (fault := self._try_turn()) is not None:
            if fault.kind is not FaultKind.DATABASE_LOCKED or self._lasting.clock.now() > until:
                raise MachineFaultError(fault)
            self._lasting.wakeup.wait(self._seconds_until_next_turn())

    def serve_once(self, request: ControlRequest) -> None:
        """Take in what is there and answer one request; nothing is started, nothing is watched."""
        with ExitStack() as stack:
            stack.callback(self._lasting.control_socket.close)
            stack.callback(self._close)
            now = self._services.clock.now()
            self._began = True
            self._services.engine.recover(now)
            self._services.recorder.ingest_records(now)
            self._lasting.control_socket.put(request)
            self.turn(start=False)
            while not self._services.control.settled():
                self._lasting.wakeup.wait(1.0)
                self.turn(start=False)

    # ---- turns that the machine may not let end

    def _try_turn(self, *, start: bool = True) -> MachineFault | None:
        """A turn; what the machine had against it, if it could not be done. It is tried again after a pause.

        A request is answered at once in either case, and tries again at once.
        """
        now = self._lasting.clock.now()
        self._take_requests()
        if any(request.op is Op.STOP for request in self._requests):
            self.stop()
        if self._suspension is not None and now < self._suspension.until and not self._requests:
            return self._suspension.fault
        try:
            self._lasting.keep_lock()
            self._lasting.control_socket.renew()
            self._lasting.executor.ensure_supervision()
            self._build_again()
            self._begin()
            self._turn_without_waiting(start=start)
            # What follows the first turn is served: from now on nothing waits for git.
            self._services.git.ask_later()
            self._resume(now)
        except (MachineFaultError, RepoError, OSError) as error:
            fault = fault_of(error)
            if fault is None:
                raise
            self._suspend(fault, now)
            return fault
        return None

    def _turn_without_waiting(self, *, start: bool) -> None:
        """The first turn is part of the start, and may wait for git."""
        if self._services.git.waits:
            self.turn(start=start)
            return
        with must_not_wait():
            self.turn(start=start)

    def _take_requests(self) -> None:
        self._requests += [request for request in self._lasting.control_socket.take_requests() if request.begin()]

    def _build_again(self) -> None:
        """After a turn that failed, and where the database was deleted or replaced: begin again from what is there."""
        before = self._composed
        if before is None:
            return
        # A database that failed is opened again in any case: it need not even be readable.
        moved = before.db.moved or (self._suspension is None and before.db.went_back())
        if self._suspension is None and not moved:
            return
        if moved:
            log.warning("the database %s was deleted or replaced: it is opened again", before.db.path)
            before.db.close()
        self._composed = self._compose(moved)
        self._began = self._recovered = False
        before.control.give_up(BEGAN_AGAIN)
        self._refuse_all(ControlReply(ok=False, text=BEGAN_AGAIN))
        before.db.close()

    def _begin(self) -> None:
        if not self._began:
            self.recover()
            self._began = True

    def _suspend(self, fault: MachineFault, now: float) -> None:
        before = self._suspension
        self._suspension = before.again(fault, now) if before is not None else suspended(fault, now)
        if before is None or before.fault != fault:
            log.error("%s; coworkd waits and tries again", fault)
        for request in self._requests:
            request.answer(ControlReply(ok=request.op is Op.STOP, text=f"coworkd cannot work at present: {fault}"))
        self._requests.clear()
        self._refuse_all(ControlReply(ok=False, text=f"coworkd cannot work at present: {fault}"))
        what = AttentionItem(
            kind=AttentionKind.PROBLEM, path="", task="", since=self._suspension.since, what=str(fault)
        )
        self._lasting.outputs.show(INBOX, inbox([what, *self._waits]), now, INBOX_PAUSE)

    def _refuse_all(self, reply: ControlReply) -> None:
        """The turns that the requests were part of are undone."""
        for one in self._unanswered:
            one.request.answer(reply)
        self._unanswered.clear()

    def _resume(self, now: float) -> None:
        if self._suspension is None:
            return
        over, self._suspension = self._suspension, None
        log.info("goes on after %.0f s: %s", now - over.since, over.fault.kind)
        with self._services.db.write():
            self._services.db.event(now, "suspended", seconds=round(now - over.since, 1), reason=str(over.fault))

    def recover(self) -> None:
        """Finish what a former process began; runs and landings once the repository is trusted."""
        now = self._services.clock.now()
        self._services.engine.recover(now)
        self._services.recorder.ingest_records(now)
        self._recover_work()

    def _recover_work(self) -> None:
        if self._services.trust.holds and not self._recovered:
            self._recovered = True
            with may_wait("nothing runs or lands yet in a repository that has just become trusted"):
                self._services.dispatch.recover()
                self._services.merge.recover(self._services.clock.now())

    def turn(self, *, start: bool = True) -> None:
        """Look, take in, act, write back: what is finished first, then what begins, then files.

        Each part has a slice of time, so that none of them keeps the others waiting. `start` False begins nothing new.
        """
        services, now = self._services, self._services.clock.now()
        self._take_requests()
        requests = self._requests
        self._look(now)
        services.engine.pull(now, enough=self._slice().is_over)
        if repairs := [request for request in requests if request.op is Op.REPAIR]:
            with may_wait("a person has stopped to repair the workspace"):
                services.repairer.repair(now, on_terminal=any(request.on_terminal for request in repairs))
            services.audit.find_end()
            services.engine.pull(now)
        for request in requests:
            services.control.answer(request, now, self.stop)
        services.jobs.settle(now, purposes=FINISHED_WORK, enough=self._slice().is_over)
        services.git_job.step()
        services.control.take_in_held(now)
        if self._is_cut_short():
            return
        self._look_at_state(now)
        if services.trust.holds:
            self._act(now, start=start)
        services.jobs.settle(now, purposes={Purpose.SLOT}, enough=self._slice().is_over)
        services.engine.push(now, blocked=services.git_busy, enough=self._slice().is_over)
        services.recorder.step(now)
        services.audit.step()
        waits = attention_items(services.db)
        self._show(waits, now)
        if start and services.trust.holds:
            services.housekeeping.step(waits, now)
        self._answer_requests()

    def _is_cut_short(self) -> bool:
        """Whether the turn ends here, since git is about to say what was saved: the next one follows at once.

        A person waits for that turn. Never two in a row, and not where a command waits.
        """
        asking = self._services.git_job.is_asking() and self._services.engine.waits_for_git()
        self._cut_short = asking and not self._cut_short and not self._requests
        return self._cut_short

    def _answer_requests(self) -> None:
        """A turn that was asked for is over when git has answered what it asked, which takes two jobs at most."""
        services = self._services
        self._unanswered += [_Unanswered(request, services.git_job.ended) for request in self._requests]
        self._requests = []
        quiet = not services.engine.waits_for_git() or services.git_job.failing()
        waiting: list[_Unanswered] = []
        for one in self._unanswered:
            if quiet or one.request.op is Op.STOP or services.git_job.ended >= one.jobs_before + 2:
                services.control.settle(one.request)
            else:
                waiting.append(one)
        self._unanswered = waiting

    def _look_at_state(self, now: float) -> None:
        """Where the state folder was removed nothing goes on as if nothing had happened."""
        services, folder = self._services, self._lasting.state
        if folder.was_removed():
            log.error("the state folder %s was removed: the runs that were at work in it are ended", folder.path)
            services.dispatch.end_lost(folder.path, now)
        if services.trust.was_lost():
            log.error(TRUST_REMOVED)
            with services.db.write():
                services.db.state.set_untrusted(TRUST_REMOVED, now)

    def _act(self, now: float, *, start: bool) -> None:
        """What follows from what was taken in: nothing at all in a repository that is not trusted."""
        services = self._services
        if start:
            self._recover_work()
        services.target.look()
        services.dispatch.step(now)
        services.merge.step(now, start=start)
        if start:
            services.dispatch.start(now)

    def _slice(self) -> TimeSlice:
        """The time for the part of a turn that begins now: without end in the first turn, and in one for a command."""
        return TimeSlice(self._lasting.clock, SLICE if self._fair else math.inf)

    def _look(self, now: float) -> None:
        services = self._services
        news = services.watcher.take(now)
        for path in news.paths:
            services.engine.mark_dirty(path, now)
        if news.everything or services.engine.is_scan_due(now):
            self._scan(now, told=news.everything or bool(news.paths))
        elif any(path.startswith("log/") for path in news.paths):
            services.recorder.ingest_records(now)
        if news.everything:
            # A folder that has just appeared may have been filled before it was watched.
            services.engine.scan_no_later_than(now + 1.0)

    def _scan(self, now: float, *, told: bool) -> None:
        """Look at everything; `told` when events have told that there is something to see."""
        services = self._services
        looked = services.engine.scan(now, services.clock.now)
        services.recorder.ingest_records(now)
        if looked.changed and not told:
            services.watcher.ask(now)
        if (pause := services.watcher.pause(looked.seconds)) is not None:
            services.engine.scan_no_later_than(now + pause)
        if services.watcher.polling != services.db.state.polling_reason:
            with services.db.write():
                services.db.state.polling_reason = services.watcher.polling

    def _show(self, waits: Sequence[AttentionItem], now: float) -> None:
        """Live messages and the inbox, where they changed."""
        services = self._services
        self._waits = waits
        views = live_messages(services.db, now) | setup_report(services.db)
        later = [
            live_deadline(services.db, now),
            *(services.outputs.show(path, data, now) for path, data in views.items()),
        ]
        # What waits for a person is news; what an agent prints only streams.
        later.append(services.outputs.show(INBOX, inbox(waits, recent_saves(services.db, now)), now, INBOX_PAUSE))
        self._later = [at for at in later if at is not None]
        for path in services.outputs.shown():
            if path not in views and path != INBOX:
                services.outputs.drop(path)
        notice_edits(services.db, services.outputs, now)

    def _seconds_until_next_turn(self) -> float:
        now = self._lasting.clock.now()
        if self._suspension is not None:
            return self._suspension.until - now
        services = self._services
        rests = (services.engine, services.recorder, services.watcher)
        times = [*(service.deadline() for service in rests), *self._later, services.jobs.deadline(now)]
        if services.trust.holds:
            times += [services.dispatch.deadline(now), services.merge.deadline(), services.housekeeping.deadline(now)]
        longest = MAX_IDLE_WHILE_WATCHING if services.executor.alive() else MAX_IDLE
        return min([at - now for at in times if at is not None] + [longest])

    def _drain_runs(self) -> None:
        """Stop runs politely, record how they end, write it down."""
        lasting, self._fair = self._lasting, False
        log.info("stopping")
        if not lasting.trust.holds:
            return
        until = lasting.clock.now() + GRACE
        told = False
        while lasting.clock.now() < until:
            told = told or self._tell_to_stop()
            if self._try_turn(start=False) is None and told and not self._services.dispatch.busy():
                return
            lasting.wakeup.wait(0.2)

    def _tell_to_stop(self) -> bool:
        """Have every run end; False where that cannot be written down now."""
        try:
            self._services.dispatch.shut_down(self._lasting.clock.now())
        except (MachineFaultError, OSError) as error:
            if fault_of(error) is None:
                raise
            return False
        return True

    def _close(self) -> None:
        lasting = self._lasting
        lasting.jobs.close()
        lasting.close_git()
        lasting.executor.close(2.0)
        for path in lasting.outputs.shown():
            if path != INBOX:
                lasting.outputs.drop(path)
        if self._composed is not None:
            self._composed.audit.close()
            self._composed.db.close()
