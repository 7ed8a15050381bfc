"""Where the objects of a repository lie: its own store, and those that it borrows from."""

from __future__ import annotations

import os
from pathlib import Path


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


def _borrowed(store: Path) -> list[str]:
    try:
        lines = (store / "info" / "alternates").read_bytes().splitlines()
    except OSError:
        return []
    return [os.fsdecode(line) for line in lines if line and not line.startswith(b"#")]
