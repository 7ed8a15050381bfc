"""What a person is asked to trust, and recording that they do.

Keys that execute or widen something are shown with their places; what is trusted are the very bytes that were shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from coworkd.core.errors import DocumentError
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Kind, TaskSpec
from coworkd.documents.decoding import Decoded
from coworkd.documents.markdown import Document, normalise_key, parse, parse_yaml
from coworkd.documents.schema.fields import TrustLevel
from coworkd.documents.schema.tables import SCHEMAS
from coworkd.documents.yaml_writer import inline
from coworkd.store import Database, DocumentRow
from coworkd.store.trusted_files import documents_awaiting_trust, documents_that_may_run
from coworkd.sync.disk.folder import digest
from coworkd.sync.effective_specs import CONFIG, decode_bytes
from coworkd.sync.ingest.document_rows import trust_content

CHANGED_SINCE_SHOWN = "what is to be trusted has changed since it was shown: run `coworkd trust` again"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyToTrust:
    """One thing that executes or widens something, as it is written."""

    path: str
    """Relative to `.cowork/`."""
    line: int
    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRequest:
    """Everything that a person's trust would let happen."""

    keys: tuple[KeyToTrust, ...]
    token: str
    """A digest of the very bytes that are to be trusted."""


def trust_request(db: Database) -> TrustRequest:
    """What waits for trust; all files that may run something while the repository itself is not trusted."""
    rows = documents_that_may_run(db) if db.state.untrusted_reason else documents_awaiting_trust(db)
    keys = tuple(key for row in rows for key in _keys_to_trust(row.path, row.target_bytes))
    return TrustRequest(keys=keys, token=digest("".join(f"{row.path}\n{row.target_sha}\n" for row in rows).encode()))


def _keys_to_trust(path: str, data: bytes) -> Iterator[KeyToTrust]:
    try:
        document = parse_yaml(data) if path == CONFIG else parse(data)
        decoded = decode_bytes(path, data)
    except DocumentError:
        return
    yield from _untrusted_keys(path, document, decoded)
    if decoded.kind is Kind.TASK:
        above = data.count(b"\n") - document.body.count("\n")
        for item in decoded.of(TaskSpec).criteria:
            if item.command:
                yield KeyToTrust(path=path, line=above + item.line + 1, key="verify", value=item.command)


def _untrusted_keys(path: str, document: Document, decoded: Decoded) -> Iterator[KeyToTrust]:
    fields = SCHEMAS[decoded.kind].by_key
    for entry in document.entries:
        known = fields.get(normalise_key(entry.key))
        if known is not None and known.trust is not TrustLevel.HARMLESS and entry.value is not None:
            yield KeyToTrust(path=path, line=entry.line, key=entry.key, value=inline(entry.value, flow=False))


class FileTrust:
    """Records what the user trusts; used by the writer thread alone."""

    def __init__(self, db: Database, beginning: Callable[[], str], grant: Callable[[str], None]) -> None:
        """`beginning` waits for git to say where the history begins; `grant` stores that it is trusted."""
        self.beginning = beginning
        self._db = db
        self._grant = grant

    def untrusted_reason(self) -> str:
        """Why nothing may happen in this repository; empty when it is trusted."""
        return self._db.state.untrusted_reason

    def trust(self, token: str, beginning: str, now: float, via: str) -> str:
        """Trust the files as they are, wherever they came from. Returns why not, if they are not what was shown."""
        if token and token != trust_request(self._db).token:
            return CHANGED_SINCE_SHOWN
        try:
            self._grant(beginning)
        except OSError as error:
            return f"trust is kept outside of the repository, and that cannot be written: {error}"
        with self._db.write(durable=True):
            for row in documents_awaiting_trust(self._db):
                trust_content(self._db, row.path, row.target_bytes, now)
            self._db.state.set_untrusted("", now)
            self._db.event(now, EventKind.SETTINGS_TRUSTED, actor="person", via=via)
        return ""

    def mark_as_typed_here(self, document: DocumentRow, now: float) -> None:
        """From now on this text counts as typed here."""
        trust_content(self._db, document.path, document.target_bytes, now)
        self._db.set(DocumentRow, document.path, from_git=False)
