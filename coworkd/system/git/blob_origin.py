"""Where the bytes of a file came from: typed here, committed here, or brought by git.

Answers questions about the user's repository and changes nothing, but for `exclude` and `add_lines`, which append to
files below `.git/info` when a workspace is made or the merge driver is registered.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from coworkd.system.git import Repo

_CONVERTING = re.compile(rb"\b(filter|ident|working-tree-encoding)\b")
_REFLOG = re.compile(rb"(?P<old>[0-9a-f]{40,64}) (?P<new>[0-9a-f]{40,64}) [^\t]*\t(?P<subject>.*)")
_PATHS_AT_ONCE = 500
_CHANGES = ("diff-tree", "--stdin", "--always", "-c", "-r", "--root", "--raw", "--no-renames", "-z")
"""Of merges what is new against every parent; a line for every commit, also for those that changed nothing."""


def known_blobs(repo: Repo, files: Mapping[str, bytes]) -> dict[str, str]:
    """By path, the id under which git already holds these bytes as its content; what is new to git is left out.

    Line ending conversion and filters count: what git would store is looked for beside the bytes as they are.
    """
    known = _held(repo, {path: _blob_id(repo, data) for path, data in files.items()})
    attributes = _Attributes(repo)
    others = {path: data for path, data in files.items() if path not in known and attributes.convert(path, data)}
    # git finds the attributes by the path, and takes it as relative to the root, where it runs.
    stored = {
        path: repo.run("hash-object", "--stdin", f"--path={path}", stdin=data).text for path, data in others.items()
    }
    return known | _held(repo, stored)


def _held(repo: Repo, blobs: Mapping[str, str]) -> dict[str, str]:
    """Those of these blobs, by path, that the object database has."""
    answers = repo.resolve_all([f"{blob}^{{blob}}" for blob in blobs.values()])
    return {path: blob for (path, blob), answer in zip(blobs.items(), answers, strict=True) if answer}


def _blob_id(repo: Repo, data: bytes) -> str:
    return hashlib.new(repo.object_format, b"blob %d\0" % len(data) + data).hexdigest()


class _Attributes:
    """Which files git stores otherwise than they are; each file of attributes is read once."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._folders: dict[str, bool] = {}

    def convert(self, path: str, data: bytes) -> bool:
        # Asking git costs a process, and nearly no file needs it: without a CRLF or a mention of a filter nothing
        # changes.
        return b"\r\n" in data or self._filtered(path.rpartition("/")[0])

    def _filtered(self, folder: str) -> bool:
        known = self._folders.get(folder)
        if known is None:
            own = _CONVERTING.search(_content(self._repo.root / folder / ".gitattributes"))
            known = self._folders[folder] = bool(own) or self._above(folder)
        return known

    def _above(self, folder: str) -> bool:
        if folder:
            return self._filtered(folder.rpartition("/")[0])
        return bool(_CONVERTING.search(_content(self._repo.common_dir / "info" / "attributes")))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def committed_here(repo: Repo, folder: str = ".") -> frozenset[tuple[str, str]]:
    """Path and blob of everything under `folder` that a commit made in this worktree brought into history.

    HEAD's reflog is the witness: only `git commit` (with amend and the closing of a merge) counts, and only where the
    blob is new against every parent and against what was amended, so that a merge made here does not count for what
    it brought in.
    """
    made = _commits_made(repo)
    if not made:
        return frozenset()
    # A commit alone is compared with its parents, one with another behind it with that one.
    asked = "".join(f"{move.new}\n" + (f"{move.new} {move.old}\n" if move.amends else "") for move in made)
    return _introduced(repo.run(*_CHANGES, "--", folder, stdin=asked.encode()).fields)


def _introduced(fields: Sequence[str]) -> frozenset[tuple[str, str]]:
    """What `diff-tree -z` lists: an id for each comparison, then `:modes blobs letters` and path of each change.

    A file that a commit moved was not typed by it: it came from wherever it was before.
    """
    found: dict[str, list[set[tuple[str, str]]]] = {}
    changes = set[tuple[str, str]]()
    moved = _Moves()
    rest = iter(fields)
    for item in rest:
        if not item.startswith(":"):
            changes = set[tuple[str, str]]()
            found.setdefault(item, []).append(changes)
            moved.next_comparison()
            continue
        parents = len(item) - len(item.lstrip(":"))
        *before, blob = item.split(" ")[parents + 1 : 2 * parents + 2]
        path = next(rest)
        moved.note(path, before, blob)
        if blob not in before:
            changes.add((path, blob))
    made = {change for comparisons in found.values() for change in _in_all(comparisons)}
    return moved.typed_among(made)


class _Moves:
    """Files that went from one path to another within one commit, with the same bytes."""

    def __init__(self) -> None:
        self._gone: dict[str, set[str]] = {}
        self._came: list[tuple[str, str]] = []
        self._from: dict[tuple[str, str], set[tuple[str, str]]] = {}

    def next_comparison(self) -> None:
        """Bring what was noted to account: a blob that went and came was moved."""
        for path, blob in self._came:
            for old in self._gone.get(blob, ()):
                self._from.setdefault((path, blob), set()).add((old, blob))
        self._gone, self._came = {}, []

    def note(self, path: str, before: Sequence[str], after: str) -> None:
        if not after.strip("0"):
            for blob in before:
                self._gone.setdefault(blob, set()).add(path)
        elif not any(blob.strip("0") for blob in before):
            self._came.append((path, after))

    def typed_among(self, made: set[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Those that are no moves, and moves of those."""
        self.next_comparison()
        typed = made - self._from.keys()
        waiting = made & self._from.keys()
        while vouched := {move for move in waiting if self._from[move] & typed}:
            typed |= vouched
            waiting -= vouched
        return frozenset(typed)


def _in_all(comparisons: Sequence[set[tuple[str, str]]]) -> set[tuple[str, str]]:
    """A commit that was compared twice brought what is new in both."""
    first, *rest = comparisons
    return first.intersection(*rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A commit that was made here, and where HEAD was before."""

    old: str
    new: str
    amends: bool


def _commits_made(repo: Repo) -> list[_Made]:
    """Every commit in HEAD's reflog that git still has, newest first."""
    entries = [entry for entry in _reflog(repo) if entry["subject"].startswith(b"commit")]
    made = [
        _Made(old=e["old"].decode(), new=e["new"].decode(), amends=e["subject"].startswith(b"commit (amend)"))
        for e in entries
    ]
    held = repo.resolve_all([f"{name}^{{commit}}" for move in made for name in (move.old, move.new)])
    return [m for m, old, new in zip(made, held[::2], held[1::2], strict=True) if new and (old or not m.amends)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One line of HEAD's reflog: `id` tells it from every other, `commit` is where HEAD went."""

    id: str
    commit: str


def head_moves(repo: Repo) -> list[Move]:
    """How HEAD has moved in this worktree, latest first, as far as its reflog goes back."""
    return [Move(id=hashlib.sha256(e[0]).hexdigest()[:16], commit=e["new"].decode()) for e in _reflog(repo)]


def _reflog(repo: Repo) -> list[re.Match[bytes]]:
    with suppress(FileNotFoundError):
        entries = map(_REFLOG.fullmatch, (repo.git_dir / "logs" / "HEAD").read_bytes().splitlines())
        return [entry for entry in entries if entry][::-1]
    return []


def index_lists(repo: Repo, paths: Sequence[str]) -> set[str]:
    """Those of `paths` (relative to the root) that the index has."""
    found: set[str] = set()
    for start in range(0, len(paths), _PATHS_AT_ONCE):
        some = paths[start : start + _PATHS_AT_ONCE]
        found.update(repo.run("--literal-pathspecs", "ls-files", "-z", "--", *some).fields)
    return found & set(paths)


def index_version(repo: Repo) -> tuple[int, int, int] | None:
    """Equal only while the index stays as it is; None where there is none. Looks at its file, and not at git."""
    with suppress(OSError):
        found = os.stat(repo.git_dir / "index")
        return (found.st_ino, found.st_mtime_ns, found.st_size)
    return None


def index_locked(repo: Repo) -> bool:
    """Whether a git command is changing the index, and with it perhaps the files."""
    return (repo.git_dir / "index.lock").exists()


def left_out(repo: Repo, path: str) -> bool:
    """Whether the index has the path, and a sparse checkout leaves it out of the worktree."""
    listed = repo.run("--literal-pathspecs", "ls-files", "-t", "-z", "--", path).fields
    return f"S {path}" in listed


def head_has(repo: Repo, path: str) -> bool:
    """Whether the commit HEAD names has something at `path`."""
    return repo.resolve(f"HEAD:{path}") is not None


def exclude(repo: Repo, lines: Sequence[str]) -> None:
    """See that `.git/info/exclude` has each of these lines, once; what is there stays as it is."""
    add_lines(repo.common_dir / "info" / "exclude", lines)


def add_lines(file: Path, lines: Sequence[str]) -> list[str]:
    """Append the lines that a file of git's does not have yet; which they were. Its bytes stay, whatever they are."""
    before = file.read_bytes() if file.exists() else b""
    present = set(before.split(b"\n"))
    missing = [line for line in map(os.fsencode, dict.fromkeys(lines)) if line not in present]
    if not missing:
        return []
    file.parent.mkdir(exist_ok=True)
    separator = b"" if not before or before.endswith(b"\n") else b"\n"
    with file.open("ab") as out:
        out.write(separator + b"\n".join(missing) + b"\n")
    return [os.fsdecode(line) for line in missing]


def repo_id(repo: Repo) -> str:
    """16 hex digits that tell this repository from any other: its real place, and where its history begins.

    To be asked once and kept: a repository that was moved, or stands on an unrelated branch, answers differently.
    """
    roots = repo.run("rev-list", "--max-parents=0", "HEAD", "--", check=False).text.split()
    place = os.fsencode(Path(os.path.realpath(repo.common_dir)))
    return hashlib.sha256(b"\0".join([place, *map(os.fsencode, sorted(roots)[:1])])).hexdigest()[:16]
