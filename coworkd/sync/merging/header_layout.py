"""How a file's text is laid out, apart from what it says: byte order mark, line endings, fences.

Pure. Three versions are brought to one layout before they are merged, and the result gets the layout that the sides
agree on: an editor that saves with Windows line endings has not changed every line.
"""

from __future__ import annotations

from typing import NamedTuple

from coworkd.core.errors import DocumentError

_BOM = b"\xef\xbb\xbf"
_FENCE = b"---\n"


class Layout(NamedTuple):
    """What differs from plain text with newlines."""

    bom: bool
    crlf: bool
    """Every line ends with CR LF; mixed endings are taken for content."""


def layout_of(data: bytes) -> Layout:
    return Layout(data.startswith(_BOM), 0 < data.count(b"\n") == data.count(b"\r\n"))


def common_layout(base: bytes, ours: bytes, theirs: bytes) -> Layout:
    """Ours, but where only the other side changed it."""
    mine, others = layout_of(ours), layout_of(theirs)
    old = layout_of(base) if base else mine
    bom, crlf = (other if own == before else own for own, before, other in zip(mine, old, others, strict=True))
    return Layout(bom, crlf)


def remove_layout(data: bytes, *, fenced: bool) -> bytes:
    """The text without its layout. A file that is all header (`fenced` False) gets fences, to read like the others.

    Raises DocumentError for a fence where none may be.
    """
    text = data.removeprefix(_BOM)
    if layout_of(data).crlf:
        text = text.replace(b"\r\n", b"\n")
    if fenced:
        return text
    if any(line.startswith(b"---") for line in text.split(b"\n")):
        raise DocumentError("a line `---` cannot stand in this file; remove it")
    return _FENCE + text + (b"" if not text or text.endswith(b"\n") else b"\n") + _FENCE


def apply_layout(text: bytes, layout: Layout, *, fenced: bool) -> bytes:
    """The inverse of `remove_layout`."""
    data = text if fenced else text.removeprefix(_FENCE).removesuffix(_FENCE)
    if layout.crlf:
        data = data.replace(b"\n", b"\r\n")
    return (_BOM if layout.bom else b"") + data
