"""What the workspace's files ask for, decoded: settings, agents, tasks.

Reads the last good version from the database; decoding is cached by content. What executes something counts only from
bytes that were typed here or trusted (`bytes_in_force`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from functools import lru_cache

from coworkd.core.model import AgentSpec, ApproveBy, Kind, SandboxMode, SandboxSpec, Settings, TaskSpec, UserSettings
from coworkd.core.policy.untrusted_limits import clamp_untrusted
from coworkd.documents.decoding import Decoded, decode
from coworkd.documents.markdown import parse, parse_yaml
from coworkd.documents.schema.fields import TrustLevel
from coworkd.documents.schema.tables import names_with_trust
from coworkd.store import Database
from coworkd.store.documents import agent_names, documents_at
from coworkd.store.trusted_files import trusted_bytes

CONFIG = "config.yaml"

_HARMLESS = names_with_trust(Kind.TASK, TrustLevel.HARMLESS)


NO_USER_LIMITS = UserSettings()


def clamp_to_user_limits(settings: Settings, user: UserSettings) -> Settings:
    """A workspace's settings where they stay within what the user allows, the user's own where they do not."""
    if user == NO_USER_LIMITS:
        return settings
    days = [most for most in (settings.budget_usd_per_day, user.budget_usd_per_day) if most is not None]
    return dataclasses.replace(
        settings, concurrency=min(settings.concurrency, user.concurrency or settings.concurrency),
        sandbox=_require_user_sandbox(settings.sandbox, user.sandbox.mode),
        budget_usd_per_day=min(days, default=None),
    )  # fmt: skip


def _require_user_sandbox(wanted: SandboxSpec, user: SandboxMode | None) -> SandboxSpec:
    """Require the sandbox that the user requires, whatever the file asks for; the user's own `off` counts elsewhere."""
    return dataclasses.replace(wanted, mode=SandboxMode.REQUIRE) if user is SandboxMode.REQUIRE else wanted


@lru_cache(maxsize=512)
def decode_bytes(path: str, data: bytes) -> Decoded:
    """Decode one document. Raises `DocumentError`."""
    return decode(path, parse_yaml(data) if path == CONFIG else parse(data))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _SettingsOfFile:
    """The settings that follow from the bytes of a file."""

    data: bytes | None
    settings: Settings


class EffectiveSpecs:
    """Typed access to the documents in force."""

    def __init__(self, db: Database, user: UserSettings = NO_USER_LIMITS) -> None:
        self._db = db
        self._user = user
        self._settings = _SettingsOfFile(data=None, settings=clamp_to_user_limits(Settings(), user))

    @property
    def approve_by(self) -> ApproveBy:
        """Where approvals have to be given, by the user's own settings."""
        return self._user.approve_by

    def settings(self) -> Settings:
        """The workspace's settings within the user's bounds; the defaults where there is no file that counts."""
        data = self.bytes_in_force(CONFIG)
        if data != self._settings.data:
            self._settings = _SettingsOfFile(data=data, settings=self._read_settings(data))
        return self._settings.settings

    def _read_settings(self, data: bytes | None) -> Settings:
        decoded = decode_bytes(CONFIG, data).of(Settings) if data is not None else Settings()
        return clamp_to_user_limits(decoded, self._user)

    def target(self) -> str:
        """The branch that landings are for: the one set, else the one that was checked out at the first start."""
        return self.settings().integration.target or self._db.state.first_target

    def agent(self, name: str) -> AgentSpec | None:
        """The agent of this name, None when there is no such file or it waits for trust."""
        path = f"agents/{name}.md"
        data = self.bytes_in_force(path)
        return decode_bytes(path, data).of(AgentSpec) if data is not None else None

    def agents(self) -> list[str]:
        return agent_names(self._db)

    def task(self, path: str) -> TaskSpec:
        """What a task asks for. From bytes that came by git, whatever executes or widens stays as it was typed here."""
        return self.tasks([path]).get(path, TaskSpec())

    def tasks(self, paths: Collection[str]) -> dict[str, TaskSpec]:
        """What each of these tasks asks for; a path without a document is left out."""
        rows = documents_at(self._db, paths)
        return {path: self._task(path, row.target_bytes, from_git=row.from_git) for path, row in rows.items()}

    def _task(self, path: str, data: bytes, *, from_git: bool) -> TaskSpec:
        spec = self._completed(decode_bytes(path, data).of(TaskSpec))
        if not from_git:
            return spec
        typed = self.bytes_in_force(path)
        known = self._completed(decode_bytes(path, typed).of(TaskSpec)) if typed is not None else TaskSpec()
        return clamp_untrusted(spec, known, self.settings(), _HARMLESS)

    def _completed(self, spec: TaskSpec) -> TaskSpec:
        """The task with what the settings have for its pattern."""
        defaults = next((one for one in self.settings().patterns if one.name is spec.pattern.name), None)
        return spec if defaults is None else dataclasses.replace(spec, pattern=spec.pattern.completed_by(defaults))

    def bytes_in_force(self, path: str) -> bytes | None:
        """The last bytes of this document that were typed here or trusted."""
        return trusted_bytes(self._db, path)
