"""The `coworkd` command, each time in another process, in a repository of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests import forked_commands

ROOT = Path(__file__).parents[1]
COWORKD = (sys.executable, "-P", "-m", "coworkd")


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of whoever runs the tests but the search path."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "COWORKD_STRICT": "1",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        **{f"GIT_{role}_NAME": "You" for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_EMAIL": "you@example.org" for role in ("AUTHOR", "COMMITTER")},
        **more,
    }


class Desk:
    """A repository with a workspace, and somebody who types commands in it."""

    def __init__(self, root: Path, *, init: bool = True) -> None:
        self.root = root / "repo"
        self.home = root / "home"
        self.root.mkdir()
        self.home.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        (self.root / "a.txt").write_text("a\n")
        self.git("add", "a.txt")
        self.git("commit", "--quiet", "--message", "Start")
        if init:
            self.ok("init")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=environment(self.home), capture_output=True, text=True, check=True
        )
        return done.stdout

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return forked_commands.run(COWORKD, words, cwd=self.root, env=environment(self.home, **env), timeout=60)

    def ok(self, *words: str, **env: str) -> str:
        """What a command prints that must go well."""
        done = self.run(*words, **env)
        assert done.returncode == 0, done.stderr
        assert done.stderr == "", done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.ok(*words, "--json"))

    def fails(self, code: int, *words: str) -> str:
        """What a command says that must fail with this exit code."""
        done = self.run(*words)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def write(self, name: str, text: str) -> Path:
        path = self.root / ".cowork" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read(self, name: str) -> str:
        return (self.root / ".cowork" / name).read_text()
