"""What is wrong, in words, and what is done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Subject(StrEnum):
    """What a finding is about."""

    DATABASE = "database"
    FILE = "file"
    BASE = "base"
    REF = "ref"
    RUN = "run"
    REQUEST = "request"
    TRASH = "trash"
    AUDIT = "audit"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inconsistency:
    """One thing that does not agree with another."""

    subject: Subject
    name: str
    """The path, ref, run or id."""
    says: str
    advice: str
    """What to do."""
    repairable: bool = False
    """`--repair` puts it right."""


REPAIR = "`coworkd fsck --repair` puts it right"
