"""Wake-ups from the file system: watchdog's only door.

An event says "look at this path", nothing more. Its kind is not passed on, and no event at all is made good by the
engine's full scans.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

_NOISE = frozenset({"opened", "closed_no_write"})
"""Events that our own reads cause."""


class Watcher:
    """Collects the paths to look at and wakes the daemon. Thread-safe."""

    def __init__(self, root: Path, wake: Callable[[], None]) -> None:
        self._root = root
        self._wake = wake
        self._lock = threading.Lock()
        self._dirty: set[str] = set()
        self._everything = True
        self._observer: BaseObserver | None = None

    def start(self) -> None:
        """Begin to watch; where the system gives no more watches, scans alone must do, and the reason is returned."""
        self._observer = Observer()
        self._observer.daemon = True
        self._observer.schedule(_Handler(self), str(self._root), recursive=True)
        self._observer.start()

    def stop(self) -> None:
        if self._observer is not None and self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def alive(self) -> bool:
        observer = self._observer
        return observer is not None and observer.is_alive() and all(e.is_alive() for e in observer.emitters)

    def note(self, *paths: str) -> None:
        """Look at these absolute paths; a folder means everything, for what it holds may have come with it."""
        with self._lock:
            for path in paths:
                relative = os.path.relpath(path, self._root)
                if relative in (".", "") or relative.startswith(".."):
                    self._everything = True
                else:
                    self._dirty.add(relative.replace(os.sep, "/"))
        self._wake()

    def note_everything(self) -> None:
        with self._lock:
            self._everything = True
        self._wake()

    def take(self) -> tuple[set[str], bool]:
        """The paths noted since the last call, and whether everything is to be looked at."""
        with self._lock:
            taken = self._dirty, self._everything
            self._dirty, self._everything = set(), False
        return taken


class _Handler(FileSystemEventHandler):
    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in _NOISE:
            return
        if event.is_directory:
            if event.event_type != "modified":
                self._watcher.note_everything()
            return
        paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
        if paths := [path for path in paths if not os.path.basename(path).startswith(".")]:
            self._watcher.note(*paths)
