"""Providers that are left alone for a while: whose account and model, until when, and why. Kept across restarts."""

from __future__ import annotations

from coworkd.agents.port import FALLBACK_ERRORS, EndReason, ErrorKind
from coworkd.core.model import AgentSpec
from coworkd.dispatch.scheduling.retry_policy import retry_pause
from coworkd.store import CooldownRow, Database, RunRow

_PROVIDER_OF_DRIVER = {"claude": "anthropic", "codex": "openai", "gemini": "google"}
"""Whose models a driver's program uses when its `model` does not say."""

_OPAQUE_DRIVERS = frozenset({"command", "acp"})
"""Drivers behind which anything may be: each such agent is left alone by itself."""


def provider_of(spec: AgentSpec) -> str:
    """The provider of an agent's model; empty where nothing tells."""
    name, slash, _ = spec.model.partition("/")
    return name if slash else _PROVIDER_OF_DRIVER.get(spec.driver, "")


def account_of(spec: AgentSpec) -> str:
    """What is left alone when an agent is not to be had: its provider, account and model, or the agent itself."""
    if spec.driver in _OPAQUE_DRIVERS:
        return f"agent {spec.name}"
    keys = sorted({name for name in (*dict(spec.env), *spec.env_pass) if name.upper().endswith(("_KEY", "_TOKEN"))})
    account = spec.login or "+".join(keys) or "default"
    return f"{provider_of(spec) or spec.driver}/{account}/{spec.model.rpartition('/')[2] or 'default'}"


def cooldown_until(now: float, retry_at: float | None, base: float, times: int, jitter: float) -> float:
    """When one may come back after `times` refusals in a row: as the provider said, else base x 3^n with jitter."""
    return now + retry_pause(base, times, jitter) if retry_at is None else max(retry_at, now)


def cooldown_error(run: RunRow) -> ErrorKind | None:
    """The error for which another agent may do better; None where the run did not end with such a one."""
    if run.error_kind in FALLBACK_ERRORS and run.reason in (EndReason.FAILED, EndReason.UNAVAILABLE, EndReason.CRASHED):
        return ErrorKind(run.error_kind)
    return ErrorKind.UNAVAILABLE if run.reason == EndReason.UNAVAILABLE else None


class Cooldowns:
    """Who is left alone; used by the writer thread alone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, spec: AgentSpec) -> CooldownRow | None:
        return self._db.one(CooldownRow, "account = ?", account_of(spec))

    def start(self, spec: AgentSpec, run: RunRow, kind: ErrorKind, base: float, now: float, jitter: float) -> float:
        """Leave it alone; returns until when."""
        known = self.find(spec)
        times = known.times + 1 if known else 1
        until = cooldown_until(now, run.retry_at, base, times, jitter)
        account, reason = account_of(spec), run.error or run.message
        self._db.put(CooldownRow(account=account, until=until, times=times, kind=kind, reason=reason, since=now))
        self._db.event(
            now, "cools down", task=run.task, run=run.id, agent=spec.name, account=account, error=kind, reason=reason,
            until=until, times=times,
        )  # fmt: skip
        return until

    def clear(self, spec: AgentSpec, run: RunRow, now: float) -> None:
        """It answers again."""
        if self._db.execute("DELETE FROM cooldowns WHERE account = ?", account_of(spec)):
            self._db.event(now, "available again", task=run.task, run=run.id, agent=spec.name)
