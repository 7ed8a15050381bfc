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
"""A file that is made and removed to see whether an event arrives: hidden, no document, and ignored by git."""

PROBE_TIMEOUT = 1.0
"""Seconds for an event to arrive."""

MIN_POLL_INTERVAL = 2.0
POLL_SHARE = 20.0
"""Where no events arrive: seconds between two scans, at the least and as a multiple of what one takes."""

_EVENT_TYPES = (
    "FileCreatedEvent", "FileDeletedEvent", "FileModifiedEvent", "FileMovedEvent", "FileClosedEvent", "FileAttribEvent",
    "DirCreatedEvent", "DirDeletedEvent", "DirMovedEvent",
)  # fmt: skip
"""Without those that our own reads cause, and without changes of a folder, which its files report themselves."""

_WINDOW = 2.0
_BURST = 2048
"""This many events in `_WINDOW` seconds may exceed the queue of the kernel (16,384 unless set): some may be lost."""

_REGISTERED_TWICE = r"Callback with id '\d+' already exists for watch"
"""watchdog registers a folder twice that is made while it walks the new folder above: by its walk and by the event of
the folder itself. The same callback replaces itself, so nothing is lost; the warning prints all of its state."""

MOVE_PAIRING = 0.01
"""Seconds for which watchdog holds back the first half of a move, and with it every event after it, so that it can say
from where to where (half a second unless set). Only both paths count here, and every file that is moved out of the
folder, as our own writes move what they displaced, would hold back what a person saves next."""

_QUEUE_SIZE_FILE = Path("/proc/sys/fs/inotify/max_queued_events")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedChanges:
    """What has to be looked at."""

    paths: frozenset[str]
    """Relative to the folder."""
    folders: frozenset[str]
    """Folders below it that came, went or moved, each with a `/` at its end: everything in them is to be looked at."""
    everything: bool


NOTHING_CHANGED = WatchedChanges(paths=frozenset(), folders=frozenset(), everything=False)


class Watcher:
    """Collects the paths to look at and wakes the daemon.

    Handlers call `mark_dirty`, `mark_folders`, `mark_everything`, `wake`, `count_event` and `confirm_probe` from any
    thread; one thread calls the rest.
    """

    def __init__(
        self,
        root: Path,
        wake: Callable[[], None],
        *,
        reflog: Path | None = None,
        refs: Sequence[Path] = (),
        observers: Callable[[], BaseObserver] = Observer,
    ) -> None:
        """`reflog` is the log of HEAD's moves: where it changes, everything may have changed.

        `refs` are folders in which a change means only that branches may have moved: it wakes, and marks nothing.
        """
        self._root = root
        self._wake = wake
        self._reflog = reflog
        self._refs = refs
        self._observers = observers
        self._lock = threading.Lock()
        self._dirty: set[str] = set()
        self._folders: set[str] = set()
        self._everything = True
        self._event_count = 0
        self._probe_seen = threading.Event()
        self._started = False
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None
        self._root_descriptor: int | None = None
        """The watched folder, kept open so that its inode number is not given to a new one."""
        self._reflog_version = _file_version(reflog)
        self._probed_at: float | None = None
        self._missed_probes = 0
        self._window_start = 0.0
        self._max_burst = _burst_size()
        self.polling = ""
        """Why no events arrive; empty while they do."""

    def start(self, now: float) -> None:
        """Begin to watch. Where the system gives no more watches, the folder is polled (`polling`)."""
        self._started = True
        self._restart_observer(now)

    def stop(self) -> None:
        """Stop watching."""
        self._started = False
        self._stop_observer()
        self._close_root()

    def _open_root(self) -> None:
        self._close_root()
        with suppress(OSError):
            self._root_descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _close_root(self) -> None:
        descriptor, self._root_descriptor = self._root_descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _stop_observer(self) -> None:
        observer, self._observer = self._observer, None
        if observer is not None and observer.is_alive():
            observer.stop()
            observer.join()

    # ---- changes

    def mark_dirty(self, paths: Iterable[str]) -> None:
        """Look at these absolute paths."""
        with self._lock:
            self._dirty.update(self._below_root(paths))
        self._wake()

    def mark_folders(self, folders: Iterable[str]) -> None:
        """Look at everything in these folders, given by absolute paths; hidden ones hold nothing."""
        with self._lock:
            below = (f"{folder}/" for folder in self._below_root(folders))
            self._folders.update(folder for folder in below if not folder.startswith(".") and "/." not in folder)
        self._wake()

    def _below_root(self, paths: Iterable[str]) -> list[str]:
        """The paths relative to the folder; one that is not below it stands for everything."""
        relative = [os.path.relpath(path, self._root) for path in paths]
        below = [path.replace(os.sep, "/") for path in relative if path != "." and not path.startswith("..")]
        self._everything = self._everything or len(below) < len(relative)
        return below

    def mark_everything(self) -> None:
        with self._lock:
            self._everything = True
        self._wake()

    def wake(self) -> None:
        """Something beside the folder may have changed."""
        self._wake()

    def count_event(self) -> None:
        """Count an event, whatever it is about: many at once may exceed the queue of the kernel."""
        self._event_count += 1

    def confirm_probe(self) -> None:
        """The event of the probe has come."""
        self._probe_seen.set()
        self._wake()

    def take_changes(self, now: float) -> WatchedChanges:
        """What was marked since the last call; restores the observation where it has ended."""
        if self._started:
            self._check_observation(now)
        with self._lock:
            taken = WatchedChanges(
                paths=frozenset(self._dirty), folders=frozenset(self._folders), everything=self._everything
            )
            self._dirty, self._folders, self._everything = set(), set(), False
        return taken

    def poll_interval(self, seconds: float) -> float | None:
        """Seconds until the next scan, where one takes `seconds`; None while events arrive."""
        return max(MIN_POLL_INTERVAL, POLL_SHARE * seconds) if self.polling else None

    # ---- whether events arrive

    def probe(self, now: float) -> None:
        """Something had changed without an event: test whether events still arrive."""
        if self.polling or self._probed_at is not None or self._watched is None:
            return
        self._probe_seen.clear()
        file = self._root / PROBE
        # Where nothing can be written, no probe is possible.
        with suppress(OSError):
            file.touch()
            self._probed_at = now
            file.unlink()

    def deadline(self) -> float | None:
        """When the event of a probe is overdue."""
        return None if self._probed_at is None else self._probed_at + PROBE_TIMEOUT

    def move_times(self, seconds: float) -> None:
        """The clock was set by this: the event of a probe is awaited for as long as before."""
        self._window_start += seconds
        self._probed_at = None if self._probed_at is None else self._probed_at + seconds

    def _check_observation(self, now: float) -> None:
        if self._event_count >= self._max_burst:
            self._window_start, self._event_count, self._everything = now, 0, True
        if now > self._window_start + _WINDOW:
            self._window_start, self._event_count = now, 0
        if self._reflog is not None and (version := _file_version(self._reflog)) != self._reflog_version:
            self._reflog_version, self._everything = version, True
        if self.polling:
            return
        if _identity(self._root) != self._watched or not self._is_observing():
            self._restart_observer(now)
        elif self._probed_at is not None:
            self._check_probe(self._probed_at, now)

    def _check_probe(self, probed_at: float, now: float) -> None:
        if self._probe_seen.is_set():
            self._probed_at, self._missed_probes = None, 0
        elif now >= probed_at + PROBE_TIMEOUT:
            self._missed_probes += 1
            if self._missed_probes > 1:
                self._start_polling("no event arrives from this file system")
            else:
                log.warning("no file events arrive from %s: watching it again", self._root)
                self._restart_observer(now)

    def _is_observing(self) -> bool:
        observer = self._observer
        return observer is not None and observer.is_alive() and all(e.is_alive() for e in observer.emitters)

    def _restart_observer(self, now: float) -> None:
        """Watch the folder that is there now, and mark all of it."""
        self._stop_observer()
        self._probed_at = None
        self._everything = True
        self._open_root()
        self._watched = _identity(self._root)
        try:
            self._observer = self._start_observer()
        except FileNotFoundError:
            # It went in this very moment: the next turn sees that.
            self._watched = None
        except OSError as error:
            self._start_polling(str(error.strerror or error))
        else:
            self.probe(now)

    def _start_observer(self) -> BaseObserver:
        """Observe the folder itself and, for the moment when it comes or goes, its parent."""
        warnings.filterwarnings("ignore", message=_REGISTERED_TWICE, category=RuntimeWarning)
        _shorten_move_pairing()
        observer = self._observers()
        observer.daemon = True
        event_types = [getattr(events, name) for name in _EVENT_TYPES if hasattr(events, name)]
        try:
            observer.schedule(_ParentHandler(self, self._root), str(self._root.parent), event_filter=event_types)
            if self._watched is not None:
                observer.schedule(_FolderHandler(self), str(self._root), recursive=True, event_filter=event_types)
            observer.start()
        except OSError:
            observer.stop()
            raise
        for folder in self._refs:
            # Without these a moved branch is seen at the next turn, whatever it is for.
            with suppress(OSError):
                observer.schedule(_RefHandler(self), str(folder), recursive=True, event_filter=event_types)
        return observer

    def _start_polling(self, why: str) -> None:
        self._stop_observer()
        self._probed_at = None
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


def _shorten_move_pairing() -> None:
    with suppress(ImportError):  # another system than Linux, where moves are not paired like this
        from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper

        InotifyMoveEventGrouper.delay = MOVE_PAIRING


def _burst_size() -> int:
    """How many events are cause for a scan: a quarter of what the kernel keeps."""
    with suppress(OSError, ValueError):
        return max(1, min(_BURST, int(_QUEUE_SIZE_FILE.read_text()) // 4))
    return _BURST


class _FolderHandler(FileSystemEventHandler):
    """Handles events below the folder."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._watcher.count_event()
        paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
        if event.is_directory:
            self._watcher.mark_folders(paths)
        elif any(os.path.basename(path) == PROBE for path in paths):
            self._watcher.confirm_probe()
        elif seen := [path for path in paths if not os.path.basename(path).startswith(".")]:
            self._watcher.mark_dirty(seen)


class _RefHandler(FileSystemEventHandler):
    """Handles events of refs, also of those that are removed from a packed file: git locks each by a file here."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.src_path or event.dest_path:
            self._watcher.wake()


class _ParentHandler(FileSystemEventHandler):
    """Handles events in the parent folder: the folder itself is made, moved or removed."""

    def __init__(self, watcher: Watcher, root: Path) -> None:
        self._watcher = watcher
        self._root = str(root)

    def on_any_event(self, event: FileSystemEvent) -> None:
        if self._root in (os.fsdecode(event.src_path), os.fsdecode(event.dest_path)):
            self._watcher.mark_everything()
