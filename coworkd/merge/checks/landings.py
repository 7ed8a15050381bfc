"""What a change and the latest landings did to its files, line by line, read from git. Blocking: for jobs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from coworkd.history.landing_refs import landing_commits
from coworkd.merge.checks.restored_lines import Hunk, LandedHunks, hunks_of
from coworkd.merge.git.change_summary import FileChange
from coworkd.system.git import Repo
from coworkd.system.git.trailers import TASK, trailers_of

LANDINGS = 100
"""Latest landings that a change is compared with."""
MAX_LINES = 20_000
"""Changed lines of a file; more are generated."""
_MAX_PATHS = 500
"""Paths that fit on a command line."""
_TIMEOUT = 600.0
_HEADER = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})$", re.MULTILINE)
_SETTINGS = ("-c", "core.quotePath=false", "--literal-pathspecs")
_PLAIN = (
    *("-r", "-p", "-U0", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
)


def changed_hunks(repo: Repo, tip: str, candidate: str, files: Sequence[FileChange]) -> Mapping[str, Sequence[Hunk]]:
    """What `candidate` changes against `tip`."""
    if not (paths := _paths(files)):
        return {}
    out = repo.run(*_SETTINGS, "diff-tree", *_PLAIN, tip, candidate, "--", *paths, timeout=_TIMEOUT).out
    return hunks_of(out.decode("utf-8", "replace"))


def latest_landings(repo: Repo, files: Sequence[FileChange], left_out: Collection[str]) -> list[LandedHunks]:
    """What tasks landed on these files lately, but for those in `left_out`."""
    latest = list(landing_commits(repo).values())[-LANDINGS:]
    paths = _paths(files)
    told = _landing_parents(repo, latest) if latest and paths else {}
    asked = "".join(f"{commit} {parent}\n" for commit, (parent, task) in told.items() if task not in left_out)
    return [LandedHunks(task=told[commit][1], hunks=hunks_of(diff)) for commit, diff in _diffs(repo, asked, paths)]


def _paths(files: Sequence[FileChange]) -> list[str]:
    chosen = [file for file in files if (file.added or 0) + (file.removed or 0) <= MAX_LINES]
    return [path for file in chosen for path in (file.path, file.old_path) if path][:_MAX_PATHS]


def _landing_parents(repo: Repo, commits: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Landing -> its first parent and its task."""
    said = trailers_of(repo, commits)
    read = zip(commits, repo.commits(commits), strict=True)
    return {name: (commit.parents[0], said[name][TASK]) for name, commit in read if commit.parents}


def _diffs(repo: Repo, asked: str, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Commit and diff for every line `COMMIT PARENT`."""
    if not asked:
        return
    arguments = (*_SETTINGS, "diff-tree", "--stdin", "-m", *_PLAIN, "--", *paths)
    out = repo.run(*arguments, stdin=asked.encode(), timeout=_TIMEOUT).out.decode("utf-8", "replace")
    parts = _HEADER.split(out)[1:]
    yield from zip(parts[::2], parts[1::2], strict=True)
