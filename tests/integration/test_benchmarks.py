"""The benchmarks run: on a few tasks, once each, and whatever the times are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_the_benchmarks_of_the_product_run_and_print_their_table(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "index", "write", "sandbox", "--size", "20", "--times", "1", "--place",
         str(tmp_path)],
        cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    skipped = [where for where in ("the sandbox", "the sandbox of Landlock") if f"{where} (" in done.stdout]
    confined = 4 - 2 * len(skipped)
    assert len(rows) == 2 + 4 + confined, done.stdout
    assert any("first sight of 20 tasks" in row and "plain reference" in row for row in rows)
