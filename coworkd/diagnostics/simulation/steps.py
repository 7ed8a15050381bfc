"""The words that histories are written in.

A step carries all it needs, so that leaving others out changes nothing in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verb(StrEnum):
    """What a person or program does."""

    WAIT = "wait"
    # a person in an editor; a buffer belongs to an actor and a path
    NEW = "new"
    """A new file, with the status in `value` (none when empty)."""
    LOAD = "load"
    WRITE = "write"
    """Add a line with a token to the buffer."""
    REWRITE = "rewrite"
    """Replace the buffer's last token with one of the same length."""
    STATUS = "status"
    """Type a status into the buffer."""
    LABEL = "label"
    """Add a label to the buffer."""
    SAVE = "save"
    HOLD = "hold"
    """Open the file and keep the descriptor."""
    LATE = "late"
    """Write the buffer through the descriptor that was kept."""
    FLICKER = "flicker"
    """Two saves within one tick of the file system's clock, the second in place."""
    REMOVE = "remove"
    MOVE = "move"
    SAY = "say"
    """A message file in the thread of the task."""
    COMMAND = "command"
    """`coworkd ready|pause|cancel ID`: edit the file, then ask for a turn."""
    # the daemon and its agents
    WORK = "work"
    ASK = "ask"
    POST = "post"
    # git
    COMMIT = "commit"
    SWITCH = "switch"
    STASH = "stash"
    POP = "pop"
    PULL = "pull"
    """A commit from elsewhere: it adds, changes or (with `value` empty) deletes the file."""
    # what goes wrong
    CRASH = "crash"
    POWER = "power"
    REFUSE = "refuse"
    """The file system says no, with the errno in `value`."""
    LOSE = "lose"
    """The database is deleted while the daemon is down."""


class Style(StrEnum):
    """How an editor saves."""

    IN_PLACE = "in-place"
    """Truncate, then write in two steps (nano, echo >)."""
    CODE = "code"
    """Truncate, then write at once (VS Code)."""
    VIM = "vim"
    """The old file becomes the backup, a new one is written, the backup goes."""
    SED = "sed"
    """A temporary name without a suffix, renamed into place."""
    SAFE = "safe"
    """JetBrains: the new one beside it, the old one aside, the new one in, the old one away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    verb: Verb
    path: str = ""
    actor: int = 0
    value: str = ""
    """A token, a status, an errno, a branch: as the verb has it."""
    style: Style = Style.IN_PLACE
    at: int = 0
    """0: now. Else: at the daemon's step of that number from now, in the middle of its work."""
    salt: int = 0
    """Seeds whatever is left to chance while the step is under way."""
    pause: float = 0.0
    """Seconds that pass before the next step."""

    def __str__(self) -> str:
        words = [f"{self.verb}", self.path, self.value and repr(self.value)]
        words += [f"({self.style})" if self.verb in (Verb.SAVE, Verb.NEW) else ""]
        words += [f"at the daemon's step {self.at}" if self.at else ""]
        who = f"person {self.actor}: " if self.actor else ""
        then = f", then {self.pause:g} s" if self.pause else ""
        return who + " ".join(word for word in words if word) + then


History = tuple[Step, ...]
