"""Names of tasks: from file names to ids that are safe as file names, parts of git refs and shell words.

Pure. An id is what people type and what refs, folders and dependencies are named by; it must never be able to leave
the folder or the ref namespace it is put into.
"""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 80
MAX_BYTES = 200
"""Of UTF-8: file systems stop at 255, and `.md`, `.N` and `.lock` are still to come."""

_IS_ID = re.compile(r"[a-z0-9_]+(?:-[a-z0-9_]+)*")
"""What nearly every name is already."""
_NOT_ID = re.compile(r"[^\w.]+")
_DOTS = re.compile(r"\.{2,}")


def task_id(stem: str) -> str:
    """The id of a file with this stem: lower case, NFC, `-` for every run of other than letters, digits, `_` and `.`.

    A valid component of a git ref, at most 80 characters; `task` when nothing is left. Applied twice it changes
    nothing.
    """
    if len(stem) <= MAX_CHARACTERS and _IS_ID.fullmatch(stem):
        return stem
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).lower())
    name = _trimmed(_DOTS.sub(".", _NOT_ID.sub("-", plain)))
    name = _trimmed(name[:MAX_CHARACTERS].encode()[:MAX_BYTES].decode(errors="ignore"))
    return name or "task"


def qualify(name: str, folder: str) -> str:
    """The id of a file whose own id is taken: its parent folder goes in front (`api-setup`)."""
    parent = folder.rstrip("/").rpartition("/")[2]
    return task_id(f"{parent}-{name}") if parent else name


def is_task_id(text: str) -> bool:
    """Whether a written id can be one: it is put into paths and refs, where anything else could lead out of them.

    An id that was given when ids could still end like other files of ours stays what it is.
    """
    shorter = text
    while shorter.endswith(_ENDINGS_OF_OTHERS):
        shorter = shorter.rpartition(".")[0]
    return task_id(shorter) == shorter and len(text) <= MAX_CHARACTERS


_ENDINGS_OF_OTHERS = (".preflight", ".d")
"""`reviews/TASK.preflight.md` and the folder `reviews/TASK.d/` are about a task, and no task's own review."""


def _trimmed(name: str) -> str:
    """Without what git refuses at the ends of a ref, without the endings of other files of ours, and without dashes."""
    before = None
    while name != before:
        before, name = name, name.strip("-.").removesuffix(".lock")
        for ending in _ENDINGS_OF_OTHERS:
            name = name.removesuffix(ending)
    return name
