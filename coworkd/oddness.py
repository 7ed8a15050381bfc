"""What is odd about a document that holds somebody's decision: characters that hide, mislead, or look like others.

Pure. A yes in an odd document is held; nothing here ever makes one out of something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from coworkd.header import Value
from coworkd.markdown import Document, normalise_key

_HIDING = re.compile("[\u200b\u2060-\u2064\ufeff\u00ad\u034f\u180e\U000e0000-\U000e007f]")
"""Characters without a width, but for the joiners that some scripts are written with."""
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the direction in which the rest is shown."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_FOUND = (
    (_HIDING, "an invisible character"),
    (_TURNING, "a character that turns the direction of the text"),
    (_CONTROL, "a control character"),
)


def odd(document: Document) -> str:
    """Why the header is not taken as a plain decision, with the line; empty when it is one."""
    for entry in document.entries:
        if normalise_key(entry.key) == "cowork":
            continue
        if not entry.key.isascii():
            return f"line {entry.line}: the key {_escaped(entry.key)} has letters that may only look like others"
        for text in (entry.key, *_texts(entry.value)):
            if what := odd_text(text):
                return f"line {entry.line}: `{entry.key}` holds {what}"
    return ""


def odd_text(text: str) -> str:
    """What it holds that a reader does not see as it is; empty: nothing."""
    found = next(((pattern.search(text), what) for pattern, what in _FOUND if pattern.search(text)), None)
    if found is None or found[0] is None:
        return ""
    return f"{found[1]} ({_escaped(found[0][0])})"


def visible(text: str) -> str:
    """The text with every such character shown by its number: what an agent wrote cannot mislead who reads it."""
    for pattern, _ in _FOUND:
        text = pattern.sub(lambda found: _escaped(found[0]), text)
    return text


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)


def _escaped(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else f"<U+{ord(c):04X}>" for c in text)
