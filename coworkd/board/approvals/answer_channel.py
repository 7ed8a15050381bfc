"""How a person said something: by saving a file, by a command, or by a command on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from coworkd.store import Database
from coworkd.store.announcements import announced_files


class AnswerChannel(StrEnum):
    FILE = "file"
    COMMAND = "command"
    """A command without a terminal: a script, or a program that a person works with."""
    TERMINAL = "terminal"
    """A command that a person gave on a terminal."""


def command_channel(*, on_terminal: bool) -> AnswerChannel:
    return AnswerChannel.TERMINAL if on_terminal else AnswerChannel.COMMAND


def answer_channel(db: Database, path: str) -> AnswerChannel:
    """How the present bytes of a file were saved: a later save is one by file again."""
    document = path.split("#")[0]
    return answer_channels(db, [document]).get(document, AnswerChannel.FILE)


def answer_channels(db: Database, paths: Sequence[str]) -> Mapping[str, AnswerChannel]:
    """The channel of each file whose present bytes a command wrote."""
    found = announced_files(db, paths)
    return {path: command_channel(on_terminal=on_terminal) for path, on_terminal in found.items()}
