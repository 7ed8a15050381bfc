"""Drives coworkd from outside: its command line as child processes, the files of a workspace, and nothing else.

Files are saved as editors save them, by renaming a new file over the old one, and read with no code of the product.
"""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests import forked_commands

PROJECT = Path(__file__).resolve().parents[3]

IDENTITY = {
    "GIT_AUTHOR_NAME": "Anna", "GIT_AUTHOR_EMAIL": "anna@example.com",
    "GIT_COMMITTER_NAME": "Anna", "GIT_COMMITTER_EMAIL": "anna@example.com",
}  # fmt: skip

DEADLINE = 40.0
"""Seconds after which something that has not happened will not."""

T = TypeVar("T")


def wait_for(what: str, holds: Callable[[], T], within: float = DEADLINE, alive: Callable[[], bool] | None = None) -> T:
    """The first true value of `holds`; fails loudly when there is none in time, or nobody is left to make it true."""
    end = time.monotonic() + within
    while not (found := holds()):
        assert alive is None or alive(), f"the daemon ended while waiting: {what}"
        assert time.monotonic() < end, f"not within {within:g} s: {what}"
        select.select([], [], [], 0.05)
    return found


def stays(what: str, holds: Callable[[], object], seconds: float) -> None:
    """Nothing else comes of it: `holds` at every look for this long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert holds(), what
        select.select([], [], [], 0.1)


class Workspace:
    """A repository with a workspace and, once `up` was called, a daemon."""

    def __init__(self, root: Path, *, init: bool = True, repo: str = "repo", user: str = "anna") -> None:
        self.root = root
        self.repo = root / repo
        home = root / f"home-{repo}"
        home.mkdir(parents=True)
        self.env = {
            "COWORKD_STRICT": "1", "PATH": os.environ["PATH"], "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "LANG": "C.UTF-8",
            "TERM": "dumb", "PYTHONPATH": str(PROJECT), "GIT_CONFIG_GLOBAL": os.devnull, "LOGNAME": user, **IDENTITY,
        }  # fmt: skip
        self.daemon: subprocess.Popen[bytes] | None = None
        self.scratch = root / "scratch"
        self.scratch.mkdir(exist_ok=True)
        if init:
            self._make()

    def _make(self) -> None:
        self.repo.mkdir()
        self.git("init", "-q", "-b", "main")
        self.write("README.md", "hello\n")
        self.git("add", "-A")
        self.git("commit", "-qm", "start")
        self.cmd("init")

    # ---- commands

    def git(self, *words: str, ok: bool = True) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.repo, env=self.env, capture_output=True, text=True, timeout=60, check=False
        )
        assert not ok or done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        program = (sys.executable, "-P", "-m", "coworkd")
        return forked_commands.run(program, words, cwd=self.repo, env=self.env, timeout=90)

    def cmd(self, *words: str) -> str:
        """What the command prints; it has to succeed."""
        done = self.run(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.cmd(*words, "--json"))

    # ---- the daemon

    def up(self) -> Workspace:
        log = (self.root / "daemon.log").open("ab")
        with log:
            self.daemon = subprocess.Popen(
                [sys.executable, "-P", "-m", "coworkd", "up"], cwd=self.repo, env=self.env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            )  # fmt: skip
        assert self.daemon.stdout is not None
        line = self.daemon.stdout.readline().decode()
        assert line.startswith("ready "), (line, (self.root / "daemon.log").read_text()[-3000:])
        return self

    def alive(self) -> bool:
        return self.daemon is not None and self.daemon.poll() is None

    def down(self) -> None:
        """Ask the daemon to end, and see that it ends well."""
        if self.daemon is None:
            return
        daemon, self.daemon = self.daemon, None
        daemon.terminate()
        code = daemon.wait(40)
        assert daemon.stdout is not None
        daemon.stdout.close()
        assert code == 0, (code, (self.root / "daemon.log").read_text()[-3000:])

    def kill(self) -> None:
        """End the daemon as a power cut would."""
        assert self.daemon is not None
        daemon, self.daemon = self.daemon, None
        daemon.kill()
        daemon.wait()
        assert daemon.stdout is not None
        daemon.stdout.close()

    def forget(self) -> None:
        """Delete the database while the daemon is down."""
        for file in (self.repo / ".git" / "cowork").glob("*.db*"):
            file.unlink()

    # ---- files

    def path(self, file: str) -> Path:
        return self.repo / ".cowork" / file

    def write(self, file: str, text: str | bytes) -> Path:
        """Save a file of the repository by rename."""
        path = self.repo / file
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.swp~")
        temporary.write_bytes(text if isinstance(text, bytes) else text.encode())
        temporary.replace(path)
        return path

    def save(self, file: str, text: str | bytes) -> Path:
        """Save a file of the workspace by rename."""
        return self.write(f".cowork/{file}", text)

    def read(self, file: str) -> str:
        """A file of the workspace; empty when it is not there."""
        try:
            return self.path(file).read_bytes().decode()
        except FileNotFoundError:
            return ""

    def config(self, text: str = "", quiet: float = 1) -> None:
        self.save("config.yaml", f"version: 1\nquiet: {quiet:g}\n{text}")

    def agent(self, name: str, script: str) -> None:
        """A shell script as an agent; `$SCRATCH` is a folder outside where it can leave traces."""
        lines = "".join(f"    {line}\n" for line in script.strip("\n").split("\n"))
        self.save(
            f"agents/{name}.md",
            f"---\ndriver: command\ncommand:\n  - bash\n  - -c\n  - |\n{lines}env: {{SCRATCH: {self.scratch}}}\n"
            f"sandbox: {{allow_paths: [{self.scratch}]}}\n---\nYou are {name}.\n",
        )

    def task(self, task: str, body: str = "Do it.\n", *, status: str | None = "ready", **keys: str) -> Path:
        head = {} if status is None else {"status": status}
        lines = "".join(f"{key}: {value}\n" for key, value in {"title": task, **head, **keys}.items())
        return self.save(f"tasks/{task}.md", f"---\n{lines}---\n{body}")

    def set(self, file: str, key: str, value: str) -> None:
        """Change one line of a header, as a person does in an editor."""
        text = self.read(file)
        changed, count = re.subn(rf"(?m)^{re.escape(key)}:.*$", lambda _: f"{key}: {value}", text, count=1)
        assert count, f"{file} has no {key}:\n{text}"
        self.save(file, changed)

    def header(self, file: str) -> str:
        parts = self.read(file).removeprefix("\ufeff").split("---", 2)
        return parts[1] if len(parts) == 3 else ""

    def field(self, file: str, key: str) -> str:
        """A scalar of the header, or of the `cowork:` map when the key is `cowork.KEY`."""
        name = key.removeprefix("cowork.")
        lead = r"^[ \t]+" if key != name else r"^"
        found = re.search(
            rf"{lead}[\"']?{re.escape(name)}[\"']?:[ \t]*(.*?)[ \t\r]*(?: #.*)?$",
            self.header(file),
            re.MULTILINE | re.IGNORECASE,
        )
        found = found or re.search(rf"[{{,][ \t]*{re.escape(name)}:[ \t]*([^,}}]*)", self.header(file))
        return found.group(1).strip("\"'") if found else ""

    def status(self, task: str) -> str:
        """The status in the task's file."""
        return self.field(f"tasks/{task}.md", "status")

    def traces(self, name: str) -> list[str]:
        """The lines an agent left in the scratch folder."""
        file = self.scratch / name
        return file.read_text().splitlines() if file.exists() else []

    # ---- waiting

    def wait(self, what: str, holds: Callable[[], T], within: float = DEADLINE) -> T:
        return wait_for(what, holds, within, self.alive)

    def until(self, task: str, *statuses: str, within: float = DEADLINE) -> None:
        def there() -> bool:
            return self.status(task) in statuses

        try:
            self.wait(f"{task} is {' or '.join(statuses)}", there, within)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.read(f'tasks/{task}.md')}\n{self.board()}") from error

    def card(self, task: str) -> dict[str, Any]:
        """The task as `status --json` shows it; empty when it does not."""
        return next((card for card in self.json("status")["tasks"] if card["id"] == task), {})

    def problem(self, path: str, *words: str) -> dict[str, Any]:
        """A problem of this file that has all these words."""

        def shown() -> dict[str, Any]:
            found = [p for p in self.json("status")["problems"] if p["path"] == path]
            return next((p for p in found if all(word in p["message"] for word in words)), {})

        try:
            return self.wait(f"a problem of {path} about {words}", shown, 12)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.json('status')['problems']}") from error

    def problems(self, path: str) -> list[str]:
        return [p["message"] for p in self.json("status")["problems"] if p["path"] == path]

    def approve(self, task: str) -> None:
        self.until(task, "review")
        self.wait("the review", lambda: self.field(f"reviews/{task}.md", "approval") == "pending")
        self.set(f"reviews/{task}.md", "approval", "approved")

    def finish(self, task: str) -> None:
        self.approve(task)
        self.until(task, "done")

    def board(self) -> str:
        return self.run("status").stdout
