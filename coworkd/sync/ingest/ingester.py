"""Bytes that were read become rows, the same whichever editor or tool saved them.

Each file is taken in whole or not at all. Many are taken in together, and the first sight of one asks nothing that was
not asked for all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from coworkd.core.errors import DocumentError
from coworkd.core.model import AnswerSpec, Kind, PlanSpec, Problem, TaskSpec
from coworkd.core.task_ids import task_id
from coworkd.core.task_states import ACTIVE
from coworkd.documents.decoding import Decoded, decode, is_note, kind_of, read_document, stem
from coworkd.documents.markdown import Document, normalise_key, parse, parse_yaml
from coworkd.store import Database, DocumentRow, TaskRow
from coworkd.store.documents import add_note, find_document, move_task_file, remove_note
from coworkd.store.own_bytes import add_own
from coworkd.store.problems import put_problem, remove_problems, remove_problems_of_file
from coworkd.store.tasks import add_dependencies, find_task_at, remove_dependencies
from coworkd.store.trusted_files import put_trusted
from coworkd.store.usage import usage_of_runs
from coworkd.sync.disk.folder import digest
from coworkd.sync.disk.ports import Files
from coworkd.sync.effective_specs import CONFIG, EffectiveSpecs, decoded
from coworkd.sync.file_content import ContentKey, FileContent
from coworkd.sync.git_knowledge import GitKnowledge
from coworkd.sync.git_questions import ContentOrigin
from coworkd.sync.ingest import message_rows, task_rows
from coworkd.sync.ingest.batch_context import BatchContext, ParsedFile, load_context, own_contents
from coworkd.sync.ingest.copies import CopyDetector
from coworkd.sync.ingest.incoming_document import (
    IncomingDocument,
    forget_bases,
    keep_base,
    kept_bases,
    revision,
    version,
)
from coworkd.sync.merging.apply_merge import MergedDocument, apply_merge
from coworkd.sync.merging.three_way import NO_MAP, BaseVersion, DocumentVersion, choose_base, plan_merge
from coworkd.sync.projection import project_task_file

TRUST_KINDS = frozenset({Kind.CONFIG, Kind.AGENT, Kind.TASK})
"""Kinds that can make something run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What was not taken in, and why."""

    refused: Mapping[str, DocumentError] = field(default_factory=dict[str, DocumentError])
    """By path, why some cannot be read."""
    unanswered: frozenset[str] = frozenset()
    """Paths of files of which git is still to say where they came from."""


class Ingester:
    """Takes readings in."""

    def __init__(self, db: Database, folder: Files, instance: str, git: GitKnowledge) -> None:
        self._db = db
        self._folder = folder
        self._specs = EffectiveSpecs(db)
        self._instance = instance
        self._git = git
        self._copies = CopyDetector(db, folder)

    def ingest(self, readings: Sequence[FileContent], now: float) -> IngestResult:
        """Take files in, together in one transaction; each path once.

        What was not typed here, as far as the database knows, waits until git has said where it came from.
        """
        own = own_contents(self._db, readings, self._is_there)
        origins = self._git.origins([reading for reading in readings if reading.key not in own])
        known = [reading for reading in readings if reading.key in own or reading.key in origins]
        # What the settings say decides how other files are read.
        first = [reading for reading in known if reading.kind is Kind.CONFIG]
        rest = [reading for reading in known if reading.kind is not Kind.CONFIG]
        refused: dict[str, DocumentError] = {}
        with self._db.write():
            for some in (first, rest):
                if some:
                    refused |= self._ingest_batch(some, own, origins, now)
        unanswered = {reading.path for reading in readings} - {reading.path for reading in known}
        return IngestResult(refused=refused, unanswered=frozenset(unanswered))

    def _ingest_batch(
        self,
        readings: Sequence[FileContent],
        own: AbstractSet[ContentKey],
        origins: Mapping[ContentKey, ContentOrigin],
        now: float,
    ) -> dict[str, DocumentError]:
        """Returns, by path, why some cannot be read."""
        refused: dict[str, DocumentError] = {}
        settings = self._specs.settings()
        batch: list[ParsedFile] = []
        for reading in readings:
            if reason := self._copies.name_reason(reading.path):
                self._hold_copy(reading, reason, now)
                continue
            try:
                batch.append(_understood(reading, settings.adopt_notes))
            except DocumentError as error:
                refused[reading.path] = error
        facts = load_context(self._db, batch, own, origins)
        for number, one in enumerate(batch):
            if self._follow_rename(one, facts):
                # What was typed earlier in this batch is own at the path that it was moved to as well.
                left = batch[number:]
                own_now = own_contents(self._db, [other.content for other in left], self._is_there)
                facts = load_context(self._db, left, facts.own | own_now, origins)
            try:
                self._ingest_file(one, facts, settings.quiet, now)
            except DocumentError as error:
                refused[one.content.path] = error
        return refused

    def _ingest_file(self, one: ParsedFile, facts: BatchContext, quiet: float, now: float) -> None:
        known = facts.known.get(one.content.path)
        if one.decoded is None:
            self._note(one.content, known, now)
        elif (known is None or not known.target_sha) and (reason := self._copies.content_reason(one)):
            self._hold_copy(one.content, reason, now)
        elif known is None:
            # Nothing that is done for a file seen for the first time can fail half-way.
            self._store(one, one.decoded, facts, quiet, now)
        else:
            with self._db.savepoint():
                self._store(one, one.decoded, facts, quiet, now)

    def _store(self, one: ParsedFile, made: Decoded, facts: BatchContext, quiet: float, now: float) -> None:
        arrival = self._incoming(one, made, facts, now)
        self._store_document(arrival, facts)
        self._rows(arrival, facts, quiet)

    # ---- reading incoming files

    def _incoming(self, one: ParsedFile, made: Decoded, facts: BatchContext, now: float) -> IncomingDocument:
        path, data, document = one.content.path, one.content.data, one.document
        known = facts.known.get(path)
        rev = revision(made)
        # What is written where a file was deleted, and says nothing of that one, is seen for the first time.
        again = known if known and (known.target_sha or rev != NO_MAP) else None
        found = choose_base(rev, kept_bases(self._db, path)) if again else None
        base = _version(path, found.data) if found else None
        wanted = _version(path, again.target_bytes) if again else None
        merged = (
            apply_merge(data, made, plan_merge(version(document, made), base, wanted))
            if again
            else _as_it_is(data, made)
        )
        at = now if known else min(one.content.saved, now)
        same_body = wanted is not None and wanted.body == document.body
        return IncomingDocument(
            path=path, kind=one.content.kind, data=data, sha=one.content.sha, document=document, decoded=made,
            from_git=_came_by_git(one.content, known, found, facts) or self._is_moved_from_git(one.content, known,
            facts), signer=facts.signer(one.content), known=known,
            base=decoded(path, found.data) if found else None,
            unknown_rev=found is None and known is not None and rev != NO_MAP,
            replaces_deleted=known is not None and again is None, clashes=merged.clashes,
            target_bytes=merged.data, merged=merged.decoded, changed_at=at,
            body_changed_at=known.body_changed_at if known and same_body else at, now=now,
        )  # fmt: skip

    def _is_moved_from_git(self, reading: FileContent, known: DocumentRow | None, facts: BatchContext) -> bool:
        """A file that came by git and was moved here without git stays foreign: it was not typed here."""
        if known is not None or facts.is_own(reading):
            return False
        paths = facts.same_from_git.get(reading.sha, ())
        return any(path != reading.path and self._folder.stat(path) is None for path in paths)

    def _is_there(self, path: str) -> bool:
        return self._folder.stat(path) is not None

    # ---- keeping it

    def _store_document(self, arrival: IncomingDocument, facts: BatchContext) -> None:
        base = BaseVersion(rev=revision(arrival.decoded), by_user=True, data=arrival.data)
        keep_base(self._db, arrival.path, base, arrival.sha, arrival.now)
        if arrival.known is not None:
            forget_bases(self._db, arrival.path)
        if not arrival.from_git:
            add_own(self._db, arrival.path, arrival.sha)
            facts.own.add((arrival.path, arrival.sha))
        if arrival.kind in TRUST_KINDS and not arrival.from_git:
            ours = arrival.known is None or not arrival.known.from_git
            self.trust(arrival.path, arrival.target_bytes if ours else arrival.data, arrival.now)
        want_sha = arrival.sha if arrival.target_bytes == arrival.data else digest(arrival.target_bytes)
        self._db.put(
            DocumentRow(
                path=arrival.path, kind=arrival.kind, doc=stem(arrival.path), target_bytes=arrival.target_bytes,
                target_sha=want_sha, disk_sha=arrival.sha, rev=max(revision(arrival.decoded), _rev(arrival)),
                changed_at=arrival.changed_at, body_changed_at=arrival.body_changed_at, from_git=arrival.from_git,
                absent_since=None, generated=arrival.known.generated if arrival.known else False,
            )
        )  # fmt: skip
        if arrival.path in facts.with_remarks:
            remove_note(self._db, arrival.path)
            remove_problems_of_file(self._db, arrival.path, keep="graph")
        self._problems(arrival)

    def trust(self, path: str, data: bytes, now: float) -> None:
        """From now on these bytes count for what executes or widens something."""
        sha = digest(data)
        add_own(self._db, path, sha)
        put_trusted(self._db, path, sha, data, now)
        if kind_of(path) is not Kind.TASK:
            # Tasks that could not run for want of an agent are checked again.
            remove_problems(self._db, "agent")

    def _problems(self, arrival: IncomingDocument) -> None:
        problems: list[tuple[str, Problem]] = [(f"key{i}", p) for i, p in enumerate(arrival.decoded.problems)]
        if not arrival.from_git:
            problems += [(f"word{i}", p) for i, p in enumerate(arrival.decoded.notices)]
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

    def _keep_other(self, arrival: IncomingDocument) -> str:
        """Keep the version that lost, before the transaction that replaces it ends; returns where."""
        assert arrival.known is not None, "nothing clashes at first sight"
        name = arrival.decoded.cowork.id or task_id(stem(arrival.path))
        path = f"conflicts/{name}-{arrival.known.target_sha[:8]}.md"
        try:
            self._folder.publish(path, arrival.known.target_bytes)
        except OSError as error:
            raise DocumentError(f"the other version cannot be kept in {path}: {error.strerror or error}") from error
        return path

    # ---- what it means

    def _rows(self, arrival: IncomingDocument, facts: BatchContext, quiet: float) -> None:
        match arrival.kind:
            case Kind.TASK:
                self._task(arrival, facts, quiet)
            case Kind.MESSAGE:
                message_rows.ingest_message(self._db, arrival, quiet)
            case Kind.APPROVAL | Kind.REVIEW:
                if not arrival.unknown_rev:
                    message_rows.ingest_answer(self._db, arrival, arrival.decoded.of(AnswerSpec), _signed(arrival))
            case Kind.PLAN:
                if not arrival.unknown_rev and (given := arrival.decoded.of(PlanSpec).answer):
                    message_rows.ingest_answer(self._db, arrival, given, _signed(arrival))
            case Kind.AGENT | Kind.CONFIG:
                pass
        self._db.event(arrival.now, "file", actor=_author(arrival), path=arrival.path, sha=arrival.sha[:12])

    def _task(self, arrival: IncomingDocument, facts: BatchContext, quiet: float) -> None:
        row = find_task_at(self._db, arrival.path) if arrival.known else None
        if row is None:
            task = task_rows.resolve_task_id(self._db, arrival.decoded, facts.holders)
            if isinstance(task, task_rows.IdTaken):
                self._duplicate(arrival, task.by)
                return
            facts.holders[task] = arrival.path
            made = self._charged(task_rows.first_row(arrival, task, self._instance, quiet))
        elif arrival.replaces_deleted and row.status not in ACTIVE:
            made = dataclasses.replace(
                task_rows.first_row(arrival, row.id, self._instance, quiet), attempt=row.attempt, cost_usd=row.cost_usd
            )
        else:
            made = task_rows.next_row(row, arrival, self._instance, quiet)
        self._db.put(made)
        if row is not None:
            remove_dependencies(self._db, row.id)
        add_dependencies(self._db, made.id, dict.fromkeys(arrival.merged.of(TaskSpec).depends_on))
        self._notice(arrival, made)
        self._project(made, arrival.target_bytes, arrival.merged, max(revision(arrival.decoded), _rev(arrival)))

    def _charged(self, row: TaskRow) -> TaskRow:
        """What a task that was lost with its database has cost: its runs' records gave that back before."""
        if not row.exact_id:
            return row
        spent = usage_of_runs(self._db, row.id)
        if spent is None:
            return row
        return dataclasses.replace(
            row, cost_usd=spent.usd, input_tokens=spent.input_tokens, output_tokens=spent.output_tokens
        )

    def _notice(self, arrival: IncomingDocument, row: TaskRow) -> None:
        if notice := arrival.decoded.of(TaskSpec).status_notice:
            problem = Problem(path=arrival.path, line=_line_of(arrival.document, "status"), message=notice)
            put_problem(self._db, problem, "notice", arrival.now, row.id)

    def _duplicate(self, arrival: IncomingDocument, holder: str) -> None:
        written = "remove `id` (or the whole `cowork:` map) from this copy, or " if arrival.decoded.cowork.id else ""
        text = f"has the id of {holder}, so it is not run; {written}give it another name"
        put_problem(self._db, Problem(path=arrival.path, line=0, message=text), "duplicate", arrival.now)

    def project(self, row: TaskRow) -> None:
        """Bring what the task's file should say up to its row."""
        if _silent(row):
            return
        document = find_document(self._db, row.path)
        if document is None:
            return
        try:
            made = decoded(row.path, document.target_bytes)
        except DocumentError as error:
            self._unwritable(row, error)
        else:
            self._project(row, document.target_bytes, made, document.rev)

    def _project(self, row: TaskRow, want: bytes, made: Decoded, rev: int) -> None:
        if _silent(row):
            return
        try:
            file = project_task_file(want, made, row, max(rev, 0) + 1)
        except DocumentError as error:
            self._unwritable(row, error)
            return
        if file.changed:
            self._db.set(DocumentRow, row.path, target_bytes=file.data, target_sha=digest(file.data))

    def _unwritable(self, row: TaskRow, error: DocumentError) -> None:
        """A header laid out so that it cannot be edited stays as it is, with a problem; the row counts all the same."""
        problem = Problem(path=row.path, line=error.line, message=f"status `{row.status}`: {error.message}")
        put_problem(self._db, problem, "layout", row.since, row.id)

    def catch_up(self, path: str) -> None:
        """The file is there again: what was held back from it while it was away is due now."""
        row = find_task_at(self._db, path)
        if row is not None:
            with self._db.write():
                self.project(row)

    def _note(self, reading: FileContent, known: DocumentRow | None, now: float) -> None:
        """Listed, never run."""
        if known is not None and known.disk_sha:
            raise DocumentError("this task has lost its header; put its `---` lines back, or delete the file")
        remove_problems_of_file(self._db, reading.path)
        add_note(self._db, reading.path)
        self._db.event(now, "note", path=reading.path, sha=reading.sha[:12])

    def _hold_copy(self, reading: FileContent, reason: str, now: float) -> None:
        """Shown with what to do, and nothing else: a copy of another file says nothing by itself."""
        remove_problems_of_file(self._db, reading.path)
        put_problem(self._db, Problem(path=reading.path, line=0, message=reason), "copy", now)

    # ---- moved files

    def _follow_rename(self, one: ParsedFile, facts: BatchContext) -> bool:
        """A file with a written id whose known path is empty now has moved: all that is known of it moves along."""
        path = one.content.path
        if one.decoded is None or one.decoded.kind is not Kind.TASK:
            return False
        old = facts.holders.get(one.decoded.cowork.id, path)
        if old == path or find_task_at(self._db, path) is not None:
            return False
        if self._folder.stat(old) is not None:
            return False
        move_task_file(self._db, old, path)
        return True


def _understood(reading: FileContent, adopt_notes: bool) -> ParsedFile:
    document = read_document(reading.path, reading.data)
    if reading.kind is Kind.TASK and is_note(reading.path, document, adopt_notes):
        return ParsedFile(content=reading, document=document, decoded=None)
    return ParsedFile(content=reading, document=document, decoded=decode(reading.path, document))


def _came_by_git(
    reading: FileContent, known: DocumentRow | None, base: BaseVersion | None, facts: BatchContext
) -> bool:
    """Git is asked only at first sight: bytes that are remembered keep the provenance they had."""
    if facts.is_own(reading):
        return False
    if base is not None and base.data == reading.data:
        # Whatever is saved here becomes own bytes. A remembered save that is not came by git, and still does when it
        # comes back after an edit. What the daemon was about to write is as foreign as the document it wrote into.
        return base.by_user or bool(known and known.from_git)
    return facts.is_from_git(reading)


def _signed(arrival: IncomingDocument) -> str:
    return arrival.signer if arrival.from_git else ""


def _as_it_is(data: bytes, made: Decoded) -> MergedDocument:
    """At first sight there is nothing to merge with."""
    return MergedDocument(data=data, decoded=made, clashes=frozenset())


def _silent(row: TaskRow) -> bool:
    """Whether nothing is to be written into the task's file."""
    return row.owned_elsewhere or row.from_git or row.file_missing


def _version(path: str, data: bytes) -> DocumentVersion:
    return version(_parsed(path, data), decoded(path, data))


def _line_of(document: Document, key: str) -> int:
    return next((entry.line for entry in document.entries if normalise_key(entry.key) == key), 0)


def _parsed(path: str, data: bytes) -> Document:
    return parse_yaml(data) if path == CONFIG else parse(data)


def _rev(arrival: IncomingDocument) -> int:
    return arrival.known.rev if arrival.known else NO_MAP


def _author(arrival: IncomingDocument) -> str:
    """Who these bytes came from, for the journal: what coworkd wrote itself is no arrival."""
    return "git" if arrival.from_git else "person"
