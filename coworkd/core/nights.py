"""Nights: the time in which no person is there, what may start in it, and until when.

Pure: the time and its zone are given. Clock times are those of the machine's place; a window may go over midnight, and
the hour that a change of the clocks leaves out or repeats belongs to it like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo

from coworkd.core.model import NightSettings, RiskLevel

NIGHT = "night"
"""Who answers while no person is there, in the rows of requests and in events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightWindow:
    """One night of `night:`, in seconds since the epoch."""

    begin: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What holds at one time, because no person is there."""

    until: float = 0.0
    """From then on nothing starts (`coworkd up --until`); 0: no such time."""
    window: NightWindow | None = None
    """The window of `night:` that this time is in; None: in none."""
    caps: NightSettings | None = None
    """What may start in that window; None: it is in none."""

    @property
    def unattended(self) -> bool:
        """Whether no person is there to be asked."""
        return bool(self.until) or self.window is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class NightTasks:
    """How many tasks may begin in a window, and which have."""

    most: int
    begun: frozenset[str]
    until: float
    """When the window ends."""

    def is_full_for(self, task: str) -> bool:
        """Whether this task may not begin; one that has begun in the window may go on."""
        return task not in self.begun and len(self.begun) >= self.most

    def with_begun(self, task: str) -> NightTasks:
        """The same once this task has begun."""
        return replace(self, begun=self.begun | {task})


def night_began_at(night: Night, now: float) -> float:
    """Since when the night has been that is noticed now: a window says so itself."""
    return now if night.window is None or night.until else night.window.begin


def parks(night: Night, risk: RiskLevel) -> bool:
    """Whether a change of this risk waits for a person although nothing else asks for one."""
    return night.unattended and risk in (RiskLevel.HIGH, RiskLevel.CRITICAL)


def night_at(settings: NightSettings | None, until: float, now: float, zone: tzinfo | None = None) -> Night:
    """What holds now. `zone` None: the machine's."""
    window = None if settings is None else window_at(settings, now, zone)
    return Night(until=until, window=window, caps=settings if window else None)


def window_at(settings: NightSettings, now: float, zone: tzinfo | None = None) -> NightWindow | None:
    """The window that this time is in; None: in none."""
    today = datetime.fromtimestamp(now, zone).date()
    over_midnight = settings.end < settings.begin
    for day in (today - timedelta(days=1), today):
        begin = _moments(day, settings.begin, zone)[0]
        end = _moments(day + timedelta(days=over_midnight), settings.end, zone)[1]
        if begin <= now < end:
            return NightWindow(begin=begin, end=end)
    return None


def next_moment(minute: int, now: float, zone: tzinfo | None = None) -> float:
    """The next time at which the clocks show this minute of the day; a day later where they show it now."""
    today = datetime.fromtimestamp(now, zone).date()
    moments = [at for day in range(3) for at in _moments(today + timedelta(days=day), minute, zone)]
    return min(at for at in moments if at > now)


def _moments(day: date, minute: int, zone: tzinfo | None) -> tuple[float, float]:
    """The first and the last time at which the clocks show this minute of a day.

    Where they leave it out, both are as long after the change as the minute is after the beginning of the gap.
    """
    wall = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone)
    first, second = wall.timestamp(), wall.replace(fold=1).timestamp()
    return first, max(first, second)


def clock_text(at: float, zone: tzinfo | None = None) -> str:
    """What the clocks show then."""
    return datetime.fromtimestamp(at, zone).strftime("%H:%M")


def date_text(at: float, zone: tzinfo | None = None) -> str:
    """The date of the place at that time."""
    return datetime.fromtimestamp(at, zone).date().isoformat()


def end_reason(night: Night, now: float, zone: tzinfo | None = None) -> str:
    """Why nothing starts any more; empty where something may."""
    if not night.until or now < night.until:
        return ""
    return f"nothing starts after {clock_text(night.until, zone)} (`coworkd up --until`)"


def tokens_reason(night: Night, used: int) -> str:
    """Why the tokens of the night let nothing start; empty where they let it."""
    most = night.caps.tokens if night.caps is not None else None
    if most is None or used < most:
        return ""
    return f"the night's tokens are used up: {used:,} of {most:,} (`night: {{tokens}}` in config.yaml)"
