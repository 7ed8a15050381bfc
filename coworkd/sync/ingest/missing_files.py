"""Files that are missing: given time to come back, then judged to be deleted or left behind by a branch switch."""

from __future__ import annotations

from dataclasses import replace

from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Kind, Problem, Status
from coworkd.core.task_states import ACTIVE
from coworkd.store import Database, DocumentRow, TaskRow
from coworkd.store.documents import absent_documents, any_absent, count_absent, find_document, is_absent
from coworkd.store.file_stats import forget_file_stat
from coworkd.store.messages import remove_new_messages
from coworkd.store.problems import put_problem, remove_problems_of_file
from coworkd.store.tasks import delete_task, find_task_at, mark_file_missing
from coworkd.store.trusted_files import remove_trusted
from coworkd.sync.disk.ports import Files
from coworkd.sync.effective_specs import EffectiveSpecs
from coworkd.sync.git_knowledge import GitKnowledge
from coworkd.sync.git_questions import AbsenceKey, HeadPosition
from coworkd.sync.guards import DELETIONS, MISSING_GRACE, Absence, GitFacts, MissingExtent, judge_absence
from coworkd.sync.ingest.message_rows import ANSWER

RECHECK = 5.0
"""Seconds after which a parked or held absence is judged again."""


class MissingFiles:
    """Judges the missing files of one workspace by what git knows about them; used by the writer thread alone."""

    def __init__(self, db: Database, folder: Files, git: GitKnowledge) -> None:
        self._db = db
        self._folder = folder
        self._git = git
        self._check_times: dict[str, float] = {}
        self._position: HeadPosition | None = None
        """Where HEAD and the stash stood before the present scan; None where that is not known."""

    def file_missing(self, path: str, now: float) -> None:
        """A known file is not there."""
        row = find_document(self._db, path)
        if row is None or not row.disk_sha or path in self._check_times:
            return
        self._check_times[path] = now + MISSING_GRACE
        if row.absent_since is None:
            with self._db.write():
                self._db.set(DocumentRow, path, absent_since=now)

    def file_present(self, path: str) -> bool:
        """The file is there, with whatever content; True when it had been missing."""
        if self._check_times.pop(path, None) is not None:
            self._git.forget_missing(path)
        if not is_absent(self._db, path):
            return False
        with self._db.write():
            self._db.set(DocumentRow, path, absent_since=None)
            mark_file_missing(self._db, path, missing=False)
            self._clear_held_problem()
        return True

    def _clear_held_problem(self) -> None:
        """Once nothing is missing any more, nothing waits for a confirmation."""
        if not any_absent(self._db):
            remove_problems_of_file(self._db, DELETIONS)

    def deadline(self) -> float | None:
        """When the next missing file is judged; those of which git is still to answer are judged with its answer."""
        return min((at for path, at in self._check_times.items() if not self._git.is_missing_open(path)), default=None)

    def resume(self, now: float) -> None:
        """After a restart: judge again what was absent before."""
        for row in absent_documents(self._db):
            self._check_times[row.path] = now + MISSING_GRACE

    def due(self, now: float) -> list[str]:
        """The missing files whose time is up: to be looked at once more, then judged."""
        return [path for path, at in self._check_times.items() if at <= now]

    def decide(self, now: float) -> bool:
        """Judge every file whose time is up; whether any was deleted."""
        rows = [row for path in self.due(now) if (row := self._missing_document(path, now)) is not None]
        if not rows:
            return False
        facts = self._git.missing([_absence_key(row) for row in rows], self._remembered_position())
        missing = self._missing_extent()
        known = [(row, facts[_absence_key(row)]) for row in rows if _absence_key(row) in facts]
        deleted = [self._judge(row, git, missing, now) for row, git in known]
        if not self._check_times:
            self._end_confirmation()
        return any(deleted)

    def _end_confirmation(self) -> None:
        """Every missing file has been judged: the confirmation of deletions has been used up."""
        with self._db.write():
            self._db.state.deletions_confirmed = False
            remove_problems_of_file(self._db, DELETIONS)

    def _missing_extent(self) -> MissingExtent:
        absent, total = count_absent(self._db)
        return MissingExtent(
            absent=absent, total=total, folder_gone=not self._folder.exists(),
            confirmed=self._db.state.deletions_confirmed,
        )  # fmt: skip

    def _missing_document(self, path: str, now: float) -> DocumentRow | None:
        """The document of a missing file whose time is up; None where it is back, or is no document any more."""
        row = find_document(self._db, path)
        if row is None or row.absent_since is None:
            del self._check_times[path]
            return None
        if self._folder.stat(path) is not None:
            # It came back without an event: it is checked until it has been ingested.
            self._check_times[path] = now + MISSING_GRACE
            return None
        return row

    def _judge(self, row: DocumentRow, git: GitFacts, missing: MissingExtent, now: float) -> bool:
        assert row.absent_since is not None, "it is missing"
        match judge_absence(git, replace(missing, seconds=now - row.absent_since)):
            case Absence.DELETED:
                del self._check_times[row.path]
                self._delete(row, now)
                return True
            case Absence.PARKED:
                self._check_times[row.path] = now + RECHECK
                self._park(row)
            case Absence.HELD:
                self._check_times[row.path] = now + RECHECK
                self._hold(row, missing, now)
        return False

    # ---- where HEAD stood, which later absences are judged against

    def begin_scan(self) -> None:
        """A scan is about to begin: what it finds belongs to where HEAD stood before."""
        self._position = self._git.head_position()

    def needs_another_scan(self) -> bool:
        """Whether git has reported since the scan began that HEAD or the stash has moved."""
        return self._git.latest_position != self._position

    def remember_head(self) -> None:
        """Note where HEAD and the stash stood when nothing was missing; later absences are judged against it."""
        if self._check_times:
            return
        state, position = self._db.state, self._position or self._remembered_position()
        if (self._remembered_position(), state.deletions_confirmed) != (position, False):
            with self._db.write():
                state.head, state.stash, state.deletions_confirmed = position.head, position.stash, False

    def _remembered_position(self) -> HeadPosition:
        return HeadPosition(head=self._db.state.head, stash=self._db.state.stash)

    def _park(self, row: DocumentRow) -> None:
        if row.kind is Kind.TASK:
            with self._db.write():
                mark_file_missing(self._db, row.path, missing=True)

    def _hold(self, row: DocumentRow, missing: MissingExtent, now: float) -> None:
        self._park(row)
        text = (
            f"{missing.absent} of {missing.total} files are missing at once, so nothing is cancelled;"
            " `coworkd recover --missing` brings them back; run `coworkd confirm` if they were deleted on purpose"
        )
        with self._db.write():
            put_problem(self._db, Problem(path=DELETIONS, line=0, message=text), "absent", now)

    def _delete(self, row: DocumentRow, now: float) -> None:
        """The person deleted it. What it said stays in the base versions."""
        with self._db.write():
            self._db.set(DocumentRow, row.path, disk_sha="", absent_since=None)
            forget_file_stat(self._db, row.path)
            remove_problems_of_file(self._db, row.path)
            self._clear_held_problem()
            if row.kind is not Kind.TASK and row.generated:
                return
            self._db.set(DocumentRow, row.path, target_sha="")
            if row.kind in (Kind.AGENT, Kind.CONFIG):
                remove_trusted(self._db, row.path)
            if row.kind is Kind.MESSAGE:
                remove_new_messages(self._db, row.path, row.path + ANSWER)
            if row.kind is Kind.TASK:
                self._cancel_task(row.path, now)
            self._db.event(now, EventKind.FILE_DELETED, actor="person", path=row.path)

    def _cancel_task(self, path: str, now: float) -> None:
        task = find_task_at(self._db, path)
        if task is None:
            return
        if task.status is Status.DRAFT or task.owned_elsewhere or task.from_git:
            delete_task(self._db, task.id)
        elif task.status is Status.DONE:
            self._db.set(TaskRow, task.id, file_missing=True)
        else:
            pause = EffectiveSpecs(self._db).settings().quiet if task.status in ACTIVE else 0.0
            self._db.set(
                TaskRow, task.id, file_missing=True, requested_status=Status.CANCELLED, request_due_at=now + pause
            )


def _absence_key(row: DocumentRow) -> AbsenceKey:
    return (row.path, row.absent_since or 0.0)
