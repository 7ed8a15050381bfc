"""A slot that was emptied when its run had ended: the next start finds it so, unless anybody did anything there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from coworkd.core.errors import RepoError
from coworkd.slots.emptied import untouched_base
from coworkd.slots.slot import (
    Slot,
    SlotAssignment,
    SlotRun,
    empty_slot,
    find_slot,
    keep_slot_work,
    open_slot,
    record_run,
    recorded_run,
)
from coworkd.slots.work_snapshots import SavedCommit
from coworkd.system.git.refs import refs_under
from tests.integration.gitkit import Checkout, checkout


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def opened(user: Checkout, state: Path, task: str = "t", run: str = "r-1", *, setup: tuple[str, ...] = ()) -> Slot:
    with user.open() as repo:
        wanted = SlotAssignment(task=task, agent="claude", base=user.git("rev-parse", "HEAD"), setup=setup)
        slot = open_slot(repo, state, 1, wanted)
    record_run(slot, SlotRun(task=task, run=run, attempt=1, epoch=1))
    return slot


def emptied(user: Checkout, state: Path, run: str = "r-1") -> tuple[SavedCommit, ...]:
    with user.open() as repo:
        return empty_slot(repo, state, 1, run)


def test_work_is_kept_and_the_slot_holds_the_files_of_its_base(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    work = Checkout(slot.work)
    commit = work.commit("by the agent", {"new.txt": "new\n", "noise.log": "ignored\n"})
    work.write("app.py", "edited\n")
    kept = emptied(user, state)
    assert [user.git("rev-parse", f"{one.commit}^") for one in kept] == [commit]
    assert untouched_base(slot.private) == slot.assignment.base
    assert work.git("status", "--porcelain", "--ignored") == ""
    assert work.git("rev-parse", "HEAD") == slot.assignment.base
    assert sorted(os.listdir(slot.work)) == [".git", ".gitignore", "app.py", "src"]
    assert recorded_run(state, 1) is None


def test_the_next_run_starts_in_it_from_its_own_base(user: Checkout, state: Path) -> None:
    work = Checkout(opened(user, state).work)
    work.write("left.txt", "left\n")
    emptied(user, state)
    base = user.commit("moved on", {"app.py": "new\n", "src/one.txt": None, "deep/er/file": "x\n"})
    slot = opened(user, state, "next", "r-2")
    assert slot.kept == ()
    assert slot.notice == ""
    assert work.git("status", "--porcelain", "--ignored") == ""
    assert work.git("rev-parse", "HEAD") == base
    assert work.git("for-each-ref", "--format=%(refname)") == "refs/heads/cowork/task/next"
    assert (slot.work / "app.py").read_text() == "new\n"
    assert not (slot.work / "src" / "one.txt").exists()
    assert untouched_base(slot.private) == ""


def edit_in_place(work: Checkout) -> None:
    """As short after the slot was emptied as can be, without another size or another time."""
    file = work.root / "app.py"
    before = file.stat()
    with file.open("r+b") as opened_file:
        opened_file.write(b"L")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def commit_elsewhere(work: Checkout) -> None:
    base = work.git("rev-parse", "HEAD")
    work.commit("idea", {"idea.txt": "idea\n"})
    work.git("branch", "idea")
    work.git("reset", "-q", "--hard", base)


def stash(work: Checkout) -> None:
    work.write("app.py", "stashed\n")
    work.git("stash")


def add_deep(work: Checkout) -> None:
    work.write("src/deep/er/new.txt", "new\n")


def remove_file(work: Checkout) -> None:
    (work.root / "app.py").unlink()


def retarget(work: Checkout) -> None:
    (work.root / "app.py").unlink()
    (work.root / "app.py").symlink_to("src/one.txt")


DONE_SINCE = [edit_in_place, commit_elsewhere, stash, add_deep, remove_file, retarget]


@pytest.mark.parametrize("touch", DONE_SINCE, ids=[one.__name__ for one in DONE_SINCE])
def test_what_is_done_in_an_emptied_slot_is_kept(
    user: Checkout, state: Path, touch: Callable[[Checkout], None]
) -> None:
    slot = opened(user, state)
    assert emptied(user, state) == ()
    touch(Checkout(slot.work))
    assert untouched_base(slot.private) == ""
    (kept,) = opened(user, state, "next", "r-2").kept
    assert kept.ref == "refs/cowork/snap/t/1"
    assert Checkout(slot.work).git("status", "--porcelain", "--ignored") == ""


def test_an_edit_at_the_very_time_of_the_look_is_seen(user: Checkout, state: Path) -> None:
    for number in range(10):
        slot = opened(user, state, run=f"r-{number}")
        (slot.work / "app.py").write_text("edited\n")
        emptied(user, state, f"r-{number}")
        with (slot.work / "app.py").open("r+b") as file:
            file.write(b"L")
        assert untouched_base(slot.private) == ""


def test_the_slot_of_another_run_stays_as_it_is(user: Checkout, state: Path) -> None:
    slot = opened(user, state, run="r-2")
    (slot.work / "new.txt").write_text("new\n")
    assert emptied(user, state, "r-1") == ()
    assert (slot.work / "new.txt").exists()
    assert find_slot(state, 1) == slot


def test_what_set_up_made_stays(user: Checkout, state: Path) -> None:
    slot = opened(user, state, setup=("make",))
    (slot.work / "noise.log").write_text("made\n")
    assert emptied(user, state) == ()
    assert (slot.work / "noise.log").exists()


def test_a_slot_whose_work_cannot_be_kept_is_not_emptied(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    (slot.work / "precious.txt").write_text("precious\n")
    shutil.rmtree(slot.private.git_dir / "refs")
    with pytest.raises(RepoError):
        emptied(user, state)
    assert (slot.work / "precious.txt").exists()
    assert "set aside" in opened(user, state, "next", "r-2").notice
    assert (state / "slots" / "1.broken-1" / "work" / "precious.txt").exists()


@pytest.mark.parametrize("missing", [(), ("emptied.json",), ("emptied.json", "slot.json", "run.json")], ids=len)
def test_a_kill_after_the_work_was_kept_loses_nothing_and_keeps_nothing_twice(
    user: Checkout, state: Path, missing: tuple[str, ...]
) -> None:
    slot = opened(user, state)
    (slot.work / "new.txt").write_text("new\n")
    with user.open() as repo:
        assert len(keep_slot_work(repo, slot)) == 1
    assert emptied(user, state) == ()
    for name in missing:
        (slot.private.folder / name).unlink(missing_ok=True)
    again = opened(user, state, "next", "r-2")
    assert (again.kept, again.notice) == ((), "")
    assert Checkout(slot.work).git("status", "--porcelain", "--ignored") == ""
    with user.open() as repo:
        assert list(refs_under(repo, "refs/cowork/snap")) == ["refs/cowork/snap/t/1"]


def test_what_was_seen_before_the_machine_started_does_not_count(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    emptied(user, state)
    file = slot.private.folder / "emptied.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "boot": "another"}))
    assert untouched_base(slot.private) == ""
    file.write_text("[")
    assert untouched_base(slot.private) == ""


def test_a_folder_that_is_no_slot_any_more_was_touched(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    emptied(user, state)
    subprocess.run(["rm", "-rf", str(slot.work)], check=True)
    assert untouched_base(slot.private) == ""
