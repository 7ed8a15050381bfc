"""Which submission a job or a row is about."""

from __future__ import annotations

from typing import NamedTuple


class SubmissionKey(NamedTuple):
    task: str
    number: int

    def __str__(self) -> str:
        return f"{self.task}/{self.number}"
