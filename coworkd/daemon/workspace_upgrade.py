"""Workspaces that an earlier version made, brought to what this version expects when the daemon starts.

Nothing that a person changed is touched, and no tracked file while git is in the middle of something.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from coworkd.core.errors import DocumentError
from coworkd.documents.decoding import decode
from coworkd.documents.markdown import parse
from coworkd.store import Database
from coworkd.store.documents import move_document
from coworkd.sync.ignored_names import IGNORED, exclude_lines
from coworkd.system.durable_files import replace_file
from coworkd.system.git import Repo
from coworkd.system.git.blob_origin import exclude
from coworkd.system.paths_and_settings import FOLDER

_EARLIER_IGNORED = (
    ("approvals/", "conflicts/", "inbox.md", "*.live.md"),
    (
        "approvals/", "conflicts/", "inbox.md", "plans.md", "reports/", "*.live.md", "reviews/*.preflight.md",
        "reviews/*.d/*.log", "messages/*/files/",
    ),
)  # fmt: skip
"""What earlier versions wrote into `.cowork/.gitignore`."""

_EARLIER_REVIEW = re.compile(r"(?P<task>.+)\.(?P<number>[0-9]+)\.md")
"""Where earlier versions put the reviews of earlier submissions: `reviews/TASK.N.md`."""


def write_ignore_files(repo: Repo, writable: Callable[[str], bool] = lambda _path: True) -> None:
    """See that `.cowork/.gitignore` and `.git/info/exclude` name what git is not to keep.

    A `.gitignore` that says something else than an earlier version wrote is a person's, and stays. `writable` answers
    whether a file of the workspace may be changed now.
    """
    file, text = repo.root / FOLDER / ".gitignore", _lines(IGNORED)
    if not file.exists() or (_is_earlier(file.read_bytes()) and writable(".gitignore")):
        replace_file(file, text.encode())
    exclude(repo, exclude_lines(FOLDER))


def upgrade_workspace(repo: Repo, db: Database, writable: Callable[[str], bool]) -> None:
    """Bring an existing workspace to the present layout; doing it again changes nothing."""
    if not (repo.root / FOLDER).is_dir():
        return
    with suppress(OSError):
        write_ignore_files(repo, writable)
    for old, new in _earlier_reviews(repo.root / FOLDER):
        if writable(old):
            with suppress(OSError):
                _move(repo.root / FOLDER, old, new)
                with db.write():
                    move_document(db, old, new)


def _is_earlier(data: bytes) -> bool:
    return any(data == _lines(names).encode() for names in _EARLIER_IGNORED)


def _lines(names: tuple[str, ...]) -> str:
    return "".join(f"{name}\n" for name in names)


def _earlier_reviews(folder: Path) -> Iterator[tuple[str, str]]:
    """Old and new path of every review of an earlier submission; `reviews/a.1.md` may also be that of a task `a.1`."""
    for file in sorted((folder / "reviews").glob("*.md")):
        found = _EARLIER_REVIEW.fullmatch(file.name)
        if found and not file.is_symlink() and _task_in(file) == found["task"]:
            yield f"reviews/{file.name}", f"reviews/{found['task']}.d/{found['number']}.md"


def _task_in(review: Path) -> str:
    try:
        return decode(f"reviews/{review.name}", parse(review.read_bytes())).cowork.task
    except (DocumentError, OSError):
        return ""


def _move(folder: Path, old: str, new: str) -> None:
    """Over nothing: what stands at the new place stays, and so does the old file then."""
    (folder / new).parent.mkdir(exist_ok=True)
    os.link(folder / old, folder / new, follow_symlinks=False)
    os.unlink(folder / old)
