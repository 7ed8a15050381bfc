"""Where the objects of a repository lie: its own store, and those that it borrows from.

`info/alternates` names one store a line; git reads a line that begins with a quote as a C string.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_CONTROLS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_SPECIAL = re.compile(rb'[\x00-\x1f"\\]')


def object_stores(objects: Path) -> tuple[str, ...]:
    """The store and, in turn, every store named in its `info/alternates`; real paths, each once."""
    found: dict[str, None] = {}
    rest = [os.path.realpath(objects)]
    while rest:
        store = rest.pop()
        if store not in found:
            found[store] = None
            rest += [os.path.realpath(os.path.join(store, line)) for line in _borrowed(Path(store))]
    return tuple(found)


def alternates(objects: Path) -> bytes:
    """The content of an `info/alternates` that borrows from one store, whatever its name holds."""
    name = os.fsencode(objects)
    quoted = b'"' + _SPECIAL.sub(lambda found: b"\\%03o" % found[0][0], name) + b'"'
    return (quoted if _SPECIAL.search(name) else name) + b"\n"


def stores_named(content: bytes) -> list[str]:
    """The stores that the content of an `info/alternates` names."""
    lines = [line for line in content.split(b"\n") if line and not line.startswith(b"#")]
    return [os.fsdecode(_unquoted(line)) for line in lines]


def _unquoted(line: bytes) -> bytes:
    if not (len(line) > 1 and line.startswith(b'"') and line.endswith(b'"')):
        return line
    return _ESCAPE.sub(_meant, line[1:-1])


def _meant(found: re.Match[bytes]) -> bytes:
    escaped = found[1]
    return bytes([int(escaped, 8) & 0xFF]) if len(escaped) == 3 else _CONTROLS.get(escaped, escaped)


def _borrowed(store: Path) -> list[str]:
    try:
        return stores_named((store / "info" / "alternates").read_bytes())
    except OSError:
        return []
