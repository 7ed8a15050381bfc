"""The merge driver as git knows it: how it is registered, and one call of it.

git runs the driver for every file that both sides of a merge changed. Registering writes the repository's own
configuration and attributes, which belong to the user: `install` is called for an explicit command alone.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import RepoError
from coworkd.sync.merging.conflict_markers import Markers
from coworkd.sync.merging.file_merge import FileMerge, merge_files
from coworkd.system.durable_files import replace_file
from coworkd.system.git import Repo
from coworkd.system.git.blob_origin import add_lines
from coworkd.system.git.merge_file import merge_file
from coworkd.system.paths_and_settings import FOLDER

NAME = "merge.cowork.name"
DRIVER = "merge.cowork.driver"
ATTRIBUTES = (f"{FOLDER}/**/*.md merge=cowork", f"{FOLDER}/config.yaml merge=cowork")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeCall:
    """The files git hands over; the result goes into `ours`."""

    base: Path
    ours: Path
    theirs: Path
    path: str
    """Of the file in the repository."""
    markers: Markers


def command_line() -> str:
    """What git runs: this very interpreter, for git's search path need not be the user's."""
    program = shlex.join([sys.executable, "-P", "-m", "coworkd", "merge-driver", "run"])
    return f"{program} --marker-size %L %O %A %B %P"


def install(repo: Repo) -> list[str]:
    """Register the driver for this repository; what was written, empty when all of it was there."""
    written = [_set_config(repo, name, value) for name, value in ((NAME, "coworkd"), (DRIVER, command_line()))]
    file = repo.common_dir / "info" / "attributes"
    return [line for line in written if line] + [f"{file}: {line}" for line in add_lines(file, ATTRIBUTES)]


def _set_config(repo: Repo, name: str, value: str) -> str:
    if repo.setting(name) == value:
        return ""
    repo.run("config", "--local", "--replace-all", name, value)
    return f"{repo.common_dir / 'config'}: {name} = {value}"


def installed_program(repo: Repo) -> str:
    """The program that is registered; empty when git would not use the driver."""
    # Asked about a name below `tasks/`, as git would be: the user may have attributes of their own.
    asked = repo.run("check-attr", "merge", "--", f"{FOLDER}/tasks/x.md").text
    words = shlex.split(repo.setting(DRIVER))
    return words[0] if words and asked.endswith(": merge: cowork") else ""


def run(call: MergeCall) -> tuple[str, ...]:
    """Merge one file in place; what is left to a person. Raises RepoError, OSError when it cannot be merged at all."""
    base, ours, theirs = (file.read_bytes() for file in (call.base, call.ours, call.theirs))
    merged = merge_files(call.path.removeprefix(f"{FOLDER}/"), base, ours, theirs, call.markers)
    if merged is None:
        return _merge_by_lines(call)
    return _write_result(call, merged)


def _write_result(call: MergeCall, merged: FileMerge) -> tuple[str, ...]:
    replace_file(call.ours, merged.data)
    return merged.conflicts


def _merge_by_lines(call: MergeCall) -> tuple[str, ...]:
    labels = [word for label in (call.markers.ours, "base", call.markers.theirs) for word in ("-L", label)]
    options: Sequence[str] = (f"--marker-size={call.markers.size}", *labels)
    try:
        conflicts = merge_file(call.ours, call.base, call.theirs, options)
    except RepoError:
        return ("file",)  # no text: ours stays, and git tells the user that both changed it
    return ("lines",) * conflicts
