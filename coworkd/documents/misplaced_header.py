"""A header that was meant and is not read: it does not start at the first byte of the file, or has no fence.

Pure. Such a file would be taken for a note and ignored in silence. So what looks like a document is named instead, with
the line and what to write; what does not is left alone, for a false alarm costs a person's time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from coworkd.core.errors import DocumentError
from coworkd.core.model import Kind
from coworkd.core.text_formats import shorten
from coworkd.documents.markdown import normalise_key
from coworkd.documents.schema.tables import SCHEMAS

LINES = 20
"""Lines from the top in which a header is looked for."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u00ad\u180e"
_BLANK = f" \t\u00a0\u3000{_INVISIBLE}"
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2500\ufe58\ufe63\uff0d"
_FENCE = re.compile(
    rf"(?:[{_DASHES}]{{2,}}|[\u2013\u2014\u2015]|\+{{3,}}|={{3,}}|\*{{3,}}|_{{3,}}|~{{3,}}|#{{3,}}|;{{3,}})"
    r"[ \t]*(?:ya?ml|toml|json|#.*)?",
    re.IGNORECASE,
)
_CODE = re.compile(r"(`{3,}|~{3,})")
_KEY = re.compile(r"[\"']?(?P<key>[A-Za-z][\w -]*?)[\"']?[ \t]*[:=](?=[ \t]|$)")
_UNFENCED = {
    Kind.TASK: re.compile(r"[\"']?(?P<key>status|title)[\"']?[ \t]*[:=]", re.IGNORECASE),
    Kind.PLAN: re.compile(r"(?P<key>approval)[ \t]*:", re.IGNORECASE),
    Kind.APPROVAL: re.compile(r"(?P<key>approval)[ \t]*:", re.IGNORECASE),
    Kind.REVIEW: re.compile(r"(?P<key>approval)[ \t]*:", re.IGNORECASE),
    Kind.AGENT: re.compile(r"(?P<key>driver)[ \t]*:", re.IGNORECASE),
    Kind.MESSAGE: re.compile(r"(?P<key>draft|resend)[ \t]*:[ \t]*(?:true|yes|on)[ \t]*$", re.IGNORECASE),
}
"""What a person who writes prose does not begin a line with, by kind of document."""
_JSON = re.compile(r"\{\s*(?:\"\w+\"\s*:|$)")


def misplaced_header(kind: Kind, text: str, first_line: int = 1) -> DocumentError | None:
    """Why a text that was read without a header looks like one with it; None when it looks like prose.

    `first_line` is the line of the file on which the text begins.
    """
    lines = _LINE_END.split(text, LINES)[:LINES]
    for number, line in _outside_code(lines):
        bare = line.strip(_BLANK)
        if _FENCE.fullmatch(bare) or (_CODE.match(bare) and not _has_text_above(lines, number)):
            if _is_header(kind, lines, number):
                return DocumentError(_fence_reason(text, lines, number), line=first_line + number)
        elif key := _unfenced_reason(kind, lines, number):
            return DocumentError(_key_reason(kind, key), line=first_line + number)
    return None


def _outside_code(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without examples in code blocks; a block at the very top is no example."""
    open_marks = ""
    for number, line in enumerate(lines):
        marks = found[0] if (found := _CODE.match(line.strip(_BLANK))) else ""
        if open_marks:
            open_marks = "" if marks.startswith(open_marks) else open_marks
            continue
        if marks and _has_text_above(lines, number):
            open_marks = marks
            continue
        yield number, line


def _has_text_above(lines: Sequence[str], number: int) -> bool:
    """Whether anything to be seen stands above this line."""
    return any(line.strip(_BLANK) for line in lines[:number])


def _is_header(kind: Kind, lines: Sequence[str], fence: int) -> bool:
    """Whether keys of this kind of document stand below the fence, as they do in a header."""
    below = [line.strip(_BLANK) for line in lines[fence + 1 :]]
    if not _has_text_above(lines, fence) and below and not below[0]:
        below = below[1:]
    end = next((at for at, line in enumerate(below) if not line or _FENCE.fullmatch(line)), len(below))
    closed = end < len(below) and bool(_FENCE.fullmatch(below[end]))
    keys = [normalise_key(found["key"]) for line in below[:end] if (found := _KEY.match(line))]
    return (closed or not _has_text_above(lines, fence)) and not SCHEMAS[kind].known.isdisjoint(keys)


def _unfenced_reason(kind: Kind, lines: Sequence[str], number: int) -> str:
    pattern, line = _UNFENCED.get(kind), lines[number].lstrip(_INVISIBLE)
    if pattern is None:
        return ""
    in_json = any(_JSON.match(above.strip(_BLANK)) for above in lines[:number])
    found = pattern.match(line.lstrip("{ \t") if in_json or line.startswith("{") else line)
    return found["key"] if found else ""


def _fence_reason(text: str, lines: Sequence[str], fence: int) -> str:
    bare = lines[fence].strip(_BLANK)
    yaml = "write the keys as YAML (`status: ready`) between two lines `---`"
    if "\r" in text and "\n" not in text:
        why = "its lines end with CR alone; save it with LF or CR LF as line endings"
    elif _CODE.match(bare):
        why = "its header stands in a code block; remove the line above it and the one that closes the block"
    elif bare != "---":
        why = f"`{shorten(bare, 20)}` does not open a header; {yaml}"
    elif _has_text_above(lines, fence):
        why = f"its header starts on line {fence + 1}; move the text above it below the header"
    elif any(character in _INVISIBLE for above in lines[: fence + 1] for character in above):
        why = "an invisible character stands before its first `---`; delete the line and write `---` again"
    elif fence:
        why = "blank lines stand above its header; remove them"
    else:
        why = "its first `---` is indented; remove the blanks before it"
    return f"its header is not read: a header has to start with `---` at the very beginning of the file, but {why}"


def _key_reason(kind: Kind, key: str) -> str:
    what = "a task" if kind is Kind.TASK else f"this {kind}"
    note = "; if this is only a note, indent that line" if kind is Kind.TASK else ""
    return (
        f"`{key}:` has no effect here, outside of a header; write {what} as a line `---` at the very beginning of the"
        f" file, its keys below it, and another line `---` after them{note}"
    )
