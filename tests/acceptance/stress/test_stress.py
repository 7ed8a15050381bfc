"""`coworkd stress` in its smallest size: every kind of agent and fault once, and no promise broken."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.workbench import PROJECT

KINDS = 9


@pytest.mark.slow
def test_a_small_stress_run_keeps_every_promise(tmp_path: Path) -> None:
    words = ["stress", "--agents", "4", "--tasks", str(KINDS), "--minutes", "5", "--seed", "11", "--json"]
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-m", "coworkd", *words], cwd=tmp_path, capture_output=True, text=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(PROJECT), "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    report = json.loads(done.stdout)
    assert report["ok"]
    assert report["figures"]["tasks"] == KINDS
    assert sum(report["figures"]["faults"].values()) >= 3
    assert list(tmp_path.iterdir()) == []
