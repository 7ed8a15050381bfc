"""How a person said something: by saving a file, or at the terminal."""

from __future__ import annotations

from enum import StrEnum

from coworkd.store import Database
from coworkd.store.announcements import written_by_command


class AnswerChannel(StrEnum):
    FILE = "file"
    TERMINAL = "terminal"


def answer_channel(db: Database, path: str) -> AnswerChannel:
    """How the present words of a file were said: a later save is one by file again."""
    return AnswerChannel.TERMINAL if written_by_command(db, [path.split("#")[0]]) else AnswerChannel.FILE
