"""Bytes that were read become rows, the same whichever editor or tool saved them.

Each file is taken in whole or not at all. Many are taken in together, and the first sight of one asks nothing that was
not asked for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from coworkd.core.errors import DocumentError
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import AnswerSpec, Kind, PlanSpec, Problem
from coworkd.documents.decoding import Decoded, decode, is_note, read_document
from coworkd.store import Database, DocumentRow
from coworkd.store.documents import add_note, move_task_file
from coworkd.store.problems import put_problem, remove_problems_of_file
from coworkd.store.tasks import find_task_at
from coworkd.sync.disk.ports import Files
from coworkd.sync.effective_specs import EffectiveSpecs
from coworkd.sync.file_content import ContentKey, FileContent
from coworkd.sync.git_knowledge import GitKnowledge
from coworkd.sync.git_questions import ContentOrigin
from coworkd.sync.ingest.batch_context import BatchContext, ParsedFile, load_context, own_contents
from coworkd.sync.ingest.copies import CopyDetector
from coworkd.sync.ingest.document_merge import merge_incoming
from coworkd.sync.ingest.document_rows import store_document
from coworkd.sync.ingest.incoming_document import IncomingDocument
from coworkd.sync.ingest.message_rows import ingest_answer, ingest_message
from coworkd.sync.ingest.task_files import ingest_task


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What was not taken in, and why."""

    refused: Mapping[str, DocumentError] = field(default_factory=dict[str, DocumentError])
    """By path, why some cannot be read."""
    unanswered: frozenset[str] = frozenset()
    """Paths of files of which git is still to say where they came from."""


class Ingester:
    """Takes the contents of files into the database; used by the writer thread alone."""

    def __init__(self, db: Database, folder: Files, instance: str, git: GitKnowledge) -> None:
        self._db = db
        self._folder = folder
        self._specs = EffectiveSpecs(db)
        self._instance = instance
        self._git = git
        self._copies = CopyDetector(db, folder)

    def ingest(self, contents: Sequence[FileContent], now: float) -> IngestResult:
        """Take files in, together in one transaction; each path once.

        What was not typed here, as far as the database knows, waits until git has said where it came from.
        """
        own = own_contents(self._db, contents, self._is_there)
        origins = self._git.origins([content for content in contents if content.key not in own])
        known = [content for content in contents if content.key in own or content.key in origins]
        # What the settings say decides how other files are read.
        settings = [content for content in known if content.kind is Kind.CONFIG]
        others = [content for content in known if content.kind is not Kind.CONFIG]
        refused: dict[str, DocumentError] = {}
        with self._db.write():
            for batch in (settings, others):
                if batch:
                    refused |= self._ingest_batch(batch, own, origins, now)
        unanswered = {content.path for content in contents} - {content.path for content in known}
        return IngestResult(refused=refused, unanswered=frozenset(unanswered))

    def _ingest_batch(
        self,
        contents: Sequence[FileContent],
        own: AbstractSet[ContentKey],
        origins: Mapping[ContentKey, ContentOrigin],
        now: float,
    ) -> dict[str, DocumentError]:
        """Returns, by path, why some cannot be read."""
        refused: dict[str, DocumentError] = {}
        settings = self._specs.settings()
        batch: list[ParsedFile] = []
        for content in contents:
            if reason := self._copies.name_reason(content.path):
                self._hold_copy(content, reason, now)
                continue
            try:
                batch.append(_parse_file(content, settings.adopt_notes))
            except DocumentError as error:
                refused[content.path] = error
        context = load_context(self._db, batch, own, origins)
        for number, parsed in enumerate(batch):
            if self._follow_rename(parsed, context):
                # What was typed earlier in this batch is own at the path that it was moved to as well.
                remaining = batch[number:]
                own_now = own_contents(self._db, [other.content for other in remaining], self._is_there)
                context = load_context(self._db, remaining, context.own | own_now, origins)
            try:
                self._ingest_file(parsed, context, settings.quiet, now)
            except DocumentError as error:
                refused[parsed.content.path] = error
        return refused

    def _ingest_file(self, parsed: ParsedFile, context: BatchContext, quiet: float, now: float) -> None:
        known = context.known.get(parsed.content.path)
        if parsed.decoded is None:
            self._list_note(parsed.content, known, now)
        elif (known is None or not known.target_sha) and (reason := self._copies.content_reason(parsed)):
            self._hold_copy(parsed.content, reason, now)
        elif known is None:
            # Nothing that is done for a file seen for the first time can fail half-way.
            self._ingest_document(parsed, parsed.decoded, context, quiet, now)
        else:
            with self._db.savepoint():
                self._ingest_document(parsed, parsed.decoded, context, quiet, now)

    def _ingest_document(
        self, parsed: ParsedFile, decoded: Decoded, context: BatchContext, quiet: float, now: float
    ) -> None:
        incoming = merge_incoming(self._db, parsed, decoded, context, self._is_there, now)
        store_document(self._db, self._folder, incoming, context)
        self._ingest_kind(incoming, context, quiet)
        actor = "git" if incoming.from_git else "person"
        self._db.event(incoming.now, EventKind.FILE_SAVED, actor=actor, path=incoming.path, sha=incoming.sha[:12])

    def _is_there(self, path: str) -> bool:
        return self._folder.stat(path) is not None

    def _ingest_kind(self, incoming: IncomingDocument, context: BatchContext, quiet: float) -> None:
        """Take in what a document of this kind says: for a task, a message, an answer."""
        match incoming.kind:
            case Kind.TASK:
                ingest_task(self._db, incoming, context, self._instance, quiet)
            case Kind.MESSAGE:
                ingest_message(self._db, incoming, quiet)
            case Kind.APPROVAL | Kind.REVIEW:
                self._ingest_answer(incoming, incoming.decoded.of(AnswerSpec))
            case Kind.PLAN:
                self._ingest_answer(incoming, incoming.decoded.of(PlanSpec).answer)
            case Kind.AGENT | Kind.CONFIG:
                pass

    def _ingest_answer(self, incoming: IncomingDocument, answer: AnswerSpec | None) -> None:
        if answer and not incoming.unknown_rev:
            ingest_answer(self._db, incoming, answer, incoming.signer if incoming.from_git else "")

    # ---- files that are no documents of their own

    def _list_note(self, content: FileContent, known: DocumentRow | None, now: float) -> None:
        """A note is listed, and never run."""
        if known is not None and known.disk_sha:
            raise DocumentError("this task has lost its header; put its `---` lines back, or delete the file")
        remove_problems_of_file(self._db, content.path)
        add_note(self._db, content.path)
        self._db.event(now, EventKind.NOTE_SAVED, path=content.path, sha=content.sha[:12])

    def _hold_copy(self, content: FileContent, reason: str, now: float) -> None:
        """A copy of another file has no effect; it is shown with what to do about it."""
        remove_problems_of_file(self._db, content.path)
        put_problem(self._db, Problem(path=content.path, line=0, message=reason), "copy", now)

    # ---- moved files

    def _follow_rename(self, parsed: ParsedFile, context: BatchContext) -> bool:
        """A file with a written id whose known path is empty now has moved: all that is known of it moves along."""
        path = parsed.content.path
        if parsed.decoded is None or parsed.decoded.kind is not Kind.TASK:
            return False
        old = context.task_paths.get(parsed.decoded.cowork.id, path)
        if old == path or find_task_at(self._db, path) is not None or self._is_there(old):
            return False
        move_task_file(self._db, old, path)
        return True


def _parse_file(content: FileContent, adopt_notes: bool) -> ParsedFile:
    document = read_document(content.path, content.data)
    if content.kind is Kind.TASK and is_note(content.path, document, adopt_notes):
        return ParsedFile(content=content, document=document, decoded=None)
    return ParsedFile(content=content, document=document, decoded=decode(content.path, document))
