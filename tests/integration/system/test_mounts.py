"""A process that keeps its mounts apart leaves none behind, even when it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, subprocess, sys
from coworkd.system.mounts import keep_mounts_apart
keep_mounts_apart()
subprocess.run(["mount", "-t", "tmpfs", "none", sys.argv[1]], check=True)
open(sys.argv[1] + "/inside", "w").close()
print(os.listdir(sys.argv[1]), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="only the administrator mounts")
def test_a_killed_process_leaves_no_mount(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(place)], capture_output=True, text=True, check=False)
    if "Operation not permitted" in done.stderr or "permission denied" in done.stderr:
        pytest.skip("this machine allows no mounts")
    assert done.stdout == "['inside']\n", done.stderr
    assert list(place.iterdir()) == []
    assert str(place) not in Path("/proc/self/mounts").read_text()
