"""Where the bytes of a file came from: typed here, committed here, or brought by git.

Answers questions about the user's repository and changes nothing, but for `exclude`, which appends to
`.git/info/exclude` when a workspace is made.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from coworkd.repo import Repo

_CONVERTING = re.compile(rb"\b(filter|ident|working-tree-encoding)\b")
_REFLOG = re.compile(rb"(?P<old>[0-9a-f]{40,64}) (?P<new>[0-9a-f]{40,64}) [^\t]*\t(?P<subject>.*)")
_PATHS_AT_ONCE = 500


def known_blob(repo: Repo, data: bytes, path: str) -> str | None:
    """The id under which git already holds these bytes as the content of `path`, or None when they are new to it.

    Line ending conversion and filters count: what git would store is looked for beside the bytes as they are.
    """
    raw = _blob_id(repo, data)
    if repo.resolve(f"{raw}^{{blob}}"):
        return raw
    if not _converted(repo, data, path):
        return None
    # git finds the attributes by the path, and takes it as relative to the root, where it runs.
    stored = repo.run("hash-object", "--stdin", f"--path={path}", stdin=data).text
    return stored if repo.resolve(f"{stored}^{{blob}}") else None


def _blob_id(repo: Repo, data: bytes) -> str:
    return hashlib.new(repo.object_format, b"blob %d\0" % len(data) + data).hexdigest()


def _converted(repo: Repo, data: bytes, path: str) -> bool:
    # Asking git costs a process, and nearly no file needs it: without a CRLF or a mention of a filter nothing changes.
    return b"\r\n" in data or any(_CONVERTING.search(text) for text in _attribute_files(repo, path))


def _attribute_files(repo: Repo, path: str) -> Iterator[bytes]:
    folders = [repo.root / parent for parent in PurePosixPath(path).parents]
    for file in (repo.common_dir / "info" / "attributes", *(folder / ".gitattributes" for folder in folders)):
        with suppress(OSError):
            yield file.read_bytes()


def committed_here(repo: Repo, blob: str, path: str) -> bool:
    """Whether a commit made in this worktree put `blob` at `path`.

    HEAD's reflog is the witness: only `git commit` (with amend and the closing of a merge) counts, and only where the
    blob is new against every parent and against what was amended, so that a merge made here does not vouch for what
    it brought in.
    """
    return any(_introduced(repo, old, new, blob, path) for old, new in _commits_made(repo))


def _introduced(repo: Repo, old: str, new: str, blob: str, path: str) -> bool:
    if repo.resolve(f"{new}:{path}") != blob or repo.resolve(f"{old}:{path}") == blob:
        return False
    return all(repo.resolve(f"{parent}:{path}") != blob for parent in _parents(repo, new))


def _parents(repo: Repo, commit: str) -> Iterator[str]:
    number = 1
    while parent := repo.resolve(f"{commit}^{number}"):
        yield parent
        number += 1


def _commits_made(repo: Repo) -> list[tuple[str, str]]:
    """(HEAD before, commit) of every commit in HEAD's reflog, newest first."""
    return [(e["old"].decode(), e["new"].decode()) for e in _reflog(repo) if e["subject"].startswith(b"commit")]


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


def head_has(repo: Repo, path: str) -> bool:
    """Whether the commit HEAD names has something at `path`."""
    return repo.resolve(f"HEAD:{path}") is not None


def exclude(repo: Repo, lines: Sequence[str]) -> None:
    """See that `.git/info/exclude` has each of these lines, once; what is there stays as it is."""
    file = repo.common_dir / "info" / "exclude"
    before = file.read_bytes() if file.exists() else b""
    present = set(before.splitlines())
    missing = [line for line in map(os.fsencode, dict.fromkeys(lines)) if line not in present]
    if not missing:
        return
    file.parent.mkdir(exist_ok=True)
    separator = b"" if not before or before.endswith(b"\n") else b"\n"
    with file.open("ab") as out:
        out.write(separator + b"\n".join(missing) + b"\n")


def repo_id(repo: Repo) -> str:
    """16 hex digits that tell this repository from any other: its real place, and where its history begins.

    To be asked once and kept: a repository that was moved, or stands on an unrelated branch, answers differently.
    """
    roots = repo.run("rev-list", "--max-parents=0", "HEAD", "--", check=False).text.split()
    place = os.fsencode(Path(os.path.realpath(repo.common_dir)))
    return hashlib.sha256(b"\0".join([place, *map(os.fsencode, sorted(roots)[:1])])).hexdigest()[:16]
