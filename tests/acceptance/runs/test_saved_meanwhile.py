"""A command writes a file at the moment in which a person saves it: nothing of what they saved is lost."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.workbench import Workbench


@contextmanager
def standing_in(folder: Path, announced: Callable[[], None]) -> Iterator[None]:
    """In the daemon's place: agrees to everything, and calls `announced` when a command says what it will write."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen()
    listener.settimeout(60)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                said = json.loads(connection.makefile().readline())
                if said["op"] == "announce":
                    announced()
                connection.sendall(b'{"ok": true, "text": ""}\n')

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        os.unlink(folder / "socket")


def test_a_command_never_writes_over_a_save(w: Workbench) -> None:
    w.task("a", "Do it.", status="draft")
    w.cmd("list")
    saved = threading.Event()

    def save() -> None:
        if not saved.is_set():
            w.task("a", "Do it well.", status="draft")
            saved.set()

    with standing_in(w.repo / ".git" / "cowork", save):
        w.cmd("ready", "a")
    assert saved.is_set()
    assert w.status("a") == "ready"
    assert "Do it well." in w.text("tasks/a.md")
