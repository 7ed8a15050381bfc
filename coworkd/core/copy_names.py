"""Which file names say that a file is a copy of another one, and who leaves such copies.

Pure. A name that only a tool gives is enough to hold a file (`is_certain`). A name that a person may give as well
("phase 2") is only a hint: the file is a copy when its id or its text says so too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class CopyKind(StrEnum):
    """Who leaves copies under such names."""

    SYNC = "sync"
    """A tool that synchronises folders, when both sides changed a file."""
    MERGE = "merge"
    """A merge tool, for the versions that it merges."""
    BACKUP = "backup"
    """An editor or a tool, for the version that it replaced."""
    LOCK = "lock"
    """An office program, while it has the file open."""
    DUPLICATE = "duplicate"
    """A file manager, a browser or a cloud drive, beside a name that was taken; or a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyName:
    """What the name of a copy says."""

    kind: CopyKind
    original: str
    """Name of the file that it is a copy of."""

    @property
    def is_certain(self) -> bool:
        """Whether the name alone is enough."""
        return self.kind is not CopyKind.DUPLICATE


_NUMBERED = r"(?: \d+| ?\(\d+\))?"
"""A copy of a copy."""

_CERTAIN_TAILS: tuple[tuple[CopyKind, str], ...] = (
    # Syncthing
    (CopyKind.SYNC, r"\.sync-conflict-\d{8}-\d{6}(?:-\w{7})?"),
    # Dropbox, Nextcloud, ownCloud, Obsidian Sync: `a (Anna's conflicted copy 2024-01-01).md`
    (CopyKind.SYNC, r"[ _]?\([^()]*\bconflict(?:ed|ing)? copy\b[^()]*(?:\(\d+\))?\)"),
    # The same in other languages, known by the date: `a (In Konflikt stehende Kopie von Anna 2024-01-01).md`
    (CopyKind.SYNC, r" ?\((?=[^()]*\d{4}-\d\d-\d\d)[^()]*(?:conflict|konflik|conflit|冲突|競合|コンフリクト)[^()]*\)"),
    (CopyKind.SYNC, r" ?\((?:case|whitespace|unicode encoding|selective sync) conflict(?: \d+)?\)"),
    # ownCloud and older Nextcloud: `a_conflict-20240101-120000.md`
    (CopyKind.SYNC, r"[._-]conflict-(?:[^/]+-)?\d{8}(?:-\d{4,6})?"),
    # Seafile, pCloud, Proton Drive, Synology Drive
    (CopyKind.SYNC, r" ?\(SFConflict[^()]*\)"),
    (CopyKind.SYNC, r" ?[\[(]conflicted[\])]"),
    (CopyKind.SYNC, r" ?\(# name clash [^()]*#\)"),
    (CopyKind.SYNC, r"_[^_]+_[a-z]{3}-\d{1,2}-\d{4,6}-\d{4}_(?:case)?conflict"),
    (CopyKind.BACKUP, r"\.(?:orig|bak|rej)(?:\.\d+)?"),
    (CopyKind.BACKUP, r"\.~\d+~"),
    (CopyKind.BACKUP, r"~"),
)
_CERTAIN_PATTERNS = [
    (kind, re.compile(rf"(?P<of>.+?)(?:{tail}){_NUMBERED}", re.IGNORECASE | re.DOTALL)) for kind, tail in _CERTAIN_TAILS
]
_MERGE_TOOL = re.compile(r"(?P<of>.+?)[._](?:BACKUP|BASE|LOCAL|REMOTE)[._]\d+", re.DOTALL)
"""`git mergetool`, which writes them in capitals."""
_LOCK_PATTERN = re.compile(r"~\$(?P<of>.+)", re.DOTALL)

_COPY = r"(?:copy|kopie|copie|copia|cópia|kopia)"
_POSSIBLE_PATTERNS = [
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"(?P<of>.+?)(?: -)?[ _-]{_COPY}(?:[ _-]?\(?\d+\)?)?",
        rf"(?P<of>.+?) ?\((?:another |\d+(?:st|nd|rd|th) )?{_COPY}(?: \d+)?\)",
        r"(?:copy|kopie|copie|copia|cópia|kopia)(?: \(\d+\))? (?:of|von|de|di|av) (?P<of>.+)",
        r"(?P<of>.+?) ?\(\d{1,3}\)",
        r"(?P<of>.+?) \d{1,3}",
    )
]
_HOST_NAME_PATTERN = re.compile(r"(?P<of>.+?)-[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*", re.DOTALL)
"""OneDrive adds the name of the computer."""

_ORDINARY = re.compile(r"(?!.*(?:copy|kopi|cop[ií]a|copie|conflict))[a-z0-9]+(?:[_-][a-z0-9]+)*")
"""What nearly every name is, and no copy."""


def copy_name(name: str) -> CopyName | None:
    """What a file's name says of it as a copy; None when it says nothing of the kind."""
    if name.endswith((".md.orig", ".md.bak", ".md.rej")):
        return CopyName(kind=CopyKind.BACKUP, original=name.rpartition(".")[0])
    stem, dot, ending = name.rpartition(".")
    if not stem or _ORDINARY.fullmatch(stem):
        return None
    found = _certain_copy(stem) or _possible_copy(stem)
    return (
        CopyName(kind=found[0], original=f"{_without_ending(found[1], dot + ending)}{dot}{ending}") if found else None
    )


def _certain_copy(stem: str) -> tuple[CopyKind, str] | None:
    if found := _LOCK_PATTERN.fullmatch(stem):
        return CopyKind.LOCK, found["of"]
    if found := _MERGE_TOOL.fullmatch(stem):
        return CopyKind.MERGE, found["of"]
    matches = ((kind, pattern.fullmatch(stem)) for kind, pattern in _CERTAIN_PATTERNS)
    return next(((kind, found["of"]) for kind, found in matches if found), None)


def _possible_copy(stem: str) -> tuple[CopyKind, str] | None:
    matches = (pattern.fullmatch(stem) for pattern in (*_POSSIBLE_PATTERNS, _HOST_NAME_PATTERN))
    return next(((CopyKind.DUPLICATE, found["of"]) for found in matches if found), None)


def _without_ending(stem: str, ending: str) -> str:
    """`a.md~.md`: some tools add their mark behind the ending."""
    return stem.removesuffix(ending) or stem
