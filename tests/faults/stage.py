"""A process that forks the real engine, stopped until somebody has attached to it: `python -m tests.faults.stage`.

One request a line: where the workspace is, and what a rival saves just before the exchange. The answer is the pid of a
child that has stopped itself; let go on, it recovers, looks at everything and takes a few turns. The next line waits
for its end. Forking spares each case the start of an interpreter.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from coworkd.sync.disk.atomic_writer import LATE_WRITE_DELAY
from coworkd.sync.disk.folder import Folder
from tests.integration.workspacekit import Workspace

TURNS = 4


class Raced(Folder):
    """Somebody else acts in the last instant before the first exchange or link."""

    def __init__(self, root: Path, trash: Path, rival: Callable[[], None]) -> None:
        super().__init__(root, trash)
        self._rival: Callable[[], None] | None = rival

    def exchange(self, temporary: str, path: str) -> bool:
        self._race()
        return super().exchange(temporary, path)

    def move_into_place(self, temporary: str, path: str) -> bool:
        self._race()
        return super().move_into_place(temporary, path)

    def _race(self) -> None:
        if self._rival is not None:
            rival, self._rival = self._rival, None
            rival()


def work(root: Path, rival: Callable[[], None], *, patient: bool) -> None:
    """A life of the engine, without an orderly end; a patient one sees what it displaced looked at once more."""
    place = Workspace(root, Raced(root / ".cowork", root / "trash", rival))
    place.engine.recover(place.now)
    place.turns(TURNS)
    if patient:
        place.turns(2, LATE_WRITE_DELAY)


def child(root: Path, line: socket.socket, *, patient: bool) -> None:
    def rival() -> None:
        line.send(b"?")
        line.recv(1)

    code = 1
    try:
        os.kill(os.getpid(), signal.SIGSTOP)
        work(root, rival, patient=patient)
        code = 0
    except BaseException:  # noqa: BLE001 - the top of a process: what ended it is told
        (root / "ended").write_text(traceback.format_exc())
    finally:
        os._exit(code)


def serve() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        root = Path(request["root"])
        # Calls of their own, so that no fault of the engine's reads and writes hits the talk about rivals.
        here, there = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            here.close()
            child(root, there, patient=request["patient"])
        there.close()
        os.waitpid(pid, os.WUNTRACED)
        _tell(pid)
        sys.stdin.readline()
        if here.recv(1):
            _save(root, request["rival"])
            here.send(b"!")
        _, status = os.waitpid(pid, 0)
        here.close()
        _tell(os.waitstatus_to_exitcode(status))


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _save(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = root / ".cowork" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f"{file.name}.rival")
        aside.write_text(text)
        aside.replace(file)


if __name__ == "__main__":
    serve()
