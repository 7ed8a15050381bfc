"""A user's repository for tests, and a witness that nothing of the user's was touched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from coworkd.system.git import Repo


@dataclass(frozen=True)
class Checkout:
    """A repository as its user sees it; `git` runs the real program, hooks and all."""

    root: Path

    def git(self, *args: str, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            ["git", *args],
            cwd=self.root,
            input=stdin,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
        assert done.returncode == 0, f"git {args}: {done.stderr}"
        return done.stdout.strip()

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def commit(self, message: str, files: Mapping[str, str | None] | None = None) -> str:
        """Write (or, for None, delete) files, commit all of it, and say the commit."""
        for path, text in (files or {}).items():
            if text is None:
                (self.root / path).unlink()
            else:
                self.write(path, text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, start: str, files: Mapping[str, str | None]) -> str:
        """A commit on a branch of its own, made without disturbing the branch that is checked out."""
        back = self.git("symbolic-ref", "--short", "HEAD")
        self.git("checkout", "-q", "-B", name, start)
        made = self.commit(f"work of {name}", files)
        self.git("checkout", "-q", back)
        return made

    def open(self) -> Repo:
        return Repo.open(self.root)

    def state(self) -> dict[str, object]:
        """Everything that is the user's alone: HEAD, its branch, index, status, stash, configuration, hooks."""
        git_dir = self.root / ".git"
        return {
            "status": self.git("--no-optional-locks", "status", "--porcelain=v2", "--branch", "--ignored"),
            "head": (git_dir / "HEAD").read_bytes(),
            "index": (git_dir / "index").read_bytes() if (git_dir / "index").exists() else b"",
            "config": (git_dir / "config").read_bytes(),
            "stash": self.git("stash", "list"),
            "hooks": sorted(p.name for p in (git_dir / "hooks").iterdir()),
            "heads": [
                line
                for line in self.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads").splitlines()
                if "refs/heads/cowork/" not in line
            ],
        }


@contextmanager
def process_starts() -> Generator[list[list[str]]]:
    """The words of each process that this one starts until the end of the `with`."""
    started: list[list[str]] = []
    watching = [True]

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "subprocess.Popen":
            started.append([os.fsdecode(word) for word in cast("list[str | bytes]", arguments[1])])

    # A hook stays for ever.
    sys.addaudithook(note)
    try:
        yield started
    finally:
        watching.clear()


def checkout(folder: Path, *, object_format: str = "sha1") -> Checkout:
    """A new repository on `main` with a few files, one of them in `.cowork/`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Checkout(folder)
    made.git("init", "-q", "-b", "main", f"--object-format={object_format}")
    made.git("config", "user.name", "Anna")
    made.git("config", "user.email", "anna@example.org")
    made.git("config", "commit.gpgsign", "false")
    made.commit(
        "start",
        {
            "app.py": "".join(f"line {n}\n" for n in range(1, 21)),
            "src/one.txt": "one\n",
            "src/two.txt": "two\n",
            ".gitignore": "*.log\nbuild/\n",
            ".cowork/config.yaml": "version: 1\n",
        },
    )
    return made
