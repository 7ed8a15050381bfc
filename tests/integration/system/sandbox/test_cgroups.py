"""Control groups that a killed supervisor left are removed; those that are held, in use, or another's are not."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coworkd.system.sandbox import cgroups
from coworkd.system.sandbox.policy import ResourceLimits, SandboxCapabilities


def group(folder: Path, name: str, *, used: bool = False) -> Path:
    made_group = folder / name
    made_group.mkdir()
    if used:
        (made_group / "process").touch()  # a group with processes in it is refused as a folder with files is
    return made_group


def test_only_groups_of_ours_that_are_neither_held_nor_used_are_removed(tmp_path: Path) -> None:
    abandoned = group(tmp_path, "coworkd-1a2b3c4d")
    held = cgroups.hold(tmp_path / "coworkd-5e6f7a8b")
    kept = [held.folder, group(tmp_path, "coworkd-9c0d1e2f", used=True), group(tmp_path, "another")]
    assert cgroups.remove_abandoned([str(tmp_path)]) == 1
    assert not abandoned.exists()
    assert all(each.exists() for each in kept)
    held.leave()
    assert not held.folder.exists()


def test_a_group_is_removed_by_the_last_who_holds_it(tmp_path: Path) -> None:
    first, second = (cgroups.hold(tmp_path / "coworkd-1a2b3c4d") for _ in range(2))
    first.leave()
    assert second.folder.is_dir()
    second.leave()
    assert not second.folder.exists()


def test_a_group_whose_holder_was_killed_is_removed(tmp_path: Path) -> None:
    hold = "import sys, time; from pathlib import Path; from coworkd.system.sandbox import cgroups"
    hold += "; held = cgroups.hold(Path(sys.argv[1])); print(flush=True); time.sleep(1000)"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", hold, str(tmp_path / "coworkd-1a2b3c4d")], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert cgroups.remove_abandoned([str(tmp_path)]) == 0
        holder.kill()
    assert cgroups.remove_abandoned([str(tmp_path)]) == 1


def test_a_group_that_is_being_given_up_and_removed_is_held_all_the_same(tmp_path: Path) -> None:
    """Commands of a run begin and end at the same time: none finds its group gone."""
    folder = tmp_path / "coworkd-1a2b3c4d"

    def hold_and_leave() -> None:
        for _ in range(300):
            held = cgroups.hold(folder)
            assert folder.is_dir()
            held.leave()

    with ThreadPoolExecutor(4) as threads:
        for ended in [threads.submit(hold_and_leave) for _ in range(4)]:
            ended.result()
    assert not folder.exists()


def test_a_look_at_what_works_leaves_a_group_in_use_alone() -> None:
    folders = cgroups.find()
    if not folders:
        pytest.skip("no control groups can be made here")
    means, run = SandboxCapabilities(groups=folders, memory=1 << 30), f"trial-{os.getpid()}"
    groups = cgroups.join(means, run, ResourceLimits())
    try:
        assert cgroups.find() == folders
        assert all(Path(folder, f"coworkd-{run}").is_dir() for folder in folders)
    finally:
        groups.leave()
