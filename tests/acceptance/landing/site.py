"""Drives coworkd the way its users do: by the command line and by the files of a workspace, nothing else."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import forked_commands

PATIENCE = 60.0
"""Seconds after which something that was waited for is taken not to come."""
COWORKD = (sys.executable, "-P", "-m", "coworkd")


class Site:
    """A throw-away repository with a workspace in it."""

    def __init__(self, root: Path, *, name: str = "repo", files: dict[str, str] | None = None) -> None:
        self.root = root
        self.repo = root / name
        self.home = root / "home"
        self.scratch = root / "scratch"
        for folder in (self.repo, self.home, self.scratch):
            folder.mkdir(parents=True)
        self.env = _environment(self.home)
        self.daemon: subprocess.Popen[bytes] | None = None
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "User")
        self.git("config", "user.email", "user@example.com")
        for path, text in (files if files is not None else {"README.md": "hello\n", "app.py": "x = 1\n"}).items():
            self.write(path, text)

    # ---- what a person types

    def git(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.repo, env=self.env, capture_output=True, text=True, errors="surrogateescape",
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{words} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def commit(self, message: str = "work") -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def cmd(self, *words: str, check: bool = True, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        done = forked_commands.run(
            COWORKD, words, cwd=cwd or self.repo, env=self.env, timeout=PATIENCE, errors="surrogateescape"
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert not check or done.returncode == 0, f"{words} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def write(self, path: str, text: str) -> Path:
        """Save a file as most editors do: a new file in the place of the old one."""
        target = self.repo / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.tmp~")
        draft.write_bytes(text.encode())
        os.replace(draft, target)
        return target

    def config(self, text: str) -> None:
        self.write(".cowork/config.yaml", f"version: 1\nquiet: 1\nbackoff: 0.1\n{text}")

    def agent(self, name: str, script: str, extra: str = "") -> None:
        lines = "".join(f"    {line}\n" for line in script.strip("\n").splitlines())
        extra += f"sandbox: {{allow_paths: [{self.scratch}]}}\n"
        head = f"driver: command\ncommand:\n  - bash\n  - -c\n  - |\n{lines}{extra}"
        self.write(f".cowork/agents/{name}.md", f"---\n{head}---\nYou are {name}.\n")

    def task(self, task: str, head: str = "", body: str = "Do it.", agent: str = "ed") -> None:
        text = f"---\ntitle: {task}\nstatus: ready\nagent: {agent}\n{head}---\n{body}\n"
        self.write(f".cowork/tasks/{task}.md", text)

    def set(self, path: str, key: str, value: str) -> None:
        """Change one line of a file's head and save it."""
        text = self.text(path)
        line = re.search(rf"^{key}:.*$", text, re.MULTILINE)
        assert line, f"{path} has no {key}:\n{text[:400]}"
        self.write(f".cowork/{path}", f"{text[: line.start()]}{key}: {value}{text[line.end() :]}")

    def approve(self, task: str) -> None:
        self.set(f"reviews/{task}.md", "approval", "approved")

    # ---- the daemon

    def init(self) -> None:
        self.cmd("init")

    def up(self) -> None:
        with (self.root / "daemon.log").open("ab") as log:
            self.daemon = subprocess.Popen(
                [*COWORKD, "up"], cwd=self.repo, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def down(self) -> None:
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait(PATIENCE)

    def close(self) -> None:
        try:
            self.down()
        finally:
            if self.daemon is not None and self.daemon.poll() is None:
                self.daemon.kill()
                self.daemon.wait()

    def log(self) -> str:
        file = self.root / "daemon.log"
        return file.read_text(errors="replace") if file.exists() else ""

    # ---- what a person sees

    def text(self, path: str) -> str:
        """A file of the workspace; empty where there is none."""
        try:
            return (self.repo / ".cowork" / path).read_bytes().decode()
        except FileNotFoundError:
            return ""

    def field(self, path: str, key: str) -> str:
        """A value of a file's head or of its `cowork:` map, read without the product's own code."""
        head = [*self.text(path).split("---", 2), "", ""][1]
        found = re.search(rf"^[ \t]*{key}:[ \t]*(.*?)[ \t]*$", head, re.MULTILINE)
        found = found or re.search(rf"[{{,][ \t]*{key}:[ \t]*([^,}}]*)", head)
        return found.group(1).strip("\"'") if found else ""

    def status(self, task: str) -> str:
        return self.field(f"tasks/{task}.md", "status")

    def board(self) -> dict[str, Any]:
        return json.loads(self.cmd("status", "--json").stdout)

    def card(self, task: str) -> dict[str, Any]:
        return json.loads(self.cmd("show", task, "--json").stdout)

    def problems(self) -> str:
        return " | ".join(f"{problem['path']}: {problem['message']}" for problem in self.board()["problems"])

    def show(self, expression: str) -> str:
        return self.git("show", expression, check=False)

    def tree(self, ref: str = "cowork/integration") -> set[str]:
        return set(self.git("ls-tree", "-r", "--name-only", ref, check=False).splitlines())

    # ---- waiting

    def wait(self, what: str, found: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Until `found` finds something; the end of the daemon ends the waiting, too."""
        until = time.monotonic() + seconds
        while not (value := found()):
            assert time.monotonic() < until, f"not within {seconds:g} s: {what}\n{self._state()}"
            assert not self._daemon_ended(), f"the daemon ended while waiting for: {what}\n{self._state()}"
        return value

    def _daemon_ended(self) -> bool:
        assert self.daemon is not None, "waiting without a daemon"
        try:
            self.daemon.wait(0.05)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _state(self) -> str:
        files = sorted((self.repo / ".cowork" / "tasks").glob("*.md"))
        lines = [f"{file.stem}: {self.status(file.stem)}" for file in files]
        return "\n".join([*lines, self.text("inbox.md"), self.log()[-3000:]])

    def until(self, task: str, *statuses: str, seconds: float = PATIENCE) -> str:
        def there() -> str:
            now = self.status(task)
            return now if now in statuses else ""

        return self.wait(f"{task} is {' or '.join(statuses)}", there, seconds)

    def reviewed(self, task: str) -> str:
        """Until a review waits for an answer; its text."""
        path = f"reviews/{task}.md"
        self.until(task, "review")
        self.wait(f"the review of {task}", lambda: self.field(path, "approval") == "pending")
        return self.text(path)

    def finish(self, task: str) -> None:
        self.reviewed(task)
        self.approve(task)
        self.until(task, "done")


def _environment(home: Path) -> dict[str, str]:
    who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER")
           for part, value in (("NAME", "User"), ("EMAIL", "user@example.com"))}  # fmt: skip
    own = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "LANG": "C.UTF-8",
        "COWORKD_STRICT": "1",
    }
    passed = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return {**own, **who, **passed, "TERM": "dumb"}
