"""One `git update-ref --stdin` kept open: a transaction of refs costs no process.

Only for refs without a log of their moves: git dates what it logs by the start of its process.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coworkd.system.git.object_reader import CachedGitState
from coworkd.system.git.runner import TIMEOUT, InteractiveGit, start_interactive

UPDATE_REF_COMMAND = ("update-ref", "--no-deref", "-z", "--stdin")
_DONE = b"start: ok\ncommit: ok\n"
_CHUNK = 1 << 12


@dataclass(slots=True, eq=False)
class RefWriter:
    """The process, for one thread."""

    git: InteractiveGit
    cached_state: CachedGitState

    @classmethod
    def start(cls, argv: list[str], env: Mapping[str, str], cached_state: CachedGitState) -> RefWriter:
        """`argv` runs git in the repository with the words of `UPDATE_REF_COMMAND`."""
        return cls(start_interactive(argv, env), cached_state)

    def is_current(self, common_dir: Path) -> bool:
        """Whether a git that is started now would do the same."""
        seen = self.cached_state.seen_again(common_dir)
        self.cached_state = seen or self.cached_state
        return seen is not None

    def apply(self, instructions: bytes) -> bool:
        """Apply all or nothing. False: git has not said that it did, and is not to be asked again.

        Raises OSError where git has gone.
        """
        self.git.questions.write(b"start\0" + instructions + b"commit\0")
        self.git.questions.flush()
        return receive(self.git, _DONE) == _DONE

    def stop(self) -> None:
        self.git.end()


def receive(git: InteractiveGit, expected: bytes) -> bytes:
    """What git answers, as many bytes as are expected; fewer where it ends, or does not answer in time."""
    received, deadline = b"", time.monotonic() + TIMEOUT
    with selectors.PollSelector() as ready:
        ready.register(git.answers, selectors.EVENT_READ)
        while len(received) < len(expected) and ready.select(max(0.0, deadline - time.monotonic())):
            chunk = os.read(git.answers.fileno(), _CHUNK)
            if not chunk:
                break
            received += chunk
    return received
