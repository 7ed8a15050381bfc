"""Slots: opened fresh or recycled, written down on disk, and never emptied before their work is kept.

    STATE/slots/N/            a private repository (see `private_repo`)
    STATE/slots/N/slot.json   what it is open for; absent while it is half-made
    STATE/slots/N/run.json    the run that is about to start or runs in it; absent once it has been emptied
    STATE/slots/N.broken-K    set aside because git could not read it; nothing deletes it

`STATE` lies outside the user's repository: `git clean -ffdx` there destroys nested repositories.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from coworkd.core.errors import RepoError
from coworkd.slots.emptied import forget_emptied, record_emptied, untouched_base
from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.repo_template import agent_identity, master_files, setup_key, survey
from coworkd.slots.work_snapshots import SavedCommit, keep_work, worktree_commit
from coworkd.system.durable_files import write_json
from coworkd.system.git import Repo
from coworkd.system.git.refs import task_branch
from coworkd.system.sandbox.policy import UNCONFINED, SandboxCapabilities

TIP = "refs/cowork/tip"
"""In a slot: the commit that a run which resolves a conflict is to merge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotAssignment:
    """What a slot is opened for."""

    task: str
    agent: str
    """Whose name stands on the commits."""
    base: str
    """The commit to start from, pinned by a ref of the caller's."""
    setup: tuple[str, ...] = ()
    """Commands whose results (ignored files) are worth keeping while no lock file changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """An open slot."""

    number: int
    private: PrivateRepo
    assignment: SlotAssignment
    setup_key: str
    """Empty when nothing is to be set up."""
    kept: tuple[SavedCommit, ...] = ()
    """What was kept of the work before, when this slot was recycled."""
    notice: str = ""
    """For a person: what had to be set aside."""

    @property
    def work(self) -> Path:
        """The worktree: where the agent starts."""
        return self.private.work

    @property
    def branch(self) -> str:
        return task_branch(self.assignment.task)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRun:
    """Which run a slot's processes belong to; on disk before the first of them starts."""

    task: str
    run: str
    attempt: int
    epoch: int


def slot_folder(state: Path, number: int) -> Path:
    return state / "slots" / str(number)


def free_slot(busy: Collection[int]) -> int:
    """The lowest number that is not busy: low slots stay warm."""
    return next(number for number in count(1) if number not in busy)


def open_slot(
    repo: Repo, state: Path, number: int, assignment: SlotAssignment, means: SandboxCapabilities = UNCONFINED
) -> Slot:
    """A slot that stands on its task's branch at the base, with `.cowork/` left out.

    What an earlier task left in it is kept first (see `keep_slot_work`). Raises RepoError when the repository or the
    base is one that slots do not support; nothing is changed then.
    """
    key = setup_key(survey(repo, assignment.base), assignment.setup)
    files = master_files(repo, agent_identity(assignment.agent))
    private = PrivateRepo(folder=slot_folder(state, number), object_format=repo.object_format, means=means)
    private.folder.parent.mkdir(parents=True, exist_ok=True)
    untouched = bool(untouched_base(private))
    kept, notice = ((), "") if untouched else _keep_or_set_aside(repo, state, number, means)
    _forget_use(private)
    slot = Slot(number=number, private=private, assignment=assignment, setup_key=key, kept=kept, notice=notice)
    return _fill_or_replace(slot, files, untouched=untouched)


def empty_slot(
    repo: Repo, state: Path, number: int, run: str, means: SandboxCapabilities = UNCONFINED
) -> tuple[SavedCommit, ...]:
    """Keep what a run that has ended left in its slot, and empty the slot, which the next start has only to move.

    Nothing happens where the slot is another run's by now, or where set-up commands have made what is worth keeping.
    Raises RepoError where the work cannot be kept; the slot is as it was then, and the next start says so.
    """
    slot, record = find_slot(state, number, means), recorded_run(state, number)
    if slot is None or record is None or record.run != run or slot.assignment.setup:
        return ()
    files = master_files(repo, agent_identity(slot.assignment.agent))
    kept = keep_slot_work(repo, slot)
    _forget_use(slot.private)
    _check_out(slot, files, recycled=True)
    record_emptied(slot.private, slot.assignment.base)
    return kept


def _fill_or_replace(slot: Slot, files: Mapping[str, bytes], *, untouched: bool) -> Slot:
    used = slot.work.exists()
    try:
        _check_out(slot, files, recycled=used and not untouched, untouched=untouched)
    except (RepoError, OSError) as broken:
        if not used:
            raise
        aside = _set_aside(slot.private.folder)
        _check_out(slot, files)
        return replace(slot, notice=f"slot {slot.number} could not be cleaned and was set aside as {aside}: {broken}")
    return slot


def _check_out(slot: Slot, files: Mapping[str, bytes], *, recycled: bool = False, untouched: bool = False) -> None:
    private, assignment = slot.private, slot.assignment
    (private.begin_untouched if untouched else private.begin)(files, slot.branch)
    warm = bool(slot.setup_key) and is_set_up(slot)
    if not warm:
        _setup_file(private).unlink(missing_ok=True)
    private.check_out(assignment.base, clean=recycled, ignored=not warm)
    description = {**asdict(assignment), "setup_key": slot.setup_key, "format": private.object_format}
    # Before a process starts in the slot, the record of its run is written, whose name is synced in the same folder.
    write_json(private.folder / "slot.json", description, sync_name=False)


def find_slot(state: Path, number: int, means: SandboxCapabilities = UNCONFINED) -> Slot | None:
    """The slot as it was last opened, or None when there is none, or it was never finished."""
    folder = slot_folder(state, number)
    try:
        found: dict[str, Any] = json.loads((folder / "slot.json").read_bytes())
        private = PrivateRepo(folder=folder, object_format=found.pop("format"), means=means)
        key: str = found.pop("setup_key")
        assignment = SlotAssignment(setup=tuple(found.pop("setup")), **found)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return Slot(number=number, private=private, assignment=assignment, setup_key=key)


def keep_slot_work(repo: Repo, slot: Slot) -> tuple[SavedCommit, ...]:
    """Put everything in the slot that no ref of the user's repository has yet under `refs/cowork/snap/TASK/`.

    Safe while an agent works in the slot: neither its index nor its branches are touched.
    """
    return keep_work(repo, slot.private, slot.assignment.task, slot.assignment.base)


def slot_commit(slot: Slot) -> tuple[str, str]:
    """The commit that holds the slot's files as they are, and its tree; in the user's repository once it was kept."""
    return worktree_commit(slot.private, slot.assignment.base)


def restore(slot: Slot, commit: str) -> None:
    """Bring a fresh slot to the commit of earlier work on its task, which builds on the slot's base."""
    slot.private.run("reset", "--quiet", "--hard", commit)


def remove_slot(
    repo: Repo, state: Path, number: int, means: SandboxCapabilities = UNCONFINED
) -> tuple[SavedCommit, ...]:
    """Keep the slot's work, then delete the slot; one that cannot be kept is set aside instead."""
    kept, _ = _keep_or_set_aside(repo, state, number, means)
    shutil.rmtree(slot_folder(state, number), ignore_errors=True)
    return kept


def offer_tip(slot: Slot, tip: str) -> None:
    """Give a run that is to resolve a conflict the commit to merge, as `refs/cowork/tip`."""
    slot.private.run("update-ref", "--no-deref", TIP, tip)


def record_run(slot: Slot, record: SlotRun) -> None:
    """Write down, durably, whose processes are about to start in the slot."""
    write_json(slot.private.folder / "run.json", asdict(record))


def recorded_run(state: Path, number: int) -> SlotRun | None:
    """The run last recorded for a slot, or None."""
    try:
        return SlotRun(**json.loads((slot_folder(state, number) / "run.json").read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _keep_or_set_aside(
    repo: Repo, state: Path, number: int, means: SandboxCapabilities
) -> tuple[tuple[SavedCommit, ...], str]:
    """Keep what is in the slot; one that cannot be read is set aside, with a notice that says so."""
    folder = slot_folder(state, number)
    try:
        return _keep_before_reuse(repo, find_slot(state, number, means), folder), ""
    except RepoError as broken:
        aside = _set_aside(folder)
        return (), f"slot {number} could not be read and was set aside as {aside}: {broken}"


def _forget_use(private: PrivateRepo) -> None:
    """Take the description of a slot away whose work is kept: from here on it is half-made and holds nothing."""
    forget_emptied(private)
    for name in ("slot.json", "run.json"):
        (private.folder / name).unlink(missing_ok=True)


def _keep_before_reuse(repo: Repo, before: Slot | None, folder: Path) -> tuple[SavedCommit, ...]:
    if before is None:
        # Half-made: no agent has been in here yet.
        shutil.rmtree(folder, ignore_errors=True)
        return ()
    return keep_slot_work(repo, before)


def _set_aside(folder: Path) -> Path:
    aside = next(path for n in count(1) if not (path := folder.with_name(f"{folder.name}.broken-{n}")).exists())
    folder.rename(aside)
    return aside


def _setup_file(private: PrivateRepo) -> Path:
    return private.folder / "setup.key"


def mark_set_up(slot: Slot) -> None:
    """Remember that the set-up commands have run for this slot's key."""
    _setup_file(slot.private).write_text(slot.setup_key)


def is_set_up(slot: Slot) -> bool:
    """Whether what the set-up commands made is there: also when there are none."""
    return _read_line(_setup_file(slot.private)) == slot.setup_key


def _read_line(path: Path) -> str:
    return path.read_text() if path.exists() else ""
