"""Restores what can be derived, each thing from what it is derived from. Used by the writer thread alone."""

from __future__ import annotations

from coworkd.board.approvals.answer_channel import command_channel
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.runs import EndedState
from coworkd.documents.decoding import kind_of
from coworkd.store import (
    DocumentRow,
    RequestKind,
    RunReason,
    SubmissionKey,
    SubmissionRow,
    SubmissionState,
    TaskRow,
)
from coworkd.store.consistency import (
    forget_document,
    forget_trashed,
    lacks_task,
    live_runs_without_task,
    mark_file_present,
    relabel_version,
    stored_versions,
    tasks_without_document,
    trashed_files,
    undeleted_documents,
    version_bytes,
    write_file_again,
)
from coworkd.store.documents import find_document
from coworkd.store.requests import open_requests
from coworkd.store.runs import move_run, run_event
from coworkd.store.submissions import (
    add_submission,
    find_submission,
    get_submission,
    running_without_run,
    unlanded_work,
    update_submission,
)
from coworkd.store.tasks import find_task_at
from coworkd.sync.consistency import disagreements
from coworkd.sync.disk.folder import Content, digest
from coworkd.sync.disk.ports import Files
from coworkd.sync.engine import Engine
from coworkd.system.git import Repo
from coworkd.system.git.refs import SUBMISSIONS, RefChange, refs_under, submission_ref, update_refs


class Repairer:
    """Repairs one workspace: looks for each inconsistency again, and changes nothing that agrees."""

    def __init__(self, board: Board, engine: Engine, folder: Files, repo: Repo) -> None:
        self._board = board
        self._db = board.db
        self._engine = engine
        self._folder = folder
        self._repo = repo

    def repair(self, now: float, *, on_terminal: bool) -> None:
        """Everything at once; files are taken in and written by the turn that this is part of."""
        with self._db.write(durable=True):
            self._kept_versions()
            self._files(now)
            self._tasks(now)
            self._requests(now)
            self._trash()
            self._refs(now)
            self._db.event(now, EventKind.REPAIRED, actor="person", via=command_channel(on_terminal=on_terminal))

    # ---- documents

    def _kept_versions(self) -> None:
        """A version whose bytes are not the ones of its hash is one of other bytes: kept, and compared with nothing."""
        for version in stored_versions(self._db):
            if (sha := digest(version.data)) != version.sha:
                relabel_version(self._db, version, sha)
        for row in undeleted_documents(self._db):
            if digest(row.target_bytes) != row.target_sha:
                self._want_again(row)

    def _want_again(self, row: DocumentRow) -> None:
        kept = version_bytes(self._db, row.path, row.target_sha)
        read = self._folder.read(row.path)
        data = kept if kept is not None else read.data if isinstance(read, Content) else None
        if data is None:
            forget_document(self._db, row.path)
        else:
            self._db.set(DocumentRow, row.path, target_bytes=data, target_sha=digest(data))

    def _files(self, now: float) -> None:
        for path, _ in self._folder.walk():
            kind, read = kind_of(path), self._folder.read(path)
            if kind is None or not isinstance(read, Content):
                continue
            if list(disagreements(self._db, path, kind, read.data, at_rest=False)) or lacks_task(self._db, path):
                self._take_again(path, read, now)

    def _take_again(self, path: str, read: Content, now: float) -> None:
        """The file is looked at as if it had just been saved; where it says what it should, its row is right."""
        row, task = find_document(self._db, path), find_task_at(self._db, path)
        mark_file_present(self._db, path)
        if row is not None and task is not None and row.disk_sha == read.sha:
            self._board.project(task.id)
            return
        if task is None and lacks_task(self._db, path):
            forget_document(self._db, path)
        self._engine.forget_stat(path)
        self._engine.mark_dirty(path, now)

    def _tasks(self, now: float) -> None:
        """Tasks whose file was never seen, and tasks at work without a run."""
        for row in tasks_without_document(self._db):
            if self._folder.stat(row.path) is None:
                self._db.set(TaskRow, row.id, file_missing=True)
            else:
                self._engine.forget_stat(row.path)
                self._engine.mark_dirty(row.path, now)
        for run in live_runs_without_task(self._db):
            event = run_event(run, now, EventKind.RUN_ENDED, reason=RunReason.CANCELLED, why="its task is unknown")
            move_run(self._db, run.id, EndedState(at=now, reason=RunReason.CANCELLED), event)
        for row in running_without_run(self._db):
            why = "nothing was at work on it when the workspace was checked; write `ready` to go on"
            self._board.set_status(row, Status.PAUSED, why, now)

    # ---- what waits, and what was kept

    def _requests(self, now: float) -> None:
        for request in open_requests(self._db):
            if not request.path or self._folder.stat(request.path) is not None:
                continue
            if write_file_again(self._db, request.path):
                continue
            self._board.requests.void(request, now)
            if request.kind is RequestKind.MERGE:
                update_submission(
                    self._db, get_submission(self._db, SubmissionKey(request.task, request.number)), request=""
                )

    def _trash(self) -> None:
        for file in trashed_files(self._db):
            if self._folder.read_trashed(file.name) is None:
                forget_trashed(self._db, file.name)

    def _refs(self, now: float) -> None:
        """A missing ref is made again while its commit is there; a ref without a row gets the row of kept work."""
        refs = refs_under(self._repo, SUBMISSIONS)
        for row in unlanded_work(self._db):
            name = submission_ref(row.task, row.number)
            if name not in refs and self._repo.commit(row.commit_id):
                update_refs(self._repo, [RefChange(name=name, old=None, new=row.commit_id)])
        for name, commit in refs.items():
            task, _, number = name.removeprefix(f"{SUBMISSIONS}/").rpartition("/")
            if number.isdecimal():
                self._known_again(task.strip("+"), int(number), commit, now)

    def _known_again(self, task: str, number: int, commit: str, now: float) -> None:
        if find_submission(self._db, SubmissionKey(task, number)) is not None:
            return
        row = SubmissionRow(
            task=task, number=number, attempt=0, base=self._repo.commit(f"{commit}^") or "", commit_id=commit,
            tree=self._repo.tree_of(commit), state=SubmissionState.RETIRED, created=now, message="found in its ref",
            needs_approval=True,
        )  # fmt: skip
        add_submission(self._db, row)
