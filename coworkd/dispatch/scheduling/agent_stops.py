"""Stopping an agent that cannot work at all here: not signed in, or its file or its program cannot be used.

A person sees one attention item, however many tasks request the agent. These stay `ready`, no attempt is used, and a
fallback takes over where there is one. The stop ends when the agent's file is saved, when `coworkd ready` is called
for one of its tasks, or when a probe succeeds: a single run, started after growing pauses and when the daemon starts.
"""

from __future__ import annotations

from dataclasses import replace

from coworkd.agents.port import EndReason, ErrorKind
from coworkd.store import Database, RunRow
from coworkd.store.agent_stops import (
    AgentStop,
    agent_file_sha,
    agent_stop,
    agent_stops,
    end_agent_stop,
    put_agent_stop,
)

STOPPING_ERRORS = frozenset({ErrorKind.AUTH, ErrorKind.PROGRAM, ErrorKind.AGENT_FILE})
"""Errors with which every run of the agent would end."""
FIRST_PAUSE, FACTOR, MAX_PAUSE = 60.0, 3.0, 3600.0
"""Seconds until the first probe, and how they grow."""


def stopping_error(run: RunRow) -> ErrorKind | None:
    """The error that shows that the run's agent cannot work at all; None where it ended without one."""
    ended = run.reason in (EndReason.FAILED, EndReason.UNAVAILABLE, EndReason.CRASHED)
    return ErrorKind(run.error_kind) if ended and run.error_kind in STOPPING_ERRORS else None


class AgentStops:
    """Used by the writer thread alone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def stop(self, run: RunRow, kind: ErrorKind, reason: str, now: float) -> None:
        """Stop the agent of a run; inside of a transaction. Runs that fail together count as one failure."""
        before = agent_stop(self._db, run.agent)
        times = 0 if before is None else before.times + (now >= before.until)
        until = now + min(FIRST_PAUSE * FACTOR**times, MAX_PAUSE)
        sha, since = agent_file_sha(self._db, run.agent), before.since if before else now
        stop = AgentStop(agent=run.agent, kind=kind, reason=reason, file_sha=sha, since=since, until=until, times=times)
        put_agent_stop(self._db, replace(before, reason=reason) if before and now < before.until else stop)
        self._db.event(now, "agent stopped", task=run.task, run=run.id, agent=run.agent, error=kind, reason=reason)

    def find(self, agent: str) -> AgentStop | None:
        """Why an agent is stopped; None where it is not, or its file has been saved since."""
        stop = agent_stop(self._db, agent)
        return stop if stop is not None and stop.file_sha == agent_file_sha(self._db, agent) else None

    def end(self, agent: str, now: float, why: str) -> None:
        """Let the agent be started again."""
        if agent_stop(self._db, agent) is not None:
            with self._db.write():
                end_agent_stop(self._db, agent)
                self._db.event(now, "agent goes on", agent=agent, reason=why)

    def end_changed(self, now: float) -> None:
        """End the stop of every agent whose file has been saved since."""
        for stop in agent_stops(self._db):
            if stop.file_sha != agent_file_sha(self._db, stop.agent):
                self.end(stop.agent, now, "its file was saved")
