"""The sync engine keeps a folder of files and a database in step, byte by byte.

Theory. For every document three versions are compared: the file F on disk, the base B that its author started from, and
the version D that the database wants (`target_bytes`). `pull` reads F where it may have changed and merges it with D
over B; the outcome is the new D. `push` writes D where F is not D. The two meet when F = D for every file.

- An event only marks a path dirty. What is done about it follows from comparing bytes, so a missed event costs time
  (the next scan finds the change) and a needless one costs a read. No event is ever skipped as "our own": our
  writes are recognised by their hash.
- Only bytes of a file that stands still count (`reader`). A file that cannot be read leaves D as it is.
- Whether bytes were typed here or came by git is asked of git, and the writer does not wait for the answer
  (`git_knowledge`): until then the bytes that were read are held, nothing later is read from that path, and nothing is
  written there. Then exactly these bytes are taken in, as if they had just been read.
- A write goes over exactly the F that D was made from. Whatever else stands there by then was saved in between: it is
  kept, taken in, and the write is made again from the new D (`pusher`, `displaced_saves`).
- B is remembered before F is written, and every version a person saved is remembered when it is taken in. A crash
  between any two steps leaves F, or what displaced it, where the next start finds it.
- A file that is missing is not thereby deleted: git, an editor or a mount may bring it back (`ingest/missing_files`).

The cost of a turn is the number of dirty paths, not of files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from coworkd.documents.decoding import kind_of
from coworkd.store import Database, DocumentRow
from coworkd.store.documents import documents_at, note_paths
from coworkd.store.problems import COPY, DUPLICATE, WRITE, paths_with_problems, remove_problem
from coworkd.sync.dirty_set import DirtySet
from coworkd.sync.disk.atomic_writer import AtomicWriter
from coworkd.sync.disk.folder import Content
from coworkd.sync.disk.ports import Files
from coworkd.sync.displaced_saves import DisplacedSaves
from coworkd.sync.effective_specs import CONFIG
from coworkd.sync.file_content import FileContent
from coworkd.sync.git_knowledge import GitKnowledge
from coworkd.sync.git_questions import GitAnswers, GitQuestions
from coworkd.sync.guards import MISSING_GRACE
from coworkd.sync.ingest.ingester import Ingester
from coworkd.sync.ingest.missing_files import MissingFiles
from coworkd.sync.ingest.task_files import project_returned_file
from coworkd.sync.pusher import Pusher, target_revision
from coworkd.sync.reader import Reader
from coworkd.sync.scanner import MIN_SCAN_INTERVAL, Scanner, ScanResult
from coworkd.sync.stat_cache import StatCache
from coworkd.sync.stray import StrayFiles

BATCH_SIZE = 200
"""Files taken in by one transaction: enough to make its cost small, few enough to lose little by a crash."""

MAX_GIT_WAIT = 2.0
"""Seconds for which a saved file that git is asked about counts as about to be taken in."""

MAX_HELD_FILES = 2000
"""Files that are held in memory at most until git has said where they came from; others are not read before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeldContent:
    """Bytes that were read, of which git is still to say where they came from."""

    read: Content
    read_at: float


class Engine:
    """Keeps one folder and one database in step; used by the writer thread alone."""

    def __init__(
        self,
        db: Database,
        folder: Files,
        git: GitKnowledge,
        ingester: Ingester,
        writer: AtomicWriter,
        missing_files: MissingFiles,
    ) -> None:
        self._db = db
        self._folder = folder
        self._git = git
        self._ingester = ingester
        self._writer = writer
        self._missing_files = missing_files
        self._stray = StrayFiles(db, folder)
        self._dirty = DirtySet()
        self._held_contents: dict[str, _HeldContent] = {}
        self._stats = StatCache(db)
        self._scanner = Scanner(db, folder, self._stats, writer, self._stray)
        self._reader = Reader(db, folder, self._dirty, self._stats, missing_files)
        self._displaced = DisplacedSaves(db, ingester, writer, self._dirty)
        self._pusher = Pusher(db, folder, writer, self._dirty, self._reader, self._displaced)
        self._scanned = False
        """Whether everything that the last scan has found is still to be taken in."""

    # ---- what is to be read

    def mark_dirty(self, path: str, now: float) -> None:
        """Look at this path with the next `pull`."""
        if kind_of(path) is None:
            self._stray.check(path, now)
        else:
            self._dirty.mark(path, now)

    def scan(self, now: float, elapsed: Callable[[], float]) -> ScanResult:
        """Mark everything dirty that is not as it was taken in."""
        self._missing_files.begin_scan()
        result = self._scanner.scan(now, elapsed)
        for path in result.dirty:
            self.mark_dirty(path, now)
        self._scanned = True
        return result

    def scan_folders(self, folders: Collection[str], now: float) -> None:
        """The same for these folders alone, which came, went or moved, each with a `/` at its end.

        A moment later they are scanned once more, by whichever call is next.
        """
        for path in self._scanner.scan_folders(folders, now):
            self.mark_dirty(path, now)
        for folder in folders:
            if kind_of(name := folder.removesuffix("/")) is not None:
                self._dirty.mark(name, now)

    def scan_no_later_than(self, when: float) -> None:
        """Scan no later than then."""
        self._scanner.schedule_scan(when)

    def is_scan_due(self, now: float) -> bool:
        return self._scanner.is_due(now)

    def forget_stat(self, path: str) -> None:
        """The next look at this path reads it, whatever its stat says."""
        self._stats.forget(path)

    def recheck_missing(self, now: float) -> None:
        """Something that decides about missing files has changed."""
        self._missing_files.resume(now)
        self._judge_missing(now + MISSING_GRACE)

    def deadline(self) -> float:
        """When `pull`, `push` or `scan` has something to do next without an event."""
        parts = (*(() if self._is_full() else (self._dirty,)), self._scanner, self._pusher, self._missing_files)
        times = [self._writer.next_check(), *(part.deadline() for part in parts)]
        return min(at for at in times if at is not None)

    # ---- from disk to database

    def pull(self, now: float, *, enough: Callable[[], bool] = lambda: False) -> None:
        """Take in every dirty file that has settled, and decide about missing ones.

        Once it is `enough`, the rest is left to the next pull, which is then due at once; what is missing is decided
        about when nothing is left, for it may be among that.
        """
        self._displaced.take_in_late(now)
        for path in self._missing_files.due(now):
            self.mark_dirty(path, now)
        due = sorted(self._dirty.due(now), key=_is_read_later)
        for start in range(0, len(due), BATCH_SIZE):
            if start and enough():
                return
            if not self._is_full():
                self._read_batch(due[start : start + BATCH_SIZE], now)
        self._judge_missing(now)
        self._end_scan(now)

    def _end_scan(self, now: float) -> None:
        if self._scanned and not self._dirty.has_due(now):
            # Only a scan that found nothing missing shows what HEAD the files belong to.
            self._missing_files.remember_head()
            self._scanned = False

    def ingest_now(self, path: str, now: float) -> None:
        """Ingest this file at once: the caller states that it is complete. Git is waited for: see `is_held`."""
        if kind_of(path) is None or self._dirty.is_held(path):
            return
        self._dirty.mark_at(path, now - 1.0, now)
        self._read_batch([path], now)

    def _judge_missing(self, now: float) -> None:
        """Where a task's file was deleted, a copy of it, or a file with its id, may be the same task, moved."""
        if not self._missing_files.decide(now):
            return
        for path in paths_with_problems(self._db, (DUPLICATE, COPY)):
            read = self._folder.read(path)
            if isinstance(read, Content) and not self._dirty.is_held(path):
                self.mark_dirty(path, now)
                self._ingest({path: read}, now)

    def _read_batch(self, paths: Sequence[str], now: float) -> None:
        """Read these files and take them in, in one transaction: what a crash undoes is found again by a scan."""
        with self._db.write():
            contents = {path: read for path in paths if (read := self._reader.read(path, now)) is not None}
            if contents:
                self._ingest_contents(contents, now, read_at=now)

    def _ingest_contents(self, contents: Mapping[str, Content], now: float, *, read_at: float) -> None:
        """Take in those that are not as they were taken in or written; `read_at` is when all of them were read."""
        known = documents_at(self._db, contents)
        changed = {path: read for path, read in contents.items() if self._is_changed(path, read, known.get(path))}
        waiting = self._ingest(changed, now) if changed else frozenset[str]()
        for path, read in contents.items():
            if path not in waiting:
                self._dirty.discard(path)
                self._record_stat(path, read, read_at)

    def _is_changed(self, path: str, read: Content, row: DocumentRow | None) -> bool:
        """Whether the file holds bytes that are neither those last seen there nor those that it should hold."""
        if row is not None and row.absent_since is not None:
            self._handle_returned_file(path)
        if row is None or read.sha not in (row.disk_sha, row.target_sha):
            return True
        if row.disk_sha != read.sha:
            self._record_own_write(row, read.sha)
        else:
            self._reader.mark_readable(path)
        return False

    def _handle_returned_file(self, path: str) -> None:
        """The file is there again; what it should hold may have changed while it was missing."""
        if self._missing_files.file_present(path):
            project_returned_file(self._db, path)

    def _record_own_write(self, row: DocumentRow, sha: str) -> None:
        """The file holds what it should, by our own write or by a save with the same bytes."""
        with self._db.write():
            self._db.set(DocumentRow, row.path, disk_sha=sha, rev=target_revision(row))
            remove_problem(self._db, row.path, WRITE)
        self._reader.mark_readable(row.path)

    def _ingest(self, changed: Mapping[str, Content], now: float) -> frozenset[str]:
        """Take the bytes in; returns the paths of those that are held, or may be half saved."""
        contents = [
            FileContent.of(path, kind, read.data, read.stat.mtime_ns / 1e9)
            for path, read in changed.items()
            if (kind := kind_of(path)) is not None
        ]
        result = self._ingester.ingest(contents, now)
        refused, unanswered = result.refused, result.unanswered
        for path in unanswered:
            self._hold(path, changed[path], now)
        for path in changed.keys() - refused.keys() - unanswered:
            self._reader.mark_readable(path)
        if CONFIG in changed and CONFIG not in refused and CONFIG not in unanswered:
            self._reread_notes(now)
        return unanswered.union(
            path for path, error in refused.items() if not self._reader.give_up(path, changed[path].stat, error, now)
        )

    def _reread_notes(self, now: float) -> None:
        """The settings decide whether a file without a header is a task."""
        for path in note_paths(self._db):
            self._stats.forget(path)
            self.mark_dirty(path, now)

    def _record_stat(self, path: str, read: Content, now: float) -> None:
        due = self._stats.record(path, read.stat, now)
        if due is not None:
            # A time in the future must not put off the next look for ever.
            self._dirty.mark_at(path, now, min(due, now + MIN_SCAN_INTERVAL))

    # ---- questions to git, and what follows from its answers

    def git_questions(self) -> GitQuestions:
        """Everything that git is to be asked now, outside of the writer's thread."""
        return self._git.questions()

    def take_git_answers(self, answers: GitAnswers, now: float) -> None:
        """Take in what waited for these answers."""
        with self._git.answered(answers):
            if self._displaced.is_waiting():
                self._displaced.recover(now)
            self._displaced.take_in_late(now)
            answered = [path for path, held in self._held_contents.items() if (path, held.read.sha) in answers.origins]
            for start in range(0, len(answered), BATCH_SIZE):
                self._take_held(answered[start : start + BATCH_SIZE], now)
            self._judge_missing(now)
        self._end_scan(now)
        if answers.position is not None and self._missing_files.needs_another_scan():
            self._scanner.schedule_scan(now)

    def is_held(self, path: str) -> bool:
        """Whether something that was saved there waits for git to say where it came from."""
        return self._dirty.is_held(path)

    def is_behind(self, path: str, now: float) -> bool:
        """Whether the file was saved and this is not taken in yet, as its stat tells: `pull` is then to read it.

        An event may be late, and what is begun meanwhile would not follow what a person has saved. False for a file
        that is missing, cannot be read, or waits long for git: what it said before stays in force.
        """
        if (held := self._held_contents.get(path)) is not None:
            return now - held.read_at < MAX_GIT_WAIT
        found = self._folder.stat(path)
        if found is None or self._reader.is_unreadable(path) or found == self._stats.last_stat(path):
            return False
        self._dirty.mark_if_clean(path, now)
        return True

    def is_settling(self, since: float) -> bool:
        """Whether a file that was noticed by then is to be read as soon as it stands still."""
        return self._dirty.is_settling(since)

    def waits_for_git(self) -> bool:
        """Whether any file is held until git has said where it came from."""
        return bool(self._held_contents) or self._displaced.is_waiting()

    def _is_full(self) -> bool:
        return len(self._held_contents) >= MAX_HELD_FILES

    def _hold(self, path: str, read: Content, now: float) -> None:
        self._held_contents[path] = _HeldContent(read=read, read_at=now)
        self._dirty.discard(path)
        self._dirty.hold(path)

    def _take_held(self, paths: Sequence[str], now: float) -> None:
        """Take in what was read of these files, in one transaction; what was saved since is read after that."""
        held = {path: self._held_contents.pop(path) for path in paths}
        saved_since = [path for path, content in held.items() if self._is_saved_since(path, content.read)]
        for path in paths:
            self._dirty.release(path)
            self._dirty.mark_if_clean(path, now)
        with self._db.write():
            for read_at in sorted({content.read_at for content in held.values()}):
                contents = {path: content.read for path, content in held.items() if content.read_at == read_at}
                self._ingest_contents(contents, now, read_at=read_at)
        for path in saved_since:
            self._dirty.mark(path, now)

    def _is_saved_since(self, path: str, read: Content) -> bool:
        return self._dirty.is_marked(path) or self._folder.stat(path) != read.stat

    # ---- from database to disk

    def push(self, now: float, *, blocked: Callable[[str], bool], enough: Callable[[], bool] = lambda: False) -> None:
        """Write every file that does not hold what it should, but for `blocked` paths, which git is at work on.

        Once it is `enough`, the rest is left to the next push, which is then due at once.
        """
        self._pusher.push(now, blocked=blocked, enough=enough)

    def recover(self, now: float) -> None:
        """Finish the writes that were cut short, and take in what they displaced."""
        self._displaced.recover(now)


def _is_read_later(path: str) -> bool:
    """Settings and agents say how everything else is read and run, so nothing is acted on before them."""
    return path != CONFIG and not path.startswith("agents/")
