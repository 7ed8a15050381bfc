"""Control groups that a killed supervisor left are removed; those that are in use, young or another's are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coworkd.system.sandbox import cgroups
from coworkd.system.sandbox.policy import ResourceLimits, SandboxCapabilities

OLD, CUT, YOUNG = 1000.0, 2000.0, 3000.0


def group(folder: Path, name: str, made: float, *, used: bool = False) -> Path:
    made_group = folder / name
    made_group.mkdir()
    if used:
        (made_group / "process").touch()  # a group with processes in it is refused as a folder with files is
    os.utime(made_group, (made, made))
    return made_group


def test_only_old_groups_of_ours_without_processes_are_removed(tmp_path: Path) -> None:
    abandoned = group(tmp_path, "coworkd-1a2b3c4d", OLD)
    kept = [
        group(tmp_path, "coworkd-5e6f7a8b", YOUNG),
        group(tmp_path, "coworkd-9c0d1e2f", OLD, used=True),
        group(tmp_path, "another", OLD),
    ]
    assert cgroups.remove_abandoned(CUT, [str(tmp_path)]) == 1
    assert not abandoned.exists()
    assert all(each.exists() for each in kept)


def test_a_look_at_what_works_leaves_a_group_in_use_alone() -> None:
    folders = cgroups.find()
    if not folders:
        pytest.skip("no control groups can be made here")
    means, run = SandboxCapabilities(groups=folders, memory=1 << 30), f"trial-{os.getpid()}"
    cgroups.join(means, run, ResourceLimits())
    try:
        assert cgroups.find() == folders
        assert all(Path(folder, f"coworkd-{run}").is_dir() for folder in folders)
    finally:
        cgroups.leave(means, run)
