"""Wake-ups from the file system: the only code that uses watchdog.

An event says "look at this path", nothing more. Its kind is not passed on, and no event at all is made good by the
engine's full scans. Watching goes wrong in silence: the folder is replaced by another of its name, the kernel's queue
runs over, a thread ends, a file system reports nothing. So a probe tests from time to time whether events arrive,
and where they do not, the folder is scanned every few seconds instead.
"""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from watchdog import events
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

log = logging.getLogger("coworkd")

PROBE = ".coworkd-probe.live.md"
"""A file that comes and goes, to see whether anybody hears of it: hidden, no document, and ignored by git."""

PROBE_TIMEOUT = 1.0
"""Seconds for an event to arrive."""

MIN_POLL_INTERVAL = 2.0
POLL_SHARE = 20.0
"""Where no events come: seconds between two looks at everything, at the least and as a multiple of what one takes."""

_HEARD = (
    "FileCreatedEvent", "FileDeletedEvent", "FileModifiedEvent", "FileMovedEvent", "FileClosedEvent", "FileAttribEvent",
    "DirCreatedEvent", "DirDeletedEvent", "DirMovedEvent",
)  # fmt: skip
"""Not what our own reads cause, and not that a folder changed, which its files say themselves."""

_WINDOW = 2.0
_BURST = 2048
"""This many events in `_WINDOW` seconds may exceed the queue of the kernel (16,384 unless set): some may be lost."""

_REGISTERED_TWICE = r"Callback with id '\d+' already exists for watch"
"""watchdog registers a folder twice that is made while it walks the new folder above: by its walk and by the event of
the folder itself. The same callback replaces itself, so nothing is lost; the warning prints all of its state."""

_LIMIT = Path("/proc/sys/fs/inotify/max_queued_events")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedChanges:
    """What there is to look at."""

    paths: frozenset[str]
    """Relative to the folder."""
    everything: bool


class Watcher:
    """Collects the paths to look at and wakes the daemon. `note...` are called from any thread, the rest from one."""

    def __init__(
        self,
        root: Path,
        wake: Callable[[], None],
        *,
        beside: Path | None = None,
        refs: Sequence[Path] = (),
        observers: Callable[[], BaseObserver] = Observer,
    ) -> None:
        """`beside` is a file whose change means that everything may have changed: the log of HEAD's moves.

        `refs` are folders in which a change means only that branches may have moved: it wakes, and marks nothing.
        """
        self._root = root
        self._wake = wake
        self._beside = beside
        self._refs = refs
        self._observers = observers
        self._lock = threading.Lock()
        self._dirty: set[str] = set()
        self._everything = True
        self._events = 0
        self._answered = threading.Event()
        self._started = False
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None
        self._held: int | None = None
        """The watched folder, kept open: its number is not given to a new one while it is."""
        self._moves = _file_version(beside)
        self._asked: float | None = None
        self._unanswered = 0
        self._window = 0.0
        self._burst = _burst_size()
        self.polling = ""
        """Why no events come; empty while they do."""

    def start(self, now: float) -> None:
        """Begin to watch. Where the system gives no more watches, looking must do (`polling`)."""
        self._started = True
        self._restart_observer(now)

    def stop(self) -> None:
        """Hear no more."""
        self._started = False
        self._stop_observer()
        self._let_go()

    def _open_root(self) -> None:
        self._let_go()
        with suppress(OSError):
            self._held = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            os.close(held)

    def _stop_observer(self) -> None:
        observer, self._observer = self._observer, None
        if observer is not None and observer.is_alive():
            observer.stop()
            observer.join()

    # ---- what happened

    def note(self, paths: Iterable[str]) -> None:
        """Look at these absolute paths."""
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

    def wake(self) -> None:
        """Something beside the folder may have changed."""
        self._wake()

    def count(self) -> None:
        """An event has come, whatever it is about."""
        self._events += 1

    def answer(self) -> None:
        """The probe was heard of."""
        self._answered.set()
        self._wake()

    def take(self, now: float) -> WatchedChanges:
        """What was noted since the last call; sees to it that there will be more."""
        if self._started:
            self._check_observer(now)
        with self._lock:
            taken = WatchedChanges(paths=frozenset(self._dirty), everything=self._everything)
            self._dirty, self._everything = set(), False
        return taken

    def pause(self, seconds: float) -> float | None:
        """How long to wait for the next look at everything, which takes `seconds`; None where events tell."""
        return max(MIN_POLL_INTERVAL, POLL_SHARE * seconds) if self.polling else None

    # ---- whether anybody listens

    def ask(self, now: float) -> None:
        """Something had changed that no event told of: see whether they still come."""
        if self.polling or self._asked is not None or self._watched is None:
            return
        self._answered.clear()
        probe = self._root / PROBE
        # Where nothing can be written, no probe is possible.
        with suppress(OSError):
            probe.touch()
            self._asked = now
            probe.unlink()

    def deadline(self) -> float | None:
        """When an answer is overdue."""
        return None if self._asked is None else self._asked + PROBE_TIMEOUT

    def move_times(self, seconds: float) -> None:
        """The clock was set by this: an answer is awaited for as long as before."""
        self._window += seconds
        self._asked = None if self._asked is None else self._asked + seconds

    def _check_observer(self, now: float) -> None:
        if self._events >= self._burst:
            self._window, self._events, self._everything = now, 0, True
        if now > self._window + _WINDOW:
            self._window, self._events = now, 0
        if self._beside is not None and (moves := _file_version(self._beside)) != self._moves:
            self._moves, self._everything = moves, True
        if self.polling:
            return
        if _identity(self._root) != self._watched or not self._is_observing():
            self._restart_observer(now)
        elif self._asked is not None:
            self._check_probe(self._asked, now)

    def _check_probe(self, asked: float, now: float) -> None:
        if self._answered.is_set():
            self._asked, self._unanswered = None, 0
        elif now >= asked + PROBE_TIMEOUT:
            self._unanswered += 1
            if self._unanswered > 1:
                self._give_up("no event arrives from this file system")
            else:
                log.warning("no file events arrive from %s: watching it again", self._root)
                self._restart_observer(now)

    def _is_observing(self) -> bool:
        observer = self._observer
        return observer is not None and observer.is_alive() and all(e.is_alive() for e in observer.emitters)

    def _restart_observer(self, now: float) -> None:
        """Watch what stands there now, and look at all of it."""
        self._stop_observer()
        self._asked = None
        self._everything = True
        self._open_root()
        self._watched = _identity(self._root)
        try:
            self._observer = self._start_observer()
        except FileNotFoundError:
            # It went in this very moment: the next turn sees that.
            self._watched = None
        except OSError as error:
            self._give_up(str(error.strerror or error))
        else:
            self.ask(now)

    def _start_observer(self) -> BaseObserver:
        """The folder itself and, for the moment when it comes or goes, what it stands in."""
        warnings.filterwarnings("ignore", message=_REGISTERED_TWICE, category=RuntimeWarning)
        observer = self._observers()
        observer.daemon = True
        heard = [getattr(events, name) for name in _HEARD if hasattr(events, name)]
        try:
            observer.schedule(_Doorstep(self, self._root), str(self._root.parent), event_filter=heard)
            if self._watched is not None:
                observer.schedule(_Inside(self), str(self._root), recursive=True, event_filter=heard)
            observer.start()
        except OSError:
            observer.stop()
            raise
        for folder in self._refs:
            # Without these a moved branch is seen at the next turn, whatever it is for.
            with suppress(OSError):
                observer.schedule(_Branches(self), str(folder), recursive=True, event_filter=heard)
        return observer

    def _give_up(self, why: str) -> None:
        self._stop_observer()
        self._asked = None
        self.polling = why
        log.warning("%s: looking at %s every few seconds instead", why, self._root)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _file_version(file: Path | None) -> tuple[int, int]:
    try:
        found = os.stat(file) if file is not None else None
    except OSError:
        return 0, 0
    return (found.st_mtime_ns, found.st_size) if found is not None else (0, 0)


def _burst_size() -> int:
    """A quarter of what the kernel keeps is cause enough to look."""
    with suppress(OSError, ValueError):
        return max(1, min(_BURST, int(_LIMIT.read_text()) // 4))
    return _BURST


class _Inside(FileSystemEventHandler):
    """Hears of everything below the folder."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._watcher.count()
        if event.is_directory:
            self._watcher.note_everything()
            return
        paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
        if any(os.path.basename(path) == PROBE for path in paths):
            self._watcher.answer()
        elif seen := [path for path in paths if not os.path.basename(path).startswith(".")]:
            self._watcher.note(seen)


class _Branches(FileSystemEventHandler):
    """Hears that refs are written, also those that are taken out of a packed file: git locks each by a file here."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.src_path or event.dest_path:
            self._watcher.wake()


class _Doorstep(FileSystemEventHandler):
    """Hears of the folder's coming and going."""

    def __init__(self, watcher: Watcher, root: Path) -> None:
        self._watcher = watcher
        self._root = str(root)

    def on_any_event(self, event: FileSystemEvent) -> None:
        if self._root in (os.fsdecode(event.src_path), os.fsdecode(event.dest_path)):
            self._watcher.note_everything()
