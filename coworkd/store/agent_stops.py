"""Queries about agents that fail: runs in a row that failed at once, and stops, during which no run of one starts."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStop:
    """Why an agent is stopped, and when it is tried again."""

    agent: str
    kind: str
    """The kind of error that stopped it."""
    reason: str
    file_sha: str
    """Digest of the agent's file when it was stopped: another one ends the stop."""
    since: float
    until: float
    """A single run finds out whether it works again from here on."""
    times: int
    """Probes that failed."""


_COLUMNS = "agent, kind, reason, file_sha, since, until, times"


def agent_stops(db: Database) -> list[AgentStop]:
    """Every agent that is stopped, the longest first."""
    rows = db.query(f"SELECT {_COLUMNS} FROM agent_stops ORDER BY since, agent")
    return [AgentStop(**dict(zip(row.keys(), row, strict=True))) for row in rows]


def agent_stop(db: Database, agent: str) -> AgentStop | None:
    """Why this agent is stopped; None while it is not."""
    return next((stop for stop in agent_stops(db) if stop.agent == agent), None)


def put_agent_stop(db: Database, stop: AgentStop) -> None:
    """Stop an agent, or change what is known of its stop."""
    db.execute(
        f"INSERT OR REPLACE INTO agent_stops ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        stop.agent, stop.kind, stop.reason, stop.file_sha, stop.since, stop.until, stop.times,
    )  # fmt: skip


def end_agent_stop(db: Database, agent: str) -> bool:
    """Let an agent be started again, with nothing against it; False when it was not stopped."""
    forget_failures(db, agent)
    return bool(db.execute("DELETE FROM agent_stops WHERE agent = ?", agent))


def probe_agents_now(db: Database) -> None:
    """Let every stopped agent be tried at once, by one run each."""
    db.execute("UPDATE agent_stops SET until = 0.0")


def agent_file_sha(db: Database, agent: str) -> str:
    """Digest of an agent's file as it was last seen; empty: there is none."""
    return db.scalar("SELECT file_sha FROM documents WHERE path = ?", f"agents/{agent}.md") or ""


# ---- runs in a row that failed at once


def count_failure(db: Database, agent: str) -> int:
    """Another run of the agent has failed at once; returns how many in a row have, with its file as it is."""
    db.execute(
        "INSERT INTO agent_failures (agent, times, file_sha) VALUES (?, 1, ?) ON CONFLICT (agent) DO UPDATE SET"
        " times = CASE WHEN file_sha = excluded.file_sha THEN times + 1 ELSE 1 END, file_sha = excluded.file_sha",
        agent, agent_file_sha(db, agent),
    )  # fmt: skip
    return int(db.scalar("SELECT times FROM agent_failures WHERE agent = ?", agent))


def forget_failures(db: Database, agent: str) -> None:
    """A run of the agent has not failed at once, or a person asks for another try: the count begins again."""
    db.execute("DELETE FROM agent_failures WHERE agent = ?", agent)


def failures_in_a_row(db: Database) -> dict[str, int]:
    """How many runs in a row failed at once, by agent; without agents whose file was saved since."""
    rows = db.query(
        "SELECT f.agent, f.times FROM agent_failures f LEFT JOIN documents d ON d.path = 'agents/' || f.agent || '.md'"
        " WHERE f.file_sha = coalesce(d.file_sha, '')"
    )
    return {row["agent"]: row["times"] for row in rows}
