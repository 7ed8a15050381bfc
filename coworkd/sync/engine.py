"""The sync engine: look, compare, act, look again.

`pull` takes what changed on disk into the database; `push` brings the disk up to it. An event only marks a path; what
is done about it follows from comparing bytes. The cost of a turn is the number of marked paths, not of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from coworkd.core.errors import DocumentError
from coworkd.core.model import Problem
from coworkd.documents.decoding import kind_of
from coworkd.store import Database, DocumentRow
from coworkd.store.own_bytes import add_own
from coworkd.sync.disk.atomic_writer import AtomicWriter, ConcurrentSave, TargetChanged, WriteRefused
from coworkd.sync.disk.folder import ChangedWhileReading, Content, FileStat, Missing, NotReadable, digest, is_temporary
from coworkd.sync.disk.ports import Files
from coworkd.sync.effective_specs import CONFIG, decoded
from coworkd.sync.guards import MAX_SETTLE, MISSING_GRACE, UNREADABLE_GRACE, settled_at
from coworkd.sync.ingest.batch_context import FileContent
from coworkd.sync.ingest.incoming_document import forget_bases, keep_base
from coworkd.sync.ingest.ingester import Ingester
from coworkd.sync.ingest.missing_files import MissingFiles
from coworkd.sync.merging.three_way import BaseVersion
from coworkd.sync.problems import put_problem, put_unreadable
from coworkd.sync.stray import StrayFiles

MIN_SCAN_INTERVAL = 30.0
"""Seconds between full scans at the least; a slow scan stretches this a thousandfold of its own length."""

REREAD_PERIOD = 86400.0
"""Seconds within which every file is read again: a program that sets times back hides its change from every scan."""

_KNOWN = (
    "SELECT path FROM documents WHERE file_sha != '' UNION ALL SELECT path FROM notes"
    " UNION ALL SELECT path FROM problems WHERE source IN ('read', 'copy')"
)
"""What was there when it was last looked at."""

FIRST_RETRY = 0.1
"""Seconds after which a file that could not be read is tried again; then twice as long, and so on."""

RACY_NS = 20_000_000
"""A file whose times are this close to the look at it may change again without its stat showing it."""


BATCH_SIZE = 200
"""Files taken in by one transaction: enough to make its cost small, few enough to lose little by a crash."""


@dataclass(slots=True)
class _Mark:
    """A path to look at."""

    noticed: float
    due: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """What a scan came to."""

    changed: int
    """Files that are not as they were taken in."""
    seconds: float


class Engine:
    """Keeps one folder and one database in step; used by the writer thread alone."""

    def __init__(
        self, db: Database, folder: Files, intake: Ingester, writer: AtomicWriter, absences: MissingFiles
    ) -> None:
        self._db = db
        self._folder = folder
        self._intake = intake
        self._writer = writer
        self._absences = absences
        self._stray = StrayFiles(db, folder)
        self._marks: dict[str, _Mark] = {}
        self._unreadable: dict[str, float] = {
            row["path"]: row["since"] for row in db.query("SELECT path, since FROM problems WHERE source = 'read'")
        }
        self._blocked: dict[str, float] = {}
        self._stats: dict[str, tuple[FileStat, bool]] = {
            row["path"]: (
                FileStat(row["mtime_ns"], row["ctime_ns"], row["size"], row["inode"], row["mode"]),
                row["settled"],
            )
            for row in db.query("SELECT * FROM stats")
        }
        self._next_scan = 0.0
        self._scanned = False
        self._verified: float | None = None

    # ---- knowing where to look

    def mark_dirty(self, path: str, now: float) -> None:
        """Look at this path, however long another reason to look at it would have waited."""
        if kind_of(path) is None:
            self._stray.check(path, now)
            return
        known = self._marks.get(path)
        settling = known is not None and now - known.noticed < MAX_SETTLE
        self._marks[path] = _Mark(known.noticed if known is not None and settling else now, now)

    def scan(self, now: float, elapsed: Callable[[], float]) -> ScanResult:
        """Mark every file whose stat is not the one it was taken in with, and every known file that is missing.

        And some that look unchanged: within a day each file is read once, whatever its stat says.
        """
        started, stats = elapsed(), self._stats
        seen: set[str] = set()
        changed: list[str] = []
        cut_short: list[str] = []
        others: list[str] = []
        for path, found in self._folder.walk():
            if stats.get(path) == (found, True):
                seen.add(path)
            elif kind_of(path) is not None:
                seen.add(path)
                changed.append(path)
            elif is_temporary(path):
                cut_short.append(path)
            else:
                others.append(path)
        # Writes of ours begin and end between two scans.
        self._writer.discard_leftovers(cut_short, now)
        self._stray.update(others, now)
        changed += [row["path"] for row in self._db.query(_KNOWN) if row["path"] not in seen]
        # In the order of the names: it decides between two that claim one id, and which of two messages comes first.
        for path in sorted(changed, key=lambda path: (path.count("/"), path)):
            self.mark_dirty(path, now)
        for path in self._turn_of(now):
            self.mark_dirty(path, now)
        self._scanned = True
        seconds = elapsed() - started
        self._next_scan = now + max(MIN_SCAN_INTERVAL, 1000 * seconds)
        return ScanResult(changed=len(changed), seconds=seconds)

    def _turn_of(self, now: float) -> list[str]:
        """The files whose turn it has become since the last scan to be read although nothing seems to have changed."""
        before, self._verified = self._verified, now
        if before is None or not self._stats:
            return []
        first, last = (int(at * len(self._stats) / REREAD_PERIOD) for at in (before, now))
        paths = list(self._stats)
        return [paths[number % len(paths)] for number in range(max(first, last - len(paths)), last)]

    def forget_stat(self, path: str) -> None:
        """The next look at this path reads it, whatever its stat says."""
        self._stats.pop(path, None)
        with self._db.write():
            self._db.execute("DELETE FROM stats WHERE path = ?", path)

    def ingest_now(self, path: str, now: float) -> None:
        """Take this file in at once: whoever saved it says that it is whole."""
        if kind_of(path) is None:
            return
        self._marks[path] = _Mark(now - 1.0, now)
        self._look([path], now)

    def recheck_missing(self, now: float) -> None:
        """Something that decides about missing files has changed."""
        self._absences.resume(now)
        self._judge_missing(now + MISSING_GRACE)

    def scan_no_later_than(self, when: float) -> None:
        """Scan no later than then."""
        self._next_scan = min(self._next_scan, when)

    def is_scan_due(self, now: float) -> bool:
        return now >= self._next_scan

    # ---- from disk to database

    def pull(self, now: float) -> None:
        """Take in every marked file that has settled, and decide about missing ones."""
        late = ((path, data) for path, data in self._writer.late_writes(now) if not self._taken(path, data))
        self._take_displaced(late, now)
        for path in self._absences.due(now):
            self.mark_dirty(path, now)
        due = [path for path, mark in self._marks.items() if mark.due <= now]
        for start in range(0, len(due), BATCH_SIZE):
            self._look(due[start : start + BATCH_SIZE], now)
        self._judge_missing(now)
        if self._scanned and not any(mark.due <= now for mark in self._marks.values()):
            # Only a look at everything that found nothing missing says what HEAD the files belong to.
            self._absences.remember_head()
            self._scanned = False

    def _taken(self, path: str, data: bytes) -> bool:
        """Remembered bytes were taken in when they were new: found again in the trash, they are no new wish."""
        return bool(self._db.scalar("SELECT 1 FROM bases WHERE path = ? AND sha = ?", path, digest(data)))

    def _judge_missing(self, now: float) -> None:
        """Where a task's file was deleted, a copy of it, or a file with its id, may be the same task, moved."""
        if not self._absences.decide(now):
            return
        for row in self._db.query("SELECT path FROM problems WHERE source IN ('duplicate', 'copy') ORDER BY path"):
            read = self._folder.read(row["path"])
            if isinstance(read, Content):
                self.mark_dirty(row["path"], now)
                self._ingest({row["path"]: read}, now)

    def _look(self, paths: Sequence[str], now: float) -> None:
        """Look at these files and take them in, in one transaction: what a crash undoes is marked anew by a scan."""
        with self._db.write():
            found = {path: read for path in paths if (read := self._read(path, now)) is not None}
            if found:
                self._took(found, now)

    def _read(self, path: str, now: float) -> Content | None:
        """The bytes of a file that stands still; None for everything else, which has been dealt with."""
        mark = self._marks[path]
        found = self._folder.stat(path)
        if found is not None and not self._settled(mark, found, self._stats.get(path), now):
            return None
        read = self._folder.read(path)
        match read:
            case Content():
                return read
            case ChangedWhileReading():
                mark.due = now + 0.01
            case Missing():
                self._drop(path)
                self._readable_again(path)
                self._lost(path)
                self._absences.file_missing(path, now)
            case NotReadable(reason=reason):
                self._drop(path)
                self._absences.file_present(path)
                self._unfit(path, reason, now)
        return None

    def _lost(self, path: str) -> None:
        """What was wrong with a file that is not there any more, and never was a document, is nobody's problem."""
        self._unreadable.pop(path, None)
        if self._stats.pop(path, None) is None and not self._shown(path):
            return
        with self._db.write():
            self._db.execute("DELETE FROM stats WHERE path = ?", path)
            self._db.execute("DELETE FROM notes WHERE path = ?", path)
            self._db.execute("DELETE FROM problems WHERE path = ? AND source IN ('read', 'copy')", path)

    def _shown(self, path: str) -> bool:
        return bool(self._db.scalar("SELECT 1 FROM problems WHERE path = ? AND source IN ('read', 'copy')", path))

    def _unfit(self, path: str, reason: str, now: float) -> None:
        """The reason may pass without a trace in the file's stat (too many open files): tried again, ever later."""
        first = self._unreadable.setdefault(path, now)
        self._marks[path] = _Mark(now, now + min(max(now - first, FIRST_RETRY), MIN_SCAN_INTERVAL))
        self._stats.pop(path, None)
        with self._db.write():
            self._db.execute("DELETE FROM stats WHERE path = ?", path)
            put_unreadable(self._db, path, DocumentError(f"this file {reason}"), now)

    def _settled(self, mark: _Mark, found: FileStat, known: tuple[FileStat, bool] | None, now: float) -> bool:
        in_place = known is not None and known[0].inode == found.inode
        due = settled_at(found.mtime_ns / 1e9, in_place, mark.noticed)
        if now >= due:
            return True
        mark.due = due
        return False

    def _took(self, found: Mapping[str, Content], now: float) -> None:
        known = {row.path: row for row in self._db.all_in(DocumentRow, "path", found)}
        new: dict[str, Content] = {}
        for path, read in found.items():
            row = known.get(path)
            if row is not None and row.absent_since is not None:
                self._back(path)
            if row is None or read.sha not in (row.disk_sha, row.target_sha):
                new[path] = read
            elif row.disk_sha != read.sha:
                self._echo(row, read.sha)
            else:
                self._readable_again(path)
        held = self._ingest(new, now) if new else frozenset[str]()
        for path, read in found.items():
            if path not in held:
                self._drop(path)
                self._note_stat(path, read.stat, now)

    def _ingest(self, found: Mapping[str, Content], now: float) -> frozenset[str]:
        """Take the bytes in; returns the paths of those that make no sense but may be a save in progress."""
        readings = [
            FileContent.of(path, kind, read.data, read.stat.mtime_ns / 1e9)
            for path, read in found.items()
            if (kind := kind_of(path)) is not None
        ]
        refused = self._intake.ingest(readings, now)
        for path in found.keys() - refused.keys():
            self._readable_again(path)
        if CONFIG in found and CONFIG not in refused:
            self._look_at_notes(now)
        return frozenset(path for path, error in refused.items() if not self._hold(path, found[path].stat, error, now))

    def _look_at_notes(self, now: float) -> None:
        """Whether a file without a header is a task is for the settings to say."""
        for row in self._db.query("SELECT path FROM notes ORDER BY path"):
            self._stats.pop(row["path"], None)
            self.mark_dirty(row["path"], now)

    def _echo(self, row: DocumentRow, sha: str) -> None:
        """The file says what it should: our own write, or a person's that came to the same."""
        with self._db.write():
            self._db.set(DocumentRow, row.path, disk_sha=sha, rev=_rev(row))
            self._db.execute("DELETE FROM problems WHERE path = ? AND source = 'write'", row.path)
        self._readable_again(row.path)

    def _readable_again(self, path: str) -> None:
        if self._unreadable.pop(path, None) is not None:
            with self._db.write():
                self._db.execute("DELETE FROM problems WHERE path = ? AND source = 'read'", path)

    def _back(self, path: str) -> None:
        """The file is there, with whatever content; what it should say may have moved on while it was away."""
        if self._absences.file_present(path):
            self._intake.catch_up(path)

    def _hold(self, path: str, found: FileStat, error: DocumentError, now: float) -> bool:
        """Wait for the rest of a save, which cannot still be on its way into a file that was saved a while ago."""
        first = self._unreadable.setdefault(path, min(now, found.mtime_ns / 1e9))
        if now - first < UNREADABLE_GRACE:
            self._marks[path].due = now + min(UNREADABLE_GRACE / 4, first + UNREADABLE_GRACE - now + 0.001)
            return False
        with self._db.write():
            put_unreadable(self._db, path, error, now)
        return True

    def _drop(self, path: str) -> None:
        self._marks.pop(path, None)

    def _note_stat(self, path: str, found: FileStat, now: float) -> None:
        settled = max(found.mtime_ns, found.ctime_ns) + RACY_NS < now * 1e9
        if settled and self._stats.get(path) == (found, True):
            return
        self._stats[path] = (found, settled)
        if not settled:
            due = max(found.mtime_ns, found.ctime_ns) / 1e9 + 2 * RACY_NS / 1e9
            # A time in the future must not put off the next look for ever.
            self._marks[path] = _Mark(now, min(due, now + MIN_SCAN_INTERVAL))
            return
        with self._db.write():
            self._db.insert_batched(
                "INSERT OR REPLACE INTO stats (path, mtime_ns, ctime_ns, size, inode, mode, sha, settled)"
                " VALUES (?, ?, ?, ?, ?, ?, '', 1)",
                path, found.mtime_ns, found.ctime_ns, found.size, found.inode, found.mode,
            )  # fmt: skip

    def _take_displaced(self, found: Iterable[tuple[str, bytes]], now: float) -> None:
        """Saves that a write of ours displaced are taken in; one that nobody can read goes back into its file."""
        for path, data in [(path, data) for path, data in found if not self._merged(path, data, now)]:
            row = self._db.one(DocumentRow, "path = ?", path)
            if row is not None:
                self._writer.write(path, row.disk_sha, data, now)
                self.mark_dirty(path, now)

    def _merged(self, path: str, data: bytes, now: float) -> bool:
        """Take bytes in that are no longer in the file; False when they make no sense."""
        kind = kind_of(path)
        row = self._db.one(DocumentRow, "path = ?", path)
        if kind is None or row is None:
            return True
        if self._intake.ingest([FileContent.of(path, kind, data, now)], now):
            return False
        with self._db.write():
            self._db.set(DocumentRow, path, disk_sha=row.disk_sha)
        return True

    # ---- from database to disk

    def push(self, now: float, *, blocked: Callable[[str], bool]) -> None:
        """Write every file that does not say what it should. `blocked` paths wait: git is at work on them.

        So does everything while the folder itself is away.
        """
        if not self._folder.exists():
            return
        self._blocked = {path: until for path, until in self._blocked.items() if until > now}
        if self._writer.has_unfinished():
            self.recover(now)
        rows = self._db.all(DocumentRow, "want_sha != file_sha ORDER BY path")
        for row in rows:
            if self._may(row) and not blocked(row.path):
                self._write(row, now)

    def _may(self, row: DocumentRow) -> bool:
        return row.absent_since is None and row.path not in self._unreadable and row.path not in self._blocked

    def _write(self, row: DocumentRow, now: float) -> None:
        rev = _rev(row)
        if rev > 0:
            # Kept before the first step: a crash in mid-write must not make our own bytes look like a person's.
            # From now on the number is used up, whatever becomes of this write.
            with self._db.write():
                keep_base(
                    self._db, row.path, BaseVersion(rev=rev, by_user=False, data=row.target_bytes), row.target_sha, now
                )
                forget_bases(self._db, row.path)
                self._db.set(DocumentRow, row.path, rev=max(rev, row.rev))
        result = self._writer.write(row.path, row.disk_sha, row.target_bytes, now)
        match result:
            case TargetChanged():
                self._marks.setdefault(row.path, _Mark(now, now))
            case WriteRefused(reason=reason):
                self._blocked[row.path] = now + 5.0
                with self._db.write():
                    put_problem(self._db, Problem(path=row.path, line=0, message=reason), "write", now)
            case ConcurrentSave():
                self._wrote(row, now)
                self.recover(now)
            case _:
                self._wrote(row, now)

    def _wrote(self, row: DocumentRow, now: float) -> None:
        with self._db.write():
            add_own(self._db, row.path, row.target_sha)
            self._db.set(DocumentRow, row.path, disk_sha=row.target_sha, rev=_rev(row))
            self._db.execute("DELETE FROM problems WHERE path = ? AND source IN ('write', 'read')", row.path)
        self._marks[row.path] = _Mark(now, now + 2 * RACY_NS / 1e9)

    def recover(self, now: float) -> None:
        """Finish the writes that were cut short, and take in what they displaced."""
        self._take_displaced(self._writer.recover(now), now)

    def deadline(self) -> float:
        """When `pull` or `scan` has something to do next without an event."""
        times = [mark.due for mark in self._marks.values()] + [self._next_scan, *self._blocked.values()]
        others = (self._writer.next_check(), self._absences.deadline())
        return min([*times, *(other for other in others if other is not None)])


def _rev(row: DocumentRow) -> int:
    """The revision of what the file should say; the one known before where it says none, or cannot be read."""
    try:
        rev = decoded(row.path, row.target_bytes).cowork.rev
    except DocumentError:
        return row.rev
    return row.rev if rev is None else rev
