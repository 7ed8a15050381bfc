"""The state of the workspace as a whole: typed values, each kept in a row of the table `meta`.

`db.state.integration_tip` reads one, and assigning to it writes one, in the transaction under way. A value that was
never written reads as empty, zero or false.
"""

from __future__ import annotations

from typing import Protocol


class SettingStore(Protocol):
    """Texts by name, as the database keeps them."""

    def setting(self, key: str) -> str: ...

    def set_state(self, key: str, value: str) -> None: ...


class _Text:
    def __init__(self, key: str) -> None:
        self._key = key

    def __get__(self, state: WorkspaceState, owner: object) -> str:
        return state.store.setting(self._key)

    def __set__(self, state: WorkspaceState, value: str) -> None:
        state.store.set_state(self._key, value)


class _Count:
    def __init__(self, key: str) -> None:
        self._key = key

    def __get__(self, state: WorkspaceState, owner: object) -> int:
        return int(state.store.setting(self._key) or 0)

    def __set__(self, state: WorkspaceState, value: int) -> None:
        state.store.set_state(self._key, str(value))


class _OptionalCount:
    def __init__(self, key: str) -> None:
        self._key = key

    def __get__(self, state: WorkspaceState, owner: object) -> int | None:
        text = state.store.setting(self._key)
        return int(text) if text else None

    def __set__(self, state: WorkspaceState, value: int | None) -> None:
        state.store.set_state(self._key, "" if value is None else str(value))


class _Time:
    def __init__(self, key: str) -> None:
        self._key = key

    def __get__(self, state: WorkspaceState, owner: object) -> float:
        return float(state.store.setting(self._key) or 0.0)

    def __set__(self, state: WorkspaceState, value: float) -> None:
        state.store.set_state(self._key, repr(value) if value else "")


class _Flag:
    def __init__(self, key: str) -> None:
        self._key = key

    def __get__(self, state: WorkspaceState, owner: object) -> bool:
        return state.store.setting(self._key) == "yes"

    def __set__(self, state: WorkspaceState, value: bool) -> None:
        state.store.set_state(self._key, "yes" if value else "")


class WorkspaceState:
    """The values of one workspace; written by the writer thread alone."""

    def __init__(self, store: SettingStore) -> None:
        self.store = store

    instance = _Text("instance")
    """This instance of coworkd, `NAME-XXXX`."""
    repository = _Text("repository")
    """The lasting name of the repository that the database is about."""
    epoch = _Count("epoch")
    """The number of decisions so far that an older copy of the database must not undo."""

    clock_origin = _Text("clock origin")
    """The origin of stored instants, as `OFFSET BOOT` of a `ClockOrigin`."""

    head = _Text("head")
    """Where HEAD stood when no file was missing, as a place in the list of its moves."""
    stash = _Text("stash")
    """The commit of the stash at that time."""
    deletions_confirmed = _Flag("confirmed")
    """A person has confirmed that the files which are missing were deleted on purpose."""
    polling_reason = _Text("polling")
    """Why files are looked at instead of watched; empty: they are watched."""

    untrusted_reason = _Text("untrusted")
    """Why nothing may run in this repository; empty: it is trusted."""
    untrusted_since = _Time("untrusted_since")
    """Since when nothing may; 0: it is trusted."""

    default_agent = _Text("default_agent")
    """The agent of tasks that name none, as the settings in force have it."""
    sandbox_level = _Text("sandbox_level")
    """The sandbox that agents which start now are confined with; empty: it was not looked for."""
    sandbox_missing_reason = _Text("sandbox_lacks")
    """Why nothing confines agents on this machine; empty: something does, or it was not looked for."""
    checked_event = _Count("checked")
    """The last event whose consequences for waiting tasks have been looked at."""
    halted_by = _Text("halted")
    """The task with `on_error: abort` whose failure keeps everything from starting; empty: none does."""
    disk_use = _Text("disk use")
    """JSON: what the files of the workspace outside of its repository take; empty: not measured yet."""
    setup_fault = _Text("set-up fault")
    """JSON: why no slot can be set up; empty: nothing is known to be wrong."""

    until = _Time("until")
    """From when on the running daemon starts nothing; 0: nothing was said of that."""

    night_begun = _Time("night begun")
    """When the night began whose report is still to be written; 0: there is none."""
    may_sleep_reason = _Text("may sleep")
    """Why nothing keeps the machine awake in this night; empty: something does, or no night is in force."""

    integration_tip = _Text("tip")
    """The commit of the integration branch that the queue is about."""
    integration_seen_at = _Text("integration seen at")
    """The commit at which its landings were last looked at."""
    integration_halt = _Text("integration halted")
    """Why no run starts while integration has to be made again; empty: it stands."""
    first_target = _Text("target")
    """The branch that was checked out at the first start: where landings go unless the settings name one."""
    target_tip = _Text("target head")
    """The commit of the target branch when it was last looked at."""
    landed_tip = _Text("target tip")
    """The integration commit that last landed in the target by itself."""
    recorded_landings = _Count("recorded landings")
    """The number of landings in the branch's record when it was last read."""
    landings_settled_at = _Text("landings settled at")
    """The target commit that landings were last compared with."""
    landings_seen = _OptionalCount("landings seen")
    """The highest number of `refs/cowork/land/` when the database was compared with them; None: it never was."""
    unverified_settings = _Text("unverified settings")
    """The verification settings with which a command loaded a checkout of the user; empty: none did."""

    audit_event = _Count("audit_id")
    """The last event that is in the audit log."""
    audit_hash = _Text("audit_hash")
    """The hash of its entry."""

    def set_untrusted(self, reason: str, now: float) -> None:
        """Keep why nothing may run in this repository, and since when; empty: it is trusted."""
        since = (self.untrusted_since or now) if reason else 0.0
        self.untrusted_reason = reason
        self.untrusted_since = since
