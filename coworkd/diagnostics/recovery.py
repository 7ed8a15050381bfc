"""Work that was kept when something else took its place: where it lies, and how it comes back.

Lists and restores; it must never overwrite, move or delete anything, and what it restores stays kept where it was.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from coworkd.core.errors import UserError
from coworkd.store import Database
from coworkd.store.documents import documents_with_files, earlier_versions
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, branch_ref, update_refs
from coworkd.system.paths_and_settings import Paths

CONFLICTS = "conflicts"

_REF = re.compile(r"refs/cowork/(?P<what>snap|sub|base)/(?P<name>.+)")
_TRASHED = re.compile(r"(?P<ms>\d{10,16})-(?P<name>.+?)(?:\.[0-9a-f]{8})?")
_COMMIT_ID = re.compile(r"[0-9a-f]{40,64}")
_FORMAT = "%(objectname) %(committerdate:unix) %(refname)"


class KeptKind(StrEnum):
    """Why something was kept."""

    UNSUBMITTED = "unsubmitted"
    """Work of a run that was not handed in, and what lay in a slot before it was used again."""
    SUBMISSION = "submission"
    START = "start"
    """The commit that a run started from."""
    REPLACED = "replaced"
    """A version of a document that coworkd wrote over."""
    VERSION = "version"
    """What a document said before, as a person saved it or coworkd wrote it."""
    DELETED = "deleted"
    """The last version of a document that was deleted."""
    CONFLICT = "conflict"
    """The other side's version, where both changed the same."""
    DATABASE = "database"
    SLOT = "slot"
    """Set aside because it could not be read."""


_OF_REF = {"snap": KeptKind.UNSUBMITTED, "sub": KeptKind.SUBMISSION, "base": KeptKind.START}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptItem:
    """One piece of kept work."""

    name: str
    """What `restore` is asked for: a ref, or the path of a file."""
    kind: KeptKind
    task: str
    """Empty where it cannot be told."""
    at: float
    """Seconds since the epoch: of the commit, or of the file's last change."""
    files: int
    """How many it changes or holds."""
    bytes: int | None
    """None for commits."""
    commit: str = ""
    path: str = ""
    """The document whose version it is, relative to `.cowork/`."""
    content: bytes | None = None
    """Of a version, which is in the database; None: what it holds is where its name says."""

    @property
    def is_commit(self) -> bool:
        return bool(self.commit)


def kept_items(repo: Repo, paths: Paths) -> list[KeptItem]:
    """Everything that was kept, newest first."""
    folders = [
        *_files(paths.trash, KeptKind.REPLACED),
        *_files(paths.folder / CONFLICTS, KeptKind.CONFLICT),
        *_items_set_aside(paths.private.glob("damaged-*.db"), KeptKind.DATABASE),
        *_items_set_aside(paths.private.glob("older-*.db"), KeptKind.DATABASE),
        *_items_set_aside((paths.state / "slots").glob("*.broken-*"), KeptKind.SLOT),
    ]
    return sorted([*_commits(repo), *folders], key=lambda item: (-item.at, item.name))


def version_items(db: Database) -> list[KeptItem]:
    """Every version of a document that is not what its file says now, newest first; of deleted ones the last is marked.

    A version is named by its document and the beginning of its hash: `tasks/a.md@3f2a91bc04d1`.
    """
    found: list[KeptItem] = []
    gone: set[str] = set()
    for version in earlier_versions(db):
        last = version.is_deleted and version.path not in gone
        gone |= {version.path} if last else set()
        found.append(
            KeptItem(
                name=f"{version.path}@{version.sha[:12]}", kind=KeptKind.DELETED if last else KeptKind.VERSION,
                task=version.task or _task_of(version.path), at=version.at, files=1, bytes=len(version.data),
                path=version.path, content=version.data,
            )
        )  # fmt: skip
    return found


def _task_of(path: str) -> str:
    """The task that a document is about, as its name tells."""
    folder, _, rest = path.partition("/")
    if folder == "messages":
        return rest.partition("/")[0]
    return Path(rest).stem.partition(".")[0] if folder in ("tasks", "reviews") else ""


def find_kept(items: Sequence[KeptItem], name: str) -> list[KeptItem]:
    """Those that `name` means: the very one, else all of the document or the task of this name."""
    exact = [item for item in items if name in (item.name, item.name.removeprefix("refs/cowork/"), item.commit)]
    about = [item for item in items if item.path and item.path == name.removeprefix(".cowork/")]
    return exact or about or [item for item in items if item.task == name]


# ---- what there is


def _commits(repo: Repo) -> Iterator[KeptItem]:
    lines = [line.split(" ", 2) for line in repo.run("for-each-ref", f"--format={_FORMAT}", "refs/cowork/").lines]
    found = [(commit, at, ref) for commit, at, ref in lines if _REF.fullmatch(ref)]
    changed = _changed(repo, {commit for commit, _, _ in found})
    for commit, at, ref in found:
        parts = _REF.fullmatch(ref)
        assert parts is not None
        what = _OF_REF[parts["what"]]
        task = "" if what is KeptKind.START else parts["name"].rpartition("/")[0].strip("+")
        yield KeptItem(
            name=ref, kind=what, task=task, at=float(at or 0), files=changed.get(commit, 0), bytes=None, commit=commit
        )


def _changed(repo: Repo, commits: Iterable[str]) -> dict[str, int]:
    """How many files each commit changes against its first parent; one process for all of them."""
    asked = "".join(f"{commit}\n" for commit in commits).encode()
    counts: dict[str, int] = {}
    now = ""
    options = ("--stdin", "-r", "-z", "--root", "-m", "--first-parent", "--name-only", "--no-renames")
    for field in repo.run("diff-tree", *options, stdin=asked).fields if asked else []:
        if _COMMIT_ID.fullmatch(field):
            now = field
        else:
            counts[now] = counts.get(now, 0) + 1
    return counts


def _files(folder: Path, what: KeptKind) -> Iterator[KeptItem]:
    for path in sorted(folder.glob("**/*")):
        if path.is_file() and not path.is_symlink():
            found = path.stat()
            at, task = _parse_trash_name(path.name, found.st_mtime)
            yield KeptItem(name=str(path), kind=what, task=task, at=at, files=1, bytes=found.st_size)


def _parse_trash_name(name: str, changed: float) -> tuple[float, str]:
    """When it was displaced and of which task, from names such as `1700000000000-dark-mode.md.3f2a91bc`."""
    trashed = _TRASHED.fullmatch(name)
    stem = (trashed["name"] if trashed else name).removesuffix(".md")
    if trashed:
        return int(trashed["ms"]) / 1000, stem
    return changed, re.sub(r"-[0-9a-f]{6,64}$", "", stem)


def _items_set_aside(places: Iterable[Path], what: KeptKind) -> Iterator[KeptItem]:
    for path in places:
        files = (
            [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
        )
        size = sum(file.stat().st_size for file in files)
        yield KeptItem(name=str(path), kind=what, task="", at=path.stat().st_mtime, files=len(files), bytes=size)


# ---- how it comes back


def restore_to_branch(repo: Repo, item: KeptItem, branch: str) -> str:
    """A new branch at a kept commit; its name. Raises UserError where there is one, or nothing to branch from."""
    if not item.is_commit:
        raise UserError(f"{item.name} is no commit: restore it to a path with --to")
    if repo.run("check-ref-format", "--branch", branch, check=False).code != 0:
        raise UserError(f"`{branch}` is not a name that git allows for a branch")
    name = branch_ref(branch)
    if repo.resolve(name) or not update_refs(repo, [RefChange(name=name, old=None, new=item.commit)]):
        raise UserError(f"there is a branch {branch} already: choose another name")
    return branch


def restore_to_path(repo: Repo, item: KeptItem, to: Path) -> Path:
    """The files of a kept commit, or the kept file, at a path that is new; into a folder that exists under its name.

    Raises UserError where something stands already.
    """
    target = to / Path(item.path or item.name).name if to.is_dir() else to
    if item.is_commit:
        target = to / f"{item.task or item.kind}-{Path(item.name).name}" if to.is_dir() else to
    if os.path.lexists(target):
        raise UserError(f"{target} exists already: choose another path")
    target.parent.mkdir(parents=True, exist_ok=True)
    if item.is_commit:
        _check_out(repo, item.commit, target)
    elif item.content is not None:
        with target.open("xb") as new:
            new.write(item.content)
    elif Path(item.name).is_dir():
        shutil.copytree(item.name, target, symlinks=True)
    else:
        _copy(Path(item.name), target)
    return target


def restore_missing(db: Database, folder: Path) -> tuple[str, ...]:
    """Write every document whose file is missing, and was not found deleted; the paths that were written.

    What stands somewhere stays.
    """
    return tuple(path for path, data in documents_with_files(db) if _is_written(folder / path, data))


def _is_written(target: Path, data: bytes) -> bool:
    if os.path.lexists(target):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError), target.open("xb") as new:
        new.write(data)
        return True
    return False


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as old, target.open("xb") as new:
        shutil.copyfileobj(old, new)


def _check_out(repo: Repo, commit: str, target: Path) -> None:
    target.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        aside = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
        repo.run("read-tree", commit, env=aside)
        repo.run("checkout-index", "--all", f"--prefix={target.resolve()}/", env=aside)
