"""A workspace without a daemon: real files and a real database, driven turn by turn at times that the test says."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.core.model import Kind
from coworkd.store import Database, DocumentRow, TaskRow
from coworkd.sync.disk.atomic_writer import AtomicWriter
from coworkd.sync.disk.folder import Folder
from coworkd.sync.engine import Engine
from coworkd.sync.git_knowledge import GitKnowledge
from coworkd.sync.git_questions import ask_git
from coworkd.sync.ingest.ingester import Ingester
from coworkd.sync.ingest.missing_files import MissingFiles
from coworkd.sync.ingest.task_files import project_task
from tests.integration.statewatch import StateWatch

TASK = "tasks/a.md"


@dataclass
class Past:
    """What git would say; nothing at all unless a test says so."""

    commit: str = ""
    under_way: str = ""
    kept_away: set[str] = field(default_factory=set[str])
    listed: set[str] = field(default_factory=set[str])
    foreign: set[bytes] = field(default_factory=set[bytes])

    def head(self) -> str:
        return self.commit

    def reflog_position(self) -> str:
        return self.commit

    def stash(self) -> str:
        return ""

    def operation(self) -> str:
        return self.under_way

    def index_lists(self, path: str) -> bool:
        return path in self.listed

    def is_withheld(self, path: str) -> bool:
        return path in self.kept_away

    def last_commit_with(self, path: str, since: str) -> str:
        return since if path else ""

    def descends(self, new: str, old: str) -> bool:
        return new.startswith(old)

    def paths_from_git(self, files: Mapping[str, bytes]) -> frozenset[str]:
        return frozenset(path for path, data in files.items() if data in self.foreign)

    def signer(self, _path: str, _data: bytes, /) -> str:
        return ""


class Workspace:
    """One workspace. `now` stands an hour ahead of the machine, so that no file seems to have been changed just now."""

    def __init__(self, root: Path, folder: Folder | None = None) -> None:
        self.root = root / ".cowork"
        self.root.mkdir(parents=True, exist_ok=True)
        self.trash = root / "trash"
        self.database = root / "state.db"
        self.folder = folder or Folder(self.root, self.trash)
        self.past = Past()
        self.now = time.time() + 3600
        self.open()

    def open(self) -> None:
        """Begin, or begin anew after a crash: everything that was in memory is gone."""
        self.db = Database(self.database)
        self.watch = StateWatch(self.db)
        self.git = GitKnowledge(lambda asked: ask_git(self.past, asked))
        self.intake = Ingester(self.db, self.folder, "anna-0001", self.git)
        self.writer = AtomicWriter(self.db, self.folder)
        self.absences = MissingFiles(self.db, self.folder, self.git)
        self.engine = Engine(self.db, self.folder, self.git, self.intake, self.writer, self.absences)
        self.engine.scan(self.now, lambda: 0.0)

    def close(self) -> None:
        """Every change of state that was made here has an event."""
        silent = self.watch.silent_changes()
        self.db.close()
        assert silent == [], silent

    def restart(self) -> None:
        self.close()
        self.open()
        self.engine.recover(self.now)

    def save(self, text: str | bytes, path: str = TASK) -> None:
        """A person saves: a new file beside the old one, renamed over it."""
        self.write_unnoticed(path, text)
        self.engine.mark_dirty(path, self.now)

    def write_unnoticed(self, path: str, text: str | bytes) -> None:
        """A person saves, and the event is late."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(file.name + ".tmp")
        temporary.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.utime(temporary, (self.now - 1, self.now - 1))
        temporary.rename(file)

    def delete(self, path: str = TASK) -> None:
        (self.root / path).unlink()
        self.engine.mark_dirty(path, self.now)

    def turn(self, seconds: float = 1.0) -> None:
        self.now += seconds
        if self.engine.is_scan_due(self.now):
            self.engine.scan(self.now, lambda: 0.0)
        self.engine.pull(self.now)
        self.engine.push(self.now, blocked=lambda _: False)

    def turns(self, count: int = 3, seconds: float = 1.0) -> None:
        for _ in range(count):
            self.turn(seconds)

    def move(self, task: str = "a", **columns: str | int | bool) -> None:
        """The daemon changes a task's row and wants its file to follow."""
        self.db.set(TaskRow, task, **columns)
        project_task(self.db, self.task(task))

    def want(self, text: str, path: str, kind: Kind = Kind.MESSAGE) -> None:
        """The daemon wants a document of its own to be there."""
        GeneratedDocuments(self.db).put(path, text.encode(), self.now)
        assert self.document(path).kind is kind

    def text(self, path: str = TASK) -> str:
        return (self.root / path).read_text()

    def task(self, task: str = "a") -> TaskRow:
        row = self.db.one(TaskRow, "id = ?", task)
        assert row is not None
        return row

    def document(self, path: str = TASK) -> DocumentRow:
        row = self.db.one(DocumentRow, "path = ?", path)
        assert row is not None
        return row

    def problems(self, path: str = TASK) -> dict[str, str]:
        """Message by source."""
        rows = self.db.query("SELECT source, message FROM problems WHERE path = ?", path)
        return {row["source"]: row["message"] for row in rows}

    def files(self) -> dict[str, bytes]:
        """Every file of the workspace by path, leftovers of writes included."""
        found = [file for file in self.root.rglob("*") if file.is_file() and not file.is_symlink()]
        return {file.relative_to(self.root).as_posix(): file.read_bytes() for file in found}

    def everywhere(self) -> bytes:
        """All bytes that can still be reached: files, kept bases, the trash."""
        bases = [row["bytes"] for row in self.db.query("SELECT bytes FROM bases")]
        trash = [file.read_bytes() for file in self.trash.glob("*")] if self.trash.exists() else []
        return b"\n".join([*self.files().values(), *bases, *trash])
