"""Stopping an agent that cannot work here: its errors say so, or it fails at once again and again (circuit breaker).

A person sees one attention item, however many tasks request the agent. These stay `ready`, no attempt is used from then
on, and a fallback takes over where there is one. The stop ends when the agent's file is saved, when `coworkd ready` is
called for one of its tasks, or when a probe succeeds: a single run, started after growing pauses and when the daemon
starts.
"""

from __future__ import annotations

from dataclasses import replace

from coworkd.agents.port import EndReason, ErrorKind
from coworkd.core.event_kinds import EventKind
from coworkd.core.runs import RunReason
from coworkd.dispatch.scheduling.cooldowns import cooldown_error
from coworkd.dispatch.scheduling.scheduler import MAX_FAILURES
from coworkd.store import Database, FinishedRun, RunRow
from coworkd.store.agent_stops import (
    AgentStop,
    agent_file_sha,
    agent_stop,
    agent_stops,
    count_failure,
    end_agent_stop,
    forget_failures,
    put_agent_stop,
)

STOPPING_ERRORS = frozenset({ErrorKind.AUTH, ErrorKind.PROGRAM, ErrorKind.AGENT_FILE})
"""Errors with which every run of the agent would end."""
FIRST_PAUSE, FACTOR, MAX_PAUSE = 60.0, 3.0, 3600.0
"""Seconds until the first probe, and how they grow."""

AT_ONCE = 10.0
"""A run that fails within so many seconds of its start has failed at once."""
FAILS_AT_ONCE = "fails_at_once"
"""The kind of a stop that follows from no error of its own, but from runs in a row that failed at once."""

_FAILURES = frozenset({RunReason.FAILED, RunReason.CRASHED, RunReason.TIMED_OUT, RunReason.STALLED})


def stopping_error(run: FinishedRun) -> ErrorKind | None:
    """The error that shows that the run's agent cannot work at all; None where it ended without one."""
    ended = run.state.reason in (EndReason.FAILED, EndReason.UNAVAILABLE, EndReason.CRASHED)
    return ErrorKind(run.error.kind) if ended and run.error and run.error.kind in STOPPING_ERRORS else None


def failed_at_once(run: FinishedRun) -> bool:
    """Whether the run failed right after its start, for a reason that lies with neither provider nor environment."""
    judged_otherwise = run.stop or stopping_error(run) is not None or cooldown_error(run) is not None
    if judged_otherwise or run.state.reason not in _FAILURES or not run.start.at:
        return False
    return run.live.last_event_at - run.start.at < AT_ONCE


class AgentStops:
    """Used by the writer thread alone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def stop(self, run: RunRow, kind: str, reason: str, now: float) -> None:
        """Stop the agent of a run; inside of a transaction. Runs that fail together count as one failure."""
        before = agent_stop(self._db, run.agent)
        times = 0 if before is None else before.times + (now >= before.until)
        until = now + min(FIRST_PAUSE * FACTOR**times, MAX_PAUSE)
        sha, since = agent_file_sha(self._db, run.agent), before.since if before else now
        stop = AgentStop(agent=run.agent, kind=kind, reason=reason, file_sha=sha, since=since, until=until, times=times)
        put_agent_stop(self._db, replace(before, reason=reason) if before and now < before.until else stop)
        self._db.event(
            now, EventKind.AGENT_STOPPED, task=run.task, run=run.id, agent=run.agent, error=kind, reason=reason
        )

    def count_failure(self, run: RunRow, last_words: str, now: float) -> None:
        """A run failed at once: stop its agent where too many in a row have; inside of a transaction."""
        before = agent_stop(self._db, run.agent)
        if before is not None and before.kind != FAILS_AT_ONCE:
            self.end(run.agent, now, "it started")
        times = count_failure(self._db, run.agent)
        if times >= MAX_FAILURES:
            reason = f"its last {times} runs failed within {AT_ONCE:.0f} s of their start; the latest: {last_words}"
            self.stop(run, FAILS_AT_ONCE, reason, now)

    def worked(self, agent: str, now: float) -> None:
        """A run came to an end of its own and did not fail at once; inside of a transaction."""
        forget_failures(self._db, agent)
        self.end(agent, now, "it worked")

    def failing(self, agent: str) -> bool:
        """Whether the agent is stopped because its runs fail at once."""
        stop = self.find(agent)
        return stop is not None and stop.kind == FAILS_AT_ONCE

    def find(self, agent: str) -> AgentStop | None:
        """Why an agent is stopped; None where it is not, or its file has been saved since."""
        stop = agent_stop(self._db, agent)
        return stop if stop is not None and stop.file_sha == agent_file_sha(self._db, agent) else None

    def end(self, agent: str, now: float, why: str) -> None:
        """Let the agent be started again."""
        if agent_stop(self._db, agent) is not None:
            with self._db.write():
                end_agent_stop(self._db, agent)
                self._db.event(now, EventKind.AGENT_ALLOWED_AGAIN, agent=agent, reason=why)

    def end_changed(self, now: float) -> None:
        """End the stop of every agent whose file has been saved since."""
        for stop in agent_stops(self._db):
            if stop.file_sha != agent_file_sha(self._db, stop.agent):
                self.end(stop.agent, now, "its file was saved")
