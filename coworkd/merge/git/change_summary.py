"""What a change is, for the review: files, lines, the head of the diff, and what in it runs on the reader's machine."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from coworkd.core.policy.risky_paths import Risk, RiskTag, risks_of_path
from coworkd.core.policy.tool_risk import Feature
from coworkd.slots.tree_paths import LINK
from coworkd.system.git import Repo

_TIMEOUT = 600.0
DIFF_LINES = 400
"""Lines of diff that a review shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file of a change."""

    path: str
    added: int | None
    """Lines; None: binary."""
    removed: int | None
    status: str
    """Git's letter: A added, D deleted, M modified, R renamed, T changed its type."""
    old_path: str = ""
    """Where a renamed file was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSummary:
    """A change as a reviewer needs it."""

    files: tuple[FileChange, ...]
    insertions: int
    deletions: int
    diff_head: str
    """The diff of the first files, whole lines only."""
    truncated: bool
    """Whether the diff goes on."""
    risks: tuple[Risk, ...]
    findings: tuple[Feature, ...] = ()
    """What it does to its own checks and to what others landed; see `checks.facts`."""


def changed_files(repo: Repo, base: str, commit: str) -> tuple[FileChange, ...]:
    """The files that `commit` changes against `base`."""
    return _compare_trees(repo, base, commit)[1]


def summarise_change(repo: Repo, base: str, commit: str, *, lines: int = DIFF_LINES) -> ChangeSummary:
    """Describe what `commit` changes against `base`, with at most `lines` lines of diff."""
    raw, files = _compare_trees(repo, base, commit)
    head, truncated = _diff_head(repo, (base, commit), files, lines)
    return ChangeSummary(
        files=files,
        insertions=sum(file.added or 0 for file in files),
        deletions=sum(file.removed or 0 for file in files),
        diff_head=head,
        truncated=truncated,
        risks=(*(risk for file in files for risk in risks_of_path(file.path)), *_links_out(repo, raw)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raw:
    mode: str
    object_id: str
    status: str
    old_path: str
    path: str


def _compare_trees(repo: Repo, base: str, commit: str) -> tuple[list[_Raw], tuple[FileChange, ...]]:
    arguments = ("diff-tree", "-r", "-z", "-M", "--raw", "--numstat", "--no-abbrev")
    question = f"{' '.join(arguments)} {base} {commit}"
    told = repo.remember(question, lambda: repo.run(*arguments, base, commit, timeout=_TIMEOUT).out)
    return _parse_diff(os.fsdecode(told).split("\0")[:-1])


def _parse_diff(fields: list[str]) -> tuple[list[_Raw], tuple[FileChange, ...]]:
    """`--raw --numstat -z`: first all raw records, then all counts, in the same order."""
    rest = iter(fields)
    raw: list[_Raw] = []
    counts: list[str] = []
    for field in rest:
        if field.startswith(":"):
            raw.append(_raw(field, rest))
        else:
            counts.append(field)
            # A rename has an empty path here, and its two names as fields of their own.
            for _ in range(2 if field.endswith("\t") else 0):
                next(rest)
    return raw, tuple(_file(one, count) for one, count in zip(raw, counts, strict=True))


def _raw(field: str, rest: Iterator[str]) -> _Raw:
    _, mode, _, object_id, status = field.split(" ")
    old = next(rest)
    new = next(rest) if status[0] in "RC" else old
    return _Raw(mode=mode, object_id=object_id, status=status[0], old_path=old if old != new else "", path=new)


def _file(raw: _Raw, count: str) -> FileChange:
    added, removed, _ = count.split("\t", 2)
    binary = added == "-"
    return FileChange(
        path=raw.path,
        added=None if binary else int(added),
        removed=None if binary else int(removed),
        status=raw.status,
        old_path=raw.old_path,
    )


def _diff_head(repo: Repo, pair: tuple[str, str], files: tuple[FileChange, ...], lines: int) -> tuple[str, bool]:
    """The diff of as many files as are sure to fill `lines`: a huge change is never read whole."""
    chosen = _first_files(files, lines)
    if not chosen:
        return "", bool(files)
    paths = [path for file in chosen for path in (file.old_path, file.path) if path]
    arguments = ("--literal-pathspecs", "diff-tree", "-r", "-p", "-M", "--no-color", "--no-ext-diff")
    text = repo.run(*arguments, *pair, "--", *paths, timeout=_TIMEOUT).out.decode(errors="replace")
    shown = text.splitlines(keepends=True)
    return "".join(shown[:lines]), len(shown) > lines or len(chosen) < len(files)


def _first_files(files: tuple[FileChange, ...], lines: int) -> list[FileChange]:
    chosen: list[FileChange] = []
    remaining = lines
    for file in files:
        if remaining <= 0:
            break
        chosen.append(file)
        remaining -= (file.added or 0) + (file.removed or 0)
    return chosen


def _links_out(repo: Repo, raw: list[_Raw]) -> Iterator[Risk]:
    for one in raw:
        if one.mode == LINK and _leads_out(one.path, repo.blob(one.object_id).decode(errors="replace")):
            yield Risk(path=one.path, tag=RiskTag.LINK_OUT)


def _leads_out(path: str, goal: str) -> bool:
    return goal.startswith("/") or posixpath.normpath(posixpath.join(posixpath.dirname(path), goal)).startswith("..")
