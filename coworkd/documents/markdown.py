"""Workspace documents from and to bytes: a YAML header between two `---` lines, then Markdown.

Pure, and the only frontmatter reader. Scalars are text here and get their types from the schema of the document (`no`,
`0123`, `12:30`, `1.10` mean what they say). It must never guess a type, never print a document through a dumper and
never accept a header that two readers could understand in two ways: duplicate keys, anchors, tags and conflict markers
are refused, with the line and what to write instead. Edits of existing bytes are in `editing`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from frontmatter.default_handlers import YAMLHandler

from coworkd.core.errors import DocumentError
from coworkd.documents.yaml_reader import HeaderEntry, Value, entries
from coworkd.documents.yaml_writer import comment, pair_lines

__all__ = ["Document", "HeaderEntry", "Source", "Value", "compose", "normalise_key", "parse", "parse_yaml", "split"]

MAX_FILE = 1024 * 1024
"""Bytes of a document: beyond it a file under `.cowork/` is a mistake, and would make a person's save slow to read."""

MAX_HEADER = 64 * 1024
"""Bytes of a header: hundreds of keys fit, a header that is costly to parse does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as read: nothing of its meaning, all of its text that carries meaning."""

    entries: tuple[HeaderEntry, ...]
    body: str
    """With its line endings as they are in the file."""
    body_line: int
    """1-based line of the file on which the body starts."""
    has_header: bool
    newline: str
    """The file's first line ending; `\\n` when it has none."""
    bom: bool

    def get(self, key: str) -> Value:
        """The value of the first key that comes to the same as `key`; None also when there is none."""
        wanted = normalise_key(key)
        return next((entry.value for entry in self.entries if normalise_key(entry.key) == wanted), None)


class Source(NamedTuple):
    """The text of a file and where its parts are: `text[start:end]` is the header, `text[body:]` the body."""

    text: str
    """Without the byte order mark."""
    bom: bool
    fenced: bool
    start: int
    end: int
    body: int

    @property
    def header(self) -> str:
        """Whole lines, without the fences."""
        return self.text[self.start : self.end]

    @property
    def newline(self) -> str:
        end = self.text.find("\n")
        return "\r\n" if end > 0 and self.text[end - 1] == "\r" else "\n"


class _Fences(YAMLHandler):
    """frontmatter's splitting with a stricter fence: exactly three dashes, and no blank lines swallowed after them."""

    FM_BOUNDARY = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)


_FENCES = _Fences()
_SAME_KEY = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "-_ ")
_HEADER_MARKER = re.compile(r"^(?:<{7}|={7}|>{7})", re.MULTILINE)
_OPENING_MARKER = re.compile(r"^<{7} ", re.MULTILINE)
_CLOSING_MARKER = re.compile(r"^>{7} ", re.MULTILINE)
_MARKER_LINE = re.compile(r"^(?=<{7} |>{7} )", re.MULTILINE)


@lru_cache(maxsize=4096)
def normalise_key(key: str) -> str:
    """What keys are compared by: lower case (of ASCII alone: a look-alike is another key), without `-`, `_`, space."""
    return key.translate(_SAME_KEY)


def parse(data: bytes) -> Document:
    """Read a document; without `---` on its first line it is all body.

    Raises DocumentError with the line, and what to write instead.
    """
    source = split(data)
    body = source.text[source.body :]
    if (at := _conflict_in(body)) is not None:
        raise _conflict_error(source.text, source.body + at)
    return Document(
        entries=_entries(source.text, source.start, source.end),
        body=body,
        body_line=source.text.count("\n", 0, source.body) + 1,
        has_header=source.fenced,
        newline=source.newline,
        bom=source.bom,
    )


def parse_yaml(data: bytes) -> Document:
    """Read a file that is one YAML mapping, or empty; it counts as all header. Raises DocumentError like `parse`."""
    text, bom = _decode(data)
    source = Source(text, bom, True, 0, len(text), len(text))
    return Document(
        entries=_entries(text, 0, len(text)),
        body="",
        body_line=text.count("\n") + 1,
        has_header=True,
        newline=source.newline,
        bom=bom,
    )


def compose(fields: Mapping[str, Value], body: str, note: str = "") -> bytes:
    """A new document: `note` as a comment in the first line of the header, `fields` in their order, `body`.

    `parse` gives back equal fields and body. Only what no document may hold is changed in the body: a conflict's
    markers move one space to the right, NUL and lone surrogates become U+FFFD. Its size is the caller's to bound.
    """
    lines = ["---", *([comment(note)] if note else [])]
    for key, value in fields.items():
        lines.extend(pair_lines(key, value))
    return ("\n".join([*lines, "---", ""]) + _sanitize_body(body)).encode()


def split(data: bytes) -> Source:
    """Find header and body without reading the header. Raises DocumentError for bytes that are no document at all."""
    text, bom = _decode(data)
    if not _FENCES.detect(text):
        return Source(text, bom, False, 0, 0, 0)
    try:
        header, body = _FENCES.split(text)
    except ValueError as unclosed:
        raise DocumentError("the header never ends; put a line `---` below its last key", line=1) from unclosed
    start = text.index("\n") + 1
    return Source(text, bom, True, start, start + len(header), len(text) - len(body))


def _decode(data: bytes) -> tuple[str, bool]:
    """The text without its byte order mark, and whether there was one."""
    if len(data) > MAX_FILE:
        raise DocumentError("the file is larger than 1 MiB; keep the bulk of it elsewhere and link to it")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise DocumentError(what, line=line) from error
    if "\0" in text:
        raise DocumentError("a NUL character; remove it", line=_line(text, text.index("\0")))
    return (text[1:], True) if text.startswith("\ufeff") else (text, False)


def _sanitize_body(body: str) -> str:
    clean = body.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", "\ufffd")
    return clean if _conflict_in(clean) is None else _MARKER_LINE.sub(" ", clean)


def _conflict_in(body: str) -> int | None:
    """Where a conflict opens in Markdown, where `=======` alone underlines a heading."""
    opening = _OPENING_MARKER.search(body) if "<<<<<<< " in body else None
    return opening.start() if opening and _CLOSING_MARKER.search(body, opening.end()) else None


def _conflict_error(text: str, at: int) -> DocumentError:
    return DocumentError("an unresolved merge conflict; keep one side and delete the markers", line=_line(text, at))


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _entries(text: str, start: int, end: int) -> tuple[HeaderEntry, ...]:
    header = text[start:end]
    if len(header.encode()) > MAX_HEADER:
        raise DocumentError("the header is larger than 64 KiB; move long text into the body", line=_line(text, start))
    if ("<<<<<<<" in header or "=======" in header or ">>>>>>>" in header) and (found := _HEADER_MARKER.search(header)):
        raise _conflict_error(text, start + found.start())
    return entries(header, _line(text, start))
