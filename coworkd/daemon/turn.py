"""The steps of one turn, in their order, over one set of services.

What is finished goes first, then what begins, then files. A turn decides nothing: each step belongs to a
service.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Final

from coworkd.board.views.attention import attention_items
from coworkd.core.clock import TimeSlice
from coworkd.daemon.live_views import LiveViews
from coworkd.daemon.open_requests import OpenRequests
from coworkd.daemon.services import Services
from coworkd.sync.disk.watcher import NOTHING_CHANGED
from coworkd.sync.scanner import SECOND_LOOK
from coworkd.system.background_jobs import Purpose
from coworkd.system.control_socket import Op
from coworkd.system.git.repository_trust import TRUST_REMOVED
from coworkd.system.state_folder import StateFolder
from coworkd.system.writer_thread import may_wait

log = logging.getLogger("coworkd")

PART_SECONDS = 0.25
"""Seconds that each part of a bounded turn may take; what is left of it is done in the next turn, immediately after."""

FINISHED_WORK = frozenset(Purpose) - {Purpose.SLOT}
"""Jobs whose outcomes go before everything that begins."""

HEAD_START = 0.05
"""Seconds that jobs have, once runs have begun, before files are written: a turn takes the interpreter from them."""

MAX_IDLE = 30.0
"""Seconds after which a turn runs even if nothing asked for it."""

MAX_IDLE_WHILE_WATCHING = 5.0
"""The same while agents are at work: the folder they work in may be taken away."""


class TurnRunner:
    """Runs turns with one set of services; made again with them."""

    def __init__(self, services: Services, requests: OpenRequests, views: LiveViews, state: StateFolder) -> None:
        self.services: Final = services
        self._requests = requests
        self._views = views
        self._state = state
        self._part_seconds = math.inf
        self._ended_early = False
        """The latest turn did, for the answer of git. Never two turns in a row, and not where a command waits."""
        self._head_start = False
        """The latest turn ended before files were written, for the jobs that prepare slots. As above."""
        self._recovered_work = False

    def recover(self) -> None:
        """Finish what a former process began; runs and landings once the repository is trusted."""
        self.take_in_files()
        self._recover_work()

    def take_in_files(self) -> None:
        """Take in the documents and run records that a former process left, and nothing else."""
        now = self.services.clock.now()
        self.services.engine.recover(now)
        self.services.recorder.ingest_records(now)

    def run(self, *, start: bool = True, bounded: bool = False) -> None:
        """One turn. `start` False begins nothing new.

        `bounded` gives each part a slice of time, so that none of them keeps the others waiting; not before everything
        has been taken in once.
        """
        self._part_seconds = PART_SECONDS if bounded else math.inf
        may_start_ahead = not self._head_start
        may_end_early = not self._ended_early and may_start_ahead
        services, now = self.services, self.services.clock.now()
        services.db.look_for_other_writers()
        self._requests.take()
        self._note_changes(now)
        services.engine.pull(now, enough=self._part_is_over())
        self._repair_if_asked(now)
        for request in self._requests.of_turn:
            services.control.answer(request, now)
        services.jobs.settle(now, purposes=FINISHED_WORK, enough=self._part_is_over())
        services.git_job.step()
        services.control.take_in_awaiting_origin(now)
        self._head_start = False
        self._ended_early = may_end_early and not self._requests.of_turn and self._is_git_about_to_answer()
        if self._ended_early:
            return
        self._check_state_folder(now)
        begun = services.trust.holds and self._step_work(now, start=start)
        self._settle_slots(now)
        self._head_start = may_start_ahead and begun and bounded and not self._requests.of_turn
        if self._head_start:
            return
        services.engine.push(now, blocked=services.git_busy, enough=self._part_is_over())
        services.recorder.step(now)
        services.audit.step(now)
        attention = attention_items(services.db)
        self._views.show(services.db, attention, now)
        if start and services.trust.holds:
            services.housekeeping.step(attention, now)
        self._answer_requests(now)

    def is_night_over(self) -> bool:
        """Whether the daemon was to end by now, and nothing runs any more."""
        return self.services.nights.ended

    def seconds_until_next(self) -> float:
        """Until the earliest deadline of any service, or until a turn has to look around."""
        if self._head_start:
            return HEAD_START
        services = self.services
        now = services.clock.now()
        sources = (services.engine, services.recorder, services.watcher, services.audit)
        times = [*(source.deadline() for source in sources), *self._views.deadlines, services.jobs.deadline(now)]
        if services.trust.holds:
            times += [
                services.dispatch.deadline(now),
                services.merge.deadline(now),
                services.housekeeping.deadline(now),
                services.nights.deadline(now),
            ]
        longest = MAX_IDLE_WHILE_WATCHING if services.executor.alive() else MAX_IDLE
        return min([at - now for at in times if at is not None] + [longest])

    def _part_is_over(self) -> Callable[[], bool]:
        """For the part of the turn that begins now."""
        return TimeSlice(self.services.clock, self._part_seconds).is_over

    def _recover_work(self) -> None:
        if self.services.trust.holds and not self._recovered_work:
            self._recovered_work = True
            with may_wait("nothing runs or lands yet in a repository that has just become trusted"):
                self.services.dispatch.recover()
                self.services.merge.recover(self.services.clock.now())

    def _repair_if_asked(self, now: float) -> None:
        services = self.services
        repairs = [request for request in self._requests.of_turn if request.op is Op.REPAIR]
        if not repairs:
            return
        with may_wait("a person has stopped to repair the workspace"):
            services.repairer.repair(now, on_terminal=any(request.on_terminal for request in repairs))
        services.audit.find_end()
        services.engine.pull(now)

    def _answer_requests(self, now: float) -> None:
        """A turn that was asked for is over only when what was saved before is taken in, git having been asked."""
        services = self.services
        git_is_asked = services.engine.waits_for_git() and not services.git_job.failing()
        self._requests.answer_finished(
            services.control.settle, now, services.engine.is_settling, git_is_asked=git_is_asked,
            git_jobs_ended=services.git_job.ended,
        )  # fmt: skip

    def _is_git_about_to_answer(self) -> bool:
        """Whether git is asked about what was saved: a person waits for the turn that follows from its answer."""
        return self.services.git_job.is_asking() and self.services.engine.waits_for_git()

    def _check_state_folder(self, now: float) -> None:
        """Where the state folder was removed, its runs end and its trust is gone."""
        services, folder = self.services, self._state
        if folder.was_removed():
            log.error("the state folder %s was removed: the runs that were at work in it are ended", folder.path)
            services.dispatch.end_lost_runs(folder.path, now)
        if services.trust.was_lost():
            log.error(TRUST_REMOVED)
            with services.db.write():
                services.db.state.set_untrusted(TRUST_REMOVED, now)

    def _step_work(self, now: float, *, start: bool) -> bool:
        """What follows from what was taken in: nothing at all in a repository that is not trusted.

        Agents begin in slots that are ready before anything else does. Returns whether slots are to be prepared.
        """
        services = self.services
        if start:
            self._recover_work()
        services.target.look()
        services.dispatch.step(now)
        self._settle_slots(now)
        services.merge.step(now, start=start)
        if not start:
            return False
        services.nights.step(now)  # before what the end of a night lets start
        return services.dispatch.start(now)

    def _settle_slots(self, now: float) -> None:
        self.services.jobs.settle(now, purposes={Purpose.SLOT}, enough=self._part_is_over())

    def _note_changes(self, now: float) -> None:
        """Mark the paths that the watcher has noticed, and scan where that is not enough or a scan is due."""
        services = self.services
        changes = services.watcher.take_changes(now)
        for path in changes.paths:
            services.engine.mark_dirty(path, now)
        if changes.everything or services.engine.is_scan_due(now):
            self._scan(now, announced=changes != NOTHING_CHANGED)
        elif any(folder.startswith("log/") for folder in changes.folders):
            services.recorder.ingest_records(now)
        else:
            services.recorder.ingest_records_at(changes.paths, now)
        services.engine.scan_folders(changes.folders, now)
        if changes.everything:
            services.engine.scan_no_later_than(now + SECOND_LOOK)

    def _scan(self, now: float, *, announced: bool) -> None:
        """Look at everything; `announced` when events have told that there is something to see."""
        services = self.services
        scanned = services.engine.scan(now, services.clock.now)
        services.recorder.ingest_records(now)
        if scanned.changed and not announced:
            services.watcher.probe(now)
        if (pause := services.watcher.poll_interval(scanned.seconds)) is not None:
            services.engine.scan_no_later_than(now + pause)
        if services.watcher.polling != services.db.state.polling_reason:
            with services.db.write():
                services.db.state.polling_reason = services.watcher.polling
