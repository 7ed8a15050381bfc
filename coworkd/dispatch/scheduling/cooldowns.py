"""Which provider accounts are rate-limited or unavailable, until when, and why. Kept across restarts."""

from __future__ import annotations

from coworkd.agents.port import FALLBACK_ERRORS, EndReason, ErrorKind
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import AgentSpec
from coworkd.dispatch.scheduling.retry_policy import retry_pause
from coworkd.store import CooldownRow, Database, FinishedRun, RunRow
from coworkd.store.cooldowns import find_cooldown, put_cooldown, remove_cooldown

_PROVIDER_OF_DRIVER = {"claude": "anthropic", "codex": "openai", "gemini": "google"}
"""The provider whose models a driver's program uses where `model` names none."""

_OPAQUE_DRIVERS = frozenset({"command", "acp"})
"""Drivers whose provider is not known: each of their agents has a cooldown of its own."""


def provider_of(spec: AgentSpec) -> str:
    """The provider of an agent's model; empty where it is not known."""
    name, slash, _ = spec.model.partition("/")
    return name if slash else _PROVIDER_OF_DRIVER.get(spec.driver, "")


def account_of(spec: AgentSpec) -> str:
    """What a cooldown applies to: provider, account and model of the agent, or the agent itself."""
    if spec.driver in _OPAQUE_DRIVERS:
        return f"agent {spec.name}"
    keys = sorted({name for name in (*dict(spec.env), *spec.env_pass) if name.upper().endswith(("_KEY", "_TOKEN"))})
    account = spec.login or "+".join(keys) or "default"
    return f"{provider_of(spec) or spec.driver}/{account}/{spec.model.rpartition('/')[2] or 'default'}"


def cooldown_until(now: float, retry_at: float | None, base: float, times: int, jitter: float) -> float:
    """The end of a cooldown after `times` refusals in a row: what the provider said, else base x 3^n with jitter."""
    return now + retry_pause(base, times, jitter) if retry_at is None else max(retry_at, now)


def cooldown_error(run: FinishedRun) -> ErrorKind | None:
    """The error of the run for which its agent cools down; None where it ended without one."""
    failed = run.state.reason in (EndReason.FAILED, EndReason.UNAVAILABLE, EndReason.CRASHED)
    if failed and run.error and run.error.kind in FALLBACK_ERRORS:
        return ErrorKind(run.error.kind)
    return ErrorKind.UNAVAILABLE if run.state.reason == EndReason.UNAVAILABLE else None


class Cooldowns:
    """Starts and ends cooldowns; used by the writer thread alone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, spec: AgentSpec) -> CooldownRow | None:
        return find_cooldown(self._db, account_of(spec))

    def start(
        self, spec: AgentSpec, run: FinishedRun, kind: ErrorKind, base: float, now: float, jitter: float
    ) -> float:
        """Start no run of the agent for a while; returns until when."""
        known = self.find(spec)
        times = known.times + 1 if known else 1
        until = cooldown_until(now, run.error.retry_at if run.error else None, base, times, jitter)
        account, reason = account_of(spec), run.explanation
        put_cooldown(
            self._db, CooldownRow(account=account, until=until, times=times, kind=kind, reason=reason, since=now)
        )
        self._db.event(
            now, EventKind.COOLDOWN_BEGUN, task=run.task, run=run.id, agent=spec.name, account=account, error=kind,
            reason=reason, until=until, times=times,
        )  # fmt: skip
        return until

    def clear(self, spec: AgentSpec, run: RunRow, now: float) -> None:
        """The agent has answered: its cooldown is over."""
        if remove_cooldown(self._db, account_of(spec)):
            self._db.event(now, EventKind.COOLDOWN_ENDED, task=run.task, run=run.id, agent=spec.name)
