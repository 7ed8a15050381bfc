"""Commits that git takes to have other parents than they say: those of a shallow clone have none, grafts any."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def other_parents(common_dir: Path, *, grafts: bool) -> Mapping[str, tuple[str, ...]]:
    """Commit -> the parents that count instead; `grafts`: also by the file of that name, which is an old way."""
    files = ("shallow", "info/grafts") if grafts else ("shallow",)
    lines = (line.split() for name in files for line in _lines(common_dir / name))
    return {commit: tuple(parents) for commit, *parents in lines}


def _lines(file: Path) -> list[str]:
    with suppress(OSError):
        return [line for line in file.read_text("ascii", "replace").splitlines() if line and not line.startswith("#")]
    return []
