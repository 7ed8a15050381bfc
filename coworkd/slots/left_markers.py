"""Conflict markers that a resolution has left in files."""

from __future__ import annotations

from coworkd.core.conflict_markers import marker_lines
from coworkd.system.git import Repo
from coworkd.system.git.trees import differences


def left_markers(git: Repo, commit: str, ours: str, theirs: str) -> list[str]:
    """Each as `path:line: a conflict marker`: in files that are as on neither side, where neither has any."""
    before = {change.path: change.old for change in differences(git, ours, commit)}
    both = [change for change in differences(git, theirs, commit) if change.path in before]
    places: list[str] = []
    for change in both:
        lines = _markers(git, change.new)
        if lines and not _markers(git, change.old) and not _markers(git, before[change.path]):
            places += marker_places(change.path, lines)
    return places


def marker_places(path: str, lines: list[int]) -> list[str]:
    """The markers in these lines of a file, in words."""
    return [f"{path}:{line}: a conflict marker" for line in lines]


def _markers(git: Repo, version: tuple[str, str]) -> list[int]:
    """The lines of markers in a version of a file, given by mode and id; none where it is no file."""
    mode, object_id = version
    return marker_lines(git.blob(object_id)) if mode.startswith("100") else []
