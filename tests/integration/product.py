"""The program as its user calls it, in a repository of a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests import forked_commands

ROOT = Path(__file__).parents[2]


def coworkd(at: Path, *args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command there and wait for it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_"))}
    ours = {"LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(at.parent / "state")}
    program = (sys.executable, "-P", "-m", "coworkd")
    return forked_commands.run(program, args, cwd=at, env={**own, **ours, **(env or {})}, timeout=120)


def done(at: Path, *args: str) -> str:
    """What a command that succeeds prints."""
    result = coworkd(at, *args)
    assert result.returncode == 0, result.stderr
    return result.stdout


def told(at: Path, *args: str) -> Any:
    """The JSON of a command that succeeds."""
    return json.loads(done(at, *args, "--json"))
