"""What `why` is asked about: a commit, or a line of a file and the commit that it comes from.

A line is looked up on the integration branch, and in the working file where the branch has another line there and lacks
commits of HEAD.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from coworkd.core.errors import UserError
from coworkd.system.git import Repo
from coworkd.system.git.refs import branch_ref

_PLACE = re.compile(r"(?P<path>.+):(?P<line>[0-9]{1,9})", re.DOTALL)
_NOT_COMMITTED = re.compile(r"0+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLocation:
    """What is asked about: a line of a file, or a commit."""

    path: str = ""
    line: int = 0
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOrigin:
    """Where a line, or a commit, comes from."""

    tip: str
    """The commit in whose history it was found."""
    seen_in: str
    """The branch, `HEAD` or `the working file`, as it is shown; empty: a commit was asked about."""
    commit: str
    """Empty: the line is not committed."""
    path: str = ""
    line: int = 0
    """Where the line was in that commit."""
    text: str = ""
    """The line itself."""


def parse_location(repo: Repo, text: str) -> CodeLocation:
    """The commit or the line that the argument names. Raises UserError."""
    found = _PLACE.fullmatch(text)
    if found:
        return CodeLocation(path=os.path.normpath(found["path"]), line=int(found["line"]))
    commit = repo.commit(text)
    if commit is None:
        raise UserError(f"`{text}` is neither PATH:LINE nor a commit")
    return CodeLocation(commit=commit)


def find_origin(repo: Repo, location: CodeLocation, branch: str) -> LineOrigin:
    """The commit of a location; `branch` is the integration branch. Raises UserError for a line that there is not."""
    head, tip = repo.head().commit, repo.commit(branch_ref(branch))
    if head is None and tip is None:
        raise UserError("this repository has no commit yet")
    if location.commit:
        return LineOrigin(tip=_containing(repo, location.commit, tip, head), seen_in="", commit=location.commit)
    on_branch = _blame(repo, location, tip, branch) if tip else None
    if on_branch and (head is None or repo.is_ancestor(head, tip or "") or _reads(repo, location) == on_branch.text):
        return on_branch
    in_work = _blame(repo, location, "", "the working file") if head else None
    found = in_work or on_branch or (_blame(repo, location, head, "HEAD") if head else None)
    if found is None:
        where = f"{branch}, HEAD or the working file" if tip else "HEAD or the working file"
        raise UserError(f"{location.path}:{location.line} is not to be found on {where}")
    return found


def _containing(repo: Repo, commit: str, tip: str | None, head: str | None) -> str:
    """Which of the two contains a commit; the commit itself where none does."""
    return next((end for end in (tip, head) if end and repo.is_ancestor(commit, end)), commit)


def _reads(repo: Repo, location: CodeLocation) -> str | None:
    """The line as the working file has it; None: it has no such line."""
    try:
        lines = (repo.root / location.path).read_bytes().split(b"\n")
    except (OSError, ValueError):
        return None
    return lines[location.line - 1].decode(errors="replace") if 0 < location.line <= len(lines) else None


def _blame(repo: Repo, location: CodeLocation, tip: str, seen_in: str) -> LineOrigin | None:
    """Ask git; an empty tip: the working file. None where there is no such line."""
    revision = [tip] if tip else []
    asked = ("blame", f"-L{location.line},{location.line}", "--porcelain", "--no-textconv", *revision)
    done = repo.run(*asked, "--", location.path, check=False)
    if done.code != 0:
        return None
    lines = done.out.decode("utf-8", "surrogateescape").split("\n")
    commit, at = lines[0].split(" ")[:2]
    path = next((line.removeprefix("filename ") for line in lines if line.startswith("filename ")), location.path)
    text = next((line[1:] for line in lines if line.startswith("\t")), "")
    committed = "" if _NOT_COMMITTED.fullmatch(commit) else commit
    return LineOrigin(
        tip=tip or repo.head().commit or "", seen_in=seen_in, commit=committed, path=path, line=int(at), text=text
    )
