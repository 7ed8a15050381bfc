"""What `doctor` says of one thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How it stands."""

    OK = "ok"
    WEAK = "weak"
    """It works, with less than could be promised."""
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    level: Level
    found: str
    advice: str = ""
    """What to do; empty when nothing has to be done."""


def ok(name: str, found: str) -> Finding:
    return Finding(name=name, level=Level.OK, found=found)


def weak(name: str, found: str, advice: str) -> Finding:
    return Finding(name=name, level=Level.WEAK, found=found, advice=advice)


def bad(name: str, found: str, advice: str) -> Finding:
    return Finding(name=name, level=Level.BAD, found=found, advice=advice)
