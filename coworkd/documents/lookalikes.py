"""What is odd about a document that holds a person's decision: characters that hide, mislead, or look like others.

Pure. An approval in an odd document is held; nothing here ever turns other text into an approval.
"""

from __future__ import annotations

from collections.abc import Iterator

from coworkd.core.terminal_text import MISLEADING, escaped
from coworkd.documents.markdown import Document, normalise_key
from coworkd.documents.yaml_reader import Value


def lookalike_reason(document: Document) -> str:
    """Why the header is not taken as a plain decision, with the line; empty when it is one."""
    for entry in document.entries:
        if normalise_key(entry.key) == "cowork":
            continue
        if not entry.key.isascii():
            return f"line {entry.line}: the key {escaped(entry.key)} has letters that may only look like others"
        for text in (entry.key, *_strings_in(entry.value)):
            if what := lookalike_text_reason(text):
                return f"line {entry.line}: `{entry.key}` holds {what}"
    return ""


def lookalike_text_reason(text: str) -> str:
    """What it holds that a reader does not see as it is; empty: nothing."""
    found = next(((pattern.search(text), what) for pattern, what in MISLEADING if pattern.search(text)), None)
    if found is None or found[0] is None:
        return ""
    return f"{found[1]} ({escaped(found[0][0])})"


def lookalike_value_reason(value: Value) -> str:
    """The same of every text within a value."""
    return next((what for text in _strings_in(value) if (what := lookalike_text_reason(text))), "")


def _strings_in(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings_in(item)
