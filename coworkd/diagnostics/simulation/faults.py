"""What goes wrong on the daemon's side, and when: counted in the daemon's own steps, so that a history repeats."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field


class Crash(BaseException):
    """The process is gone (kill -9), at this very step. Not an `Exception`: nothing in the program may catch it."""

    def __init__(self, *, power: bool) -> None:
        super().__init__("power loss" if power else "kill -9")
        self.power = power


@dataclass(slots=True)
class _Due:
    """Something that happens at a later step of the daemon."""

    steps: int
    act: Callable[[], None]


@dataclass(slots=True)
class Faults:
    """Counts the daemon's steps (file operations and commits) and lets happen what was ordered for one of them."""

    fired: list[str] = field(default_factory=list[str])
    """What has happened, for the assertion that an injection was real."""
    _due: list[_Due] = field(default_factory=list[_Due])

    def crash(self, steps: int, *, power: bool = False) -> None:
        """Die at the daemon's step number `steps` from now (1 is the next)."""
        self._due.append(_Due(steps, lambda: self._raise(Crash(power=power))))

    def fail(self, steps: int, code: int) -> None:
        """Refuse that step with this errno. Steps that cannot be refused (reads, commits) pass it on to the next."""
        self._due.append(_Due(steps, lambda: self._raise(OSError(code, os.strerror(code)))))

    def meanwhile(self, steps: int, act: Callable[[], None]) -> None:
        """A simulated person acts just before that step."""
        self._due.append(_Due(steps, act))

    def clear(self) -> None:
        """Whatever has not happened yet does not happen any more."""
        self._due.clear()

    def step(self, *, refusable: bool) -> None:
        """The daemon is about to do something. Raises `Crash`, or `OSError` where the step can be refused."""
        for due in self._due:
            due.steps -= 1
        ready = [due for due in self._due if due.steps <= 0]
        for due in ready:
            self._happen(due, refusable=refusable)

    def _happen(self, due: _Due, *, refusable: bool) -> None:
        self._due.remove(due)
        try:
            due.act()
        except OSError:
            if refusable:
                raise
            self.fired.pop()
            due.steps = 1
            self._due.append(due)

    def _raise(self, error: BaseException) -> None:
        self.fired.append(str(error))
        raise error
