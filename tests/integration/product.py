"""The program as its user calls it, in a repository of a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def coworkd(at: Path, *args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command there and wait for it."""
    around = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(at.parent / "state"), **(env or {})}
    argv = [sys.executable, "-P", "-m", "coworkd", *args]
    return subprocess.run(argv, cwd=at, env=around, capture_output=True, text=True, check=False)


def done(at: Path, *args: str) -> str:
    """What a command that succeeds prints."""
    result = coworkd(at, *args)
    assert result.returncode == 0, result.stderr
    return result.stdout


def told(at: Path, *args: str) -> Any:
    """The JSON of a command that succeeds."""
    return json.loads(done(at, *args, "--json"))
