"""The import gate: what a submission may hold, looked at commit by commit.

Asked twice: in the slot, so that nothing huge is brought in at all, and in quarantine, where no byte is the agent's to
change any more. A reason says what to do, and never repeats a secret.
"""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coworkd.core.redaction import Secrets
from coworkd.core.text_formats import shorten_middle
from coworkd.slots.tree_paths import LINK, TouchedPath, touched_paths
from coworkd.system.git import Repo

MAX_FILES = 20_000
"""Files that one submission may touch: more is a folder that was meant to be ignored."""
MAX_FILE_BYTES = 100_000_000
"""Bytes of one file."""
MAX_TOTAL_BYTES = 500_000_000
"""Bytes of all new files together."""
MAX_PATH_BYTES, MAX_PART_BYTES, MAX_DEPTH = 1024, 255, 64
"""Bytes of a path and of one of its parts, and how many parts."""
MAX_SCANNED_BYTES = "2m"
"""Files of this size or more are not searched for secrets: they are not written by hand."""

_MAX_MESSAGES = 1000
_TIMEOUT = 600.0
_SHORT_NAME = re.compile(r"git~[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportObjection:
    """Something that keeps a submission out."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{_quote_path(self.path)} {self.why}"


def import_reason(repo: Repo, commit: str, known: Sequence[str]) -> str:
    """Why `commit` must not come in, in words; empty when it may. `known`: commits that are there already.

    Looks at names and sizes, and costs no more than that also for what is far too large.
    """
    changes = touched_paths(repo, commit, known)
    paths = {one.path for one in changes}
    if len(paths) > MAX_FILES:
        return f"it touches {len(paths)} files, more than {MAX_FILES}: ignore what is generated, and commit the rest"
    odd = [*_unportable_paths(sorted(paths)), *_links_leading_out(repo, changes), *_bare_repositories(sorted(paths))]
    return _reason(odd or list(_oversized_files(repo, changes)))


def secrets_reason(repo: Repo, commit: str, known: Sequence[str], secrets: Secrets) -> str:
    """Why `commit` must not come in for what is written in it; empty when it may."""
    return _reason(list(_secrets_in_history(repo, commit, known, secrets)))


def _reason(found: Sequence[ImportObjection]) -> str:
    if not found:
        return ""
    more = f", and {len(found) - 3} more" if len(found) > 3 else ""
    return f"it may not come in: {'; '.join(map(str, found[:3]))}{more}"


# ---- names


def _unportable_paths(paths: Sequence[str]) -> Iterator[ImportObjection]:
    for path in paths:
        if why := path_reason(path):
            yield ImportObjection(path=path, why=why)


def path_reason(path: str) -> str:
    """What is wrong with the name of a file, on this file system or on another one; empty: nothing."""
    parts = path.split("/")
    if (
        len(os.fsencode(path)) > MAX_PATH_BYTES
        or len(parts) > MAX_DEPTH
        or any(len(os.fsencode(part)) > MAX_PART_BYTES for part in parts)
    ):
        return "has too long a name"
    if any(part in ("", ".", "..") for part in parts):
        return "is no path within the repository"
    if any(_is_read_as_git(part) for part in parts):
        return "would be git's own folder on some file system"
    return ""


def _is_read_as_git(part: str) -> bool:
    """As NTFS, HFS+ and APFS read a name: case, width, invisible characters, trailing dots, streams, short names."""
    visible = "".join(c for c in unicodedata.normalize("NFKC", part) if unicodedata.category(c) != "Cf")
    names = (name.split(":", 1)[0].rstrip(" .") for name in visible.casefold().split("\\"))
    return any(name == ".git" or _SHORT_NAME.fullmatch(name) for name in names)


def _links_leading_out(repo: Repo, changes: Sequence[TouchedPath]) -> Iterator[ImportObjection]:
    for one in changes:
        if one.mode == LINK and leads_out(one.path, os.fsdecode(repo.blob(one.object_id))):
            yield ImportObjection(path=one.path, why="is a link that leads out of the repository")


def leads_out(path: str, goal: str) -> bool:
    """Whether a link at this path ends outside of the tree."""
    return goal.startswith("/") or posixpath.normpath(posixpath.join(posixpath.dirname(path), goal)).startswith("..")


def _bare_repositories(paths: Sequence[str]) -> Iterator[ImportObjection]:
    """Folders in which git, started there, would obey the configuration that lies in them."""
    for folder in [path.removesuffix("HEAD") for path in paths if path == "HEAD" or path.endswith("/HEAD")]:
        inside = {path[len(folder) :].partition("/")[0] for path in paths if path.startswith(folder)}
        if "objects" in inside and inside & {"refs", "packed-refs"}:
            yield ImportObjection(path=folder, why="is a bare git repository: delete it, or list it in .gitignore")


# ---- sizes


def _oversized_files(repo: Repo, changes: Sequence[TouchedPath]) -> Iterator[ImportObjection]:
    by_id = {one.object_id: one.path for one in changes if one.mode.startswith("100")}
    sizes = {info.object_id: info.size for info in repo.infos(list(by_id)) if info}
    for name, size in sizes.items():
        if size > MAX_FILE_BYTES:
            yield ImportObjection(
                path=by_id[name], why=f"has {size // 1_000_000} MB, more than {MAX_FILE_BYTES // 1_000_000}"
            )
    if (total := sum(sizes.values())) > MAX_TOTAL_BYTES:
        yield ImportObjection(
            path="its files", why=f"have {total // 1_000_000} MB together, more than {MAX_TOTAL_BYTES // 1_000_000}"
        )


# ---- secrets


def _secrets_in_history(repo: Repo, commit: str, known: Sequence[str], secrets: Secrets) -> Iterator[ImportObjection]:
    """In every line that any of the commits adds, also one that a later commit takes out again, and what they say."""
    new = repo.commits_between([commit], known)
    said = b"\0".join(one.said for one in repo.commits(new[:_MAX_MESSAGES]))
    if what := secrets.found(os.fsdecode(said)):
        yield ImportObjection(path="a commit message", why=f"holds {what}; write the message again without it")
    if not new:
        return
    arguments = (
        "-c",
        f"core.bigFileThreshold={MAX_SCANNED_BYTES}",
        "diff-tree",
        "--stdin",
        "--root",
        "-r",
        "-c",
        "-p",
        "-U0",
    )
    plain = ("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--no-commit-id", "--src-prefix=a/")
    commits = "".join(f"{name}\n" for name in new).encode()
    out = repo.run(*arguments, *plain, "--dst-prefix=b/", stdin=commits, timeout=_TIMEOUT).out
    for path, text in _added_lines(out.decode("utf-8", "replace")):
        if what := secrets.found(text):
            yield ImportObjection(
                path=path, why=f"holds {what}, in this commit or an earlier one; take it out of the history"
            )


def _added_lines(diff: str) -> Iterator[tuple[str, str]]:
    """Path and added lines of each file in each commit."""
    path, lines = "", list[str]()
    for line in diff.split("\n"):
        if line.startswith("diff "):
            yield path, "\n".join(lines)
            path, lines = line.rpartition(" b/")[2] or line.rpartition(" ")[2], []
        elif line.startswith(("+", " +")) and not line.startswith("+++ "):
            lines.append(line.lstrip(" ")[1:])
    yield path, "\n".join(lines)


def _quote_path(path: str) -> str:
    plain = path.encode("unicode_escape", "backslashreplace").decode("ascii")
    return f"`{shorten_middle(plain, 80)}`"
