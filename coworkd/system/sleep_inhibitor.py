"""Keeps the machine awake while it is held, by a program of the system that does so for as long as its child lives.

The child reads from a pipe that this process holds: however this process ends, the pipe closes, the child ends, and the
machine may sleep again. Where there is no such program, or it fails, that is said and nothing else happens.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from coworkd.system.process import commands

_LIFELINE = ("cat",)
"""Ends when its standard input does."""

INHIBITORS: tuple[tuple[str, ...], ...] = (
    ("systemd-inhibit", "--what=sleep:idle", "--who=coworkd", "--why=agents are at work", "--mode=block"),
    ("caffeinate", "-i"),
)
"""Programs of Linux and macOS that keep the machine awake while the command that follows runs; the first one found."""

MISSING = "there is no systemd-inhibit and no caffeinate here"


class SleepInhibitor:
    """Used by one thread."""

    def __init__(
        self, env: Callable[[], Mapping[str, str]], programs: tuple[tuple[str, ...], ...] = INHIBITORS
    ) -> None:
        """`env`: the environment of the program."""
        self._env = env
        self._programs = programs
        self._child: commands.Child | None = None
        self._held = False
        self._problem = ""

    def hold(self) -> str:
        """Keep the machine awake from now on; why it may sleep all the same, empty where it does not."""
        if not self._held:
            self._held = True
            self._problem = self._start()
        elif self._child is not None and (code := self._child.poll()) is not None:
            self._problem = f"{self._programs_found()[0]} ended with {code}: {self._last_words(self._child)}"
            self._end()
        return self._problem

    def release(self) -> None:
        """The machine may sleep again; nothing happens where it is not kept awake."""
        self._held, self._problem = False, ""
        self._end()

    def _programs_found(self) -> tuple[str, ...]:
        return next((program for program in self._programs if shutil.which(program[0])), ())

    def _start(self) -> str:
        program = self._programs_found()
        if not program:
            return MISSING
        try:
            self._child = commands.spawn(
                (*program, *_LIFELINE), cwd=Path("/"), env=self._env(), stderr=commands.TOGETHER
            )  # fmt: skip
        except OSError as error:
            return f"{program[0]} cannot be started: {error}"
        return ""

    def _last_words(self, child: commands.Child) -> str:
        """What a program that has ended said. Its own child may live on and hold the pipe, and is not waited for."""
        os.set_blocking(child.stdout.fileno(), False)
        return " ".join((child.stdout.read(4096) or b"").decode(errors="replace").split())

    def _end(self) -> None:
        if self._child is None:
            return
        self._child.close()
        self._child.kill()
        self._child.wait()
        self._child = None
