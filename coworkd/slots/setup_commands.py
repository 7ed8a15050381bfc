"""What a worktree needs before work can start in it: untracked files copied, set-up commands run once per lock file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from coworkd.core.model import Check
from coworkd.core.start_faults import StartFaultKind, UnfitSettingError
from coworkd.slots.command_runner import CommandContext, carry_out
from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.slot import Slot, is_set_up, mark_set_up
from coworkd.slots.tree_paths import is_reserved


def set_up(slot: Slot, context: CommandContext) -> tuple[Check, ...]:
    """Run the slot's set-up commands, unless what they made is still there; empty when nothing had to run.

    The caller looks whether the last check is green; a red set-up is tried again the next time.
    """
    if is_set_up(slot):
        return ()
    checks = carry_out(slot.assignment.setup, slot.work, context)
    if checks[-1].green:
        mark_set_up(slot)
    return checks


def copy_files(checkout: Path, private: PrivateRepo, paths: Sequence[str]) -> tuple[str, ...]:
    """Copy untracked files from the user's checkout to the same place in the worktree; the paths that were not there.

    They are ignored there, so that no submission carries them. Raises UnfitSettingError for a path that is not
    relative, is in `.cowork/` or `.git/`, or leads out of either tree, by `..` or by a link.
    """
    for path in paths:
        _check_path(path)
    missing = tuple(path for path in paths if not _copy(checkout, private.work, path))
    if copied := [path for path in paths if path not in missing]:
        _exclude_paths(private, copied)
    return missing


def _check_path(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith(("/", "~")) or ".." in parts or "\0" in path or "\n" in path:
        raise UnfitSettingError(StartFaultKind.COPY, f"copy: {path!r} must be a path below the repository's root")
    if is_reserved(path) or ".git" in (part.casefold() for part in parts):
        raise UnfitSettingError(StartFaultKind.COPY, f"copy: {path!r} cannot be given to an agent")


def _copy(checkout: Path, work: Path, path: str) -> bool:
    source, target = checkout / path, work / path
    if not source.is_file():
        return False
    for root, place in ((checkout, source), (work, target.parent)):
        if not place.resolve().is_relative_to(root.resolve()):
            raise UnfitSettingError(StartFaultKind.COPY, f"copy: {path!r} leads out of the repository through a link")
    if target.is_dir():
        raise UnfitSettingError(StartFaultKind.COPY, f"copy: {path!r} is a folder in the commit that runs start from")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copy2(source, target)
    return True


def _exclude_paths(private: PrivateRepo, paths: Sequence[str]) -> None:
    rules = private.master / "exclude"
    lines = "".join(f"/{_escaped(path)}\n" for path in paths)
    rules.write_bytes(rules.read_bytes() + b"\n" + os.fsencode(lines))
    private.restore()


def _escaped(path: str) -> str:
    return "".join(f"\\{char}" if char in "\\*?[ !#" else char for char in path)
