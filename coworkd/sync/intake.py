"""Bytes that were read become rows: one transaction per file, the same whichever editor or tool saved it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import PurePosixPath

from coworkd.documents import Decoded, is_note, kind_of
from coworkd.errors import DocumentError
from coworkd.ids import task_id
from coworkd.markdown import Document, normalise_key, parse, parse_yaml
from coworkd.model import ACTIVE, AnswerSpec, Kind, PlanSpec, Problem, TaskSpec
from coworkd.store import Database, DocumentRow, TaskRow
from coworkd.sync import tasks_in, thread_in
from coworkd.sync.arrival import Arrival, keep_base, kept_bases, own_bytes, revision, version
from coworkd.sync.files import digest
from coworkd.sync.merged import merge
from coworkd.sync.ports import Files
from coworkd.sync.problems import put_problem
from coworkd.sync.project import task_file
from coworkd.sync.reconcile import NO_MAP, Base, choose_base, plan
from coworkd.sync.specs import CONFIG, Specs, decoded

TRUST_KINDS = frozenset({Kind.CONFIG, Kind.AGENT, Kind.TASK})
"""Kinds that can make something run."""


class Intake:
    """Takes readings in. `pulled` answers whether bytes came by git."""

    def __init__(self, db: Database, folder: Files, instance: str, pulled: Callable[[str, bytes], bool]) -> None:
        self._db = db
        self._folder = folder
        self._specs = Specs(db)
        self._instance = instance
        self._pulled = pulled

    def take(self, path: str, kind: Kind, data: bytes, now: float, saved: float) -> None:
        """Take in the bytes of one file, last saved at `saved`. Raises `DocumentError`; then nothing was changed."""
        document = parse_yaml(data) if path == CONFIG else parse(data)
        if kind is Kind.TASK and is_note(path, document, self._specs.settings().adopt_notes):
            if self._db.scalar("SELECT 1 FROM documents WHERE path = ? AND file_sha != ''", path):
                raise DocumentError("this task has lost its header; put its `---` lines back, or delete the file")
            self._note(path, data, now)
            return
        with self._db.write():
            self._db.execute("DELETE FROM notes WHERE path = ?", path)
            self._follow_rename(path, kind, data)
            arrival = self._arrive(path, kind, data, document, now, saved)
            self._remember(arrival)
            self._rows(arrival)

    # ---- reading what came

    def _arrive(self, path: str, kind: Kind, data: bytes, document: Document, now: float, saved: float) -> Arrival:
        made: Decoded = decoded(path, data)
        known = self._db.one(DocumentRow, "path = ?", path)
        rev = revision(made)
        # What is written where a file was deleted, and says nothing of that one, is seen for the first time.
        again = known if known and (known.want_sha or rev != NO_MAP) else None
        found = choose_base(rev, kept_bases(self._db, path)) if again else None
        base_document = _parsed(path, found.data) if found else None
        wanted = _parsed(path, again.want) if again else None
        planned = plan(
            version(document, made),
            version(base_document, decoded(path, found.data)) if found and base_document else None,
            version(wanted, decoded(path, again.want)) if again and wanted else None,
        )
        merged = merge(data, made, planned)
        at = now if known else min(saved, now)
        same_body = wanted is not None and wanted.body == document.body
        return Arrival(
            path=path, kind=kind, data=data, sha=digest(data), document=document, decoded=made,
            pulled=self._came_by_git(path, data, found), known=known,
            base=decoded(path, found.data) if found else None,
            unknown_rev=found is None and known is not None and rev != NO_MAP,
            anew=known is not None and again is None, touched=planned.touched, clashes=merged.clashes,
            want=merged.data, merged=merged.decoded, changed_at=at,
            body_changed_at=known.body_changed_at if known and same_body else at, now=now,
        )  # fmt: skip

    def _came_by_git(self, path: str, data: bytes, base: Base | None) -> bool:
        """Only at first sight: bytes that are remembered keep the provenance they had."""
        if self._db.scalar("SELECT 1 FROM own_bytes WHERE sha = ?", digest(data)):
            return False
        if base is not None and base.data == data:
            row = self._db.one(DocumentRow, "path = ?", path)
            return bool(row and row.pulled)
        return self._pulled(path, data)

    # ---- keeping it

    def _remember(self, arrival: Arrival) -> None:
        base = Base(rev=revision(arrival.decoded), person=True, data=arrival.data)
        keep_base(self._db, arrival.path, base, arrival.sha, arrival.now)
        if not arrival.pulled:
            own_bytes(self._db, arrival.sha)
        if arrival.kind in TRUST_KINDS and not arrival.pulled:
            ours = arrival.known is None or not arrival.known.pulled
            self.trust(arrival.path, arrival.want if ours else arrival.data, arrival.now)
        self._db.put(
            DocumentRow(
                path=arrival.path, kind=arrival.kind, doc=PurePosixPath(arrival.path).stem, want=arrival.want,
                want_sha=digest(arrival.want), file_sha=arrival.sha, rev=max(revision(arrival.decoded), _rev(arrival)),
                changed_at=arrival.changed_at, body_changed_at=arrival.body_changed_at, pulled=arrival.pulled,
                absent_since=None, generated=arrival.known.generated if arrival.known else False,
            )
        )  # fmt: skip
        self._problems(arrival)

    def trust(self, path: str, data: bytes, now: float) -> None:
        """From now on these bytes count for what executes or widens something."""
        own_bytes(self._db, digest(data))
        self._db.execute(
            "INSERT OR REPLACE INTO trusted (path, sha, bytes, at) VALUES (?, ?, ?, ?)", path, digest(data), data, now
        )
        if kind_of(path) is not Kind.TASK:
            # Whoever could not run for want of an agent is looked at again.
            self._db.execute("DELETE FROM problems WHERE source = 'agent'")

    def _problems(self, arrival: Arrival) -> None:
        self._db.execute("DELETE FROM problems WHERE path = ? AND source != 'graph'", arrival.path)
        problems: list[tuple[str, Problem]] = [(f"key{i}", p) for i, p in enumerate(arrival.decoded.problems)]
        if arrival.unknown_rev:
            text = (
                f"`cowork.rev: {revision(arrival.decoded)}` is not a version this coworkd wrote or saw;"
                " `status` and `approval` in it are not acted on. Save the file again as it is now"
            )
            problems.append(("rev", Problem(path=arrival.path, line=0, message=text)))
        other = self._keep_other(arrival) if arrival.clashes else ""
        for name in sorted(arrival.clashes):
            text = f"`{name}` was changed on both sides; the file's version stands, the other one is in {other}"
            problems.append((f"clash-{name}", Problem(path=arrival.path, line=0, message=text)))
        for source, problem in problems:
            put_problem(self._db, problem, source, arrival.now)

    def _keep_other(self, arrival: Arrival) -> str:
        """Keep the version that lost, before the transaction that replaces it ends; returns where."""
        assert arrival.known is not None, "nothing clashes at first sight"
        name = arrival.decoded.cowork.id or task_id(PurePosixPath(arrival.path).stem)
        path = f"conflicts/{name}-{arrival.known.want_sha[:8]}.md"
        try:
            self._folder.publish(path, arrival.known.want)
        except OSError as error:
            raise DocumentError(f"the other version cannot be kept in {path}: {error.strerror or error}") from error
        return path

    # ---- what it means

    def _rows(self, arrival: Arrival) -> None:
        quiet = self._specs.settings().quiet
        match arrival.kind:
            case Kind.TASK:
                self._task(arrival, quiet)
            case Kind.MESSAGE:
                thread_in.message(self._db, arrival, quiet)
            case Kind.APPROVAL | Kind.REVIEW:
                if not arrival.unknown_rev:
                    thread_in.answer(self._db, arrival, arrival.decoded.of(AnswerSpec))
            case Kind.PLAN:
                if not arrival.unknown_rev and (given := arrival.decoded.of(PlanSpec).answer):
                    thread_in.answer(self._db, arrival, given)
            case Kind.AGENT | Kind.CONFIG:
                pass
        self._db.event(arrival.now, "file", path=arrival.path, sha=arrival.sha[:12])

    def _task(self, arrival: Arrival, quiet: float) -> None:
        row = self._db.one(TaskRow, "path = ?", arrival.path)
        if row is None:
            task = tasks_in.identify(self._db, arrival, arrival.decoded.cowork)
            if isinstance(task, tasks_in.Taken):
                self._duplicate(arrival, task.by)
                return
            row = tasks_in.first_row(arrival, task, self._instance, quiet)
        elif arrival.anew and row.status not in ACTIVE:
            row = dataclasses.replace(
                tasks_in.first_row(arrival, row.id, self._instance, quiet), attempt=row.attempt, cost_usd=row.cost_usd
            )
        else:
            row = tasks_in.next_row(row, arrival, self._instance, quiet)
        self._db.put(row)
        self._db.execute("DELETE FROM needs WHERE task = ?", row.id)
        for needed in dict.fromkeys(arrival.merged.of(TaskSpec).depends_on):
            self._db.execute("INSERT INTO needs (task, needed) VALUES (?, ?)", row.id, needed)
        self._notice(arrival, row)
        self.project(row)

    def _notice(self, arrival: Arrival, row: TaskRow) -> None:
        if notice := arrival.decoded.of(TaskSpec).status_notice:
            problem = Problem(path=arrival.path, line=_line_of(arrival.document, "status"), message=notice)
            put_problem(self._db, problem, "notice", arrival.now, row.id)

    def _duplicate(self, arrival: Arrival, holder: str) -> None:
        text = (
            f"has the id of {holder}, so it is not run; remove `id` (or the whole `cowork:` map) from this copy,"
            " or give it another name"
        )
        put_problem(self._db, Problem(path=arrival.path, line=0, message=text), "duplicate", arrival.now)

    def project(self, row: TaskRow) -> None:
        """Bring what the task's file should say up to its row.

        A header laid out so that it cannot be edited stays as it is, with a problem; the row counts all the same.
        """
        document = self._db.one(DocumentRow, "path = ?", row.path)
        if document is None or row.elsewhere or row.pulled or row.gone:
            return
        try:
            made = task_file(document.want, decoded(row.path, document.want), row, max(document.rev, 0) + 1)
        except DocumentError as error:
            problem = Problem(path=row.path, line=error.line, message=f"status `{row.status}`: {error.message}")
            put_problem(self._db, problem, "layout", row.since, row.id)
            return
        if made.changed:
            self._db.set(DocumentRow, row.path, want=made.data, want_sha=digest(made.data))

    def catch_up(self, path: str) -> None:
        """The file is there again: what was held back from it while it was away is due now."""
        row = self._db.one(TaskRow, "path = ?", path)
        if row is not None:
            with self._db.write():
                self.project(row)

    def _note(self, path: str, data: bytes, now: float) -> None:
        """Listed, never run."""
        with self._db.write():
            self._db.execute("DELETE FROM problems WHERE path = ?", path)
            self._db.execute("INSERT OR IGNORE INTO notes (path) VALUES (?)", path)
            self._db.event(now, "note", path=path, sha=digest(data)[:12])

    # ---- moved files

    def _follow_rename(self, path: str, kind: Kind, data: bytes) -> None:
        """A file with a written id whose known path is empty now has moved: all that is known of it moves along."""
        if kind is not Kind.TASK or self._db.scalar("SELECT 1 FROM tasks WHERE path = ?", path):
            return
        task = decoded(path, data).cowork.id
        old = self._db.scalar("SELECT path FROM tasks WHERE id = ?", task) if task else None
        if old is None or self._folder.stat(old) is not None:
            return
        for table in ("documents", "bases", "tasks", "trusted", "problems"):
            self._db.execute(f"UPDATE OR REPLACE {table} SET path = ? WHERE path = ?", path, old)
        self._db.execute("DELETE FROM stats WHERE path = ?", old)


def _line_of(document: Document, key: str) -> int:
    return next((entry.line for entry in document.entries if normalise_key(entry.key) == key), 0)


def _parsed(path: str, data: bytes) -> Document:
    return parse_yaml(data) if path == CONFIG else parse(data)


def _rev(arrival: Arrival) -> int:
    return arrival.known.rev if arrival.known else NO_MAP
