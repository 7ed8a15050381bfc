"""A workspace driven from outside: through the command line and files alone, nothing of the product imported.

The frontmatter is read by other means than the product's own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests import forked_commands

T = TypeVar("T")

PROJECT = Path(__file__).resolve().parents[2]

EDIT = (
    'cat > prompt.$COWORK_TASK; echo "$COWORK_TASK" >> done.$COWORK_TASK; git add -A;'
    ' git commit -qm "work of $COWORK_TASK"; echo "I did $COWORK_TASK"\n'
)
"""An agent that keeps its prompt, adds a line to a file of its task, and commits."""

_TICK = threading.Event()
_POLL = 0.05

PATIENCE = float(os.environ.get("COWORK_TEST_PATIENCE", "60"))
"""Seconds after which something that was waited for is taken not to come."""


SANDBOX = os.environ.get("COWORK_TEST_SANDBOX", "")
"""The kind of sandbox that every workbench asks for: to try all of this at another level."""


class Workbench:
    """A repository with `.cowork/` in a folder of its own, and what a person does in it."""

    def __init__(self, root: Path, *, init: bool = True) -> None:
        self.root = root
        self.repo = root / "repo"
        self.home = root / "home"
        self.scratch = root / "scratch"
        self.bin = root / "bin"
        for folder in (self.repo, self.home, self.scratch, self.bin):
            folder.mkdir(parents=True, exist_ok=True)
        self._install()
        self.daemon: subprocess.Popen[bytes] | None = None
        self.env = {
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin", "HOME": str(self.home), "LANG": "C.UTF-8",
            "XDG_STATE_HOME": str(self.home / "state"), "TERM": "dumb", "COWORKD_STRICT": "1", "GIT_AUTHOR_NAME": "User",
            "GIT_AUTHOR_EMAIL": "user@example.com", "GIT_COMMITTER_NAME": "User",
            "GIT_COMMITTER_EMAIL": "user@example.com",
        }  # fmt: skip
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "User")
        self.git("config", "user.email", "user@example.com")
        self.write("README.md", "hello\n")
        self.write("app.py", "x = 1\n")
        self.git("add", "-A")
        self.git("commit", "-qm", "start")
        self.start = self.git("rev-parse", "HEAD")
        if SANDBOX:
            self.settings(f"sandbox: {{use: {SANDBOX}}}\n")
        if init:
            self.cmd("init")

    def settings(self, text: str) -> None:
        """The user's own settings, which hold for all workspaces."""
        file = self.home / ".config" / "coworkd" / "config.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def _install(self) -> None:
        """The command, run by the interpreter of the tests from the tree under test."""
        script = self.bin / "coworkd"
        script.write_text(f'#!/bin/sh\nPYTHONPATH={PROJECT} exec {sys.executable} -P -W ignore -m coworkd "$@"\n')
        script.chmod(0o755)

    # ---- commands

    def git(self, *args: str, check: bool = True, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *args], cwd=cwd or self.repo, env=self.env, capture_output=True, text=True, timeout=60, check=False
        )
        assert not check or done.returncode == 0, (args, done.stdout, done.stderr)
        return done.stdout.strip()

    def cmd(
        self, *args: str, check: bool = True, timeout: float = 60, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        program = (str(self.bin / "coworkd"),)
        done = forked_commands.run(program, args, cwd=cwd or self.repo, env=self.env, timeout=timeout)
        assert "Traceback" not in done.stderr, done.stderr
        assert not check or done.returncode == 0, (args, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *args: str) -> Any:
        return json.loads(self.cmd(*args, "--json").stdout)

    def card(self, task: str) -> dict[str, Any]:
        """What `status --json` says of a task, as soon as its file has been taken in."""
        return self.wait(f"{task} in the status", lambda: self._card(task))

    def _card(self, task: str) -> dict[str, Any]:
        return next((card for card in self.json("status")["tasks"] if card["id"] == task), {})

    def problems(self) -> str:
        """Everything that tells a person about problems."""
        inbox = self.text("inbox.md") if self.cow("inbox.md").exists() else ""
        return json.dumps(self.json("status")["problems"]) + inbox

    # ---- files

    def cow(self, name: str) -> Path:
        return self.repo / ".cowork" / name

    def write(self, name: str, content: str | bytes) -> Path:
        """Save by rename, as editors do."""
        path = self.repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.tmp~")
        aside.write_bytes(content if isinstance(content, bytes) else content.encode())
        aside.replace(path)
        return path

    def agent(self, name: str, script: str, **fields: object) -> None:
        """An agent that is a shell script; `@SCRATCH@` in it is a folder outside every worktree, which it may write."""
        script = script.replace("@SCRATCH@", str(self.scratch))
        if str(self.scratch) in script:
            fields = {"sandbox": f"{{allow_paths: [{self.scratch}]}}", **fields}
        body = "".join(f"    {line}\n" for line in script.rstrip("\n").split("\n"))
        extra = "".join(f"{key}: {value}\n" for key, value in fields.items())
        head = f"driver: command\ncommand:\n  - bash\n  - -c\n  - |\n{body}{extra}"
        self.write(f".cowork/agents/{name}.md", f"---\n{head}---\nYou are {name}.\n")

    def task(self, name: str, body: str = "Do it.", **fields: object) -> Path:
        head = "".join(f"{k}: {v}\n" for k, v in {"title": name, "status": "ready", **fields}.items())
        return self.write(f".cowork/tasks/{name}.md", f"---\n{head}---\n{body}\n")

    def config(self, text: str) -> None:
        if "approve: []" in text and "verify:" not in text:
            text += 'verify: ["true"]\n'  # what is not verified always asks a person
        self.write(".cowork/config.yaml", f"version: 1\nquiet: 1\n{text}")

    def text(self, name: str) -> str:
        return self.cow(name).read_bytes().decode()

    def field(self, name: str, key: str) -> str | None:
        """A scalar of the top level of a file's frontmatter."""
        try:
            head = self.text(name).split("---", 2)[1]
        except (OSError, IndexError):
            return None
        found = re.search(rf"^{key}:[ \t]*(.*?)[ \t]*(?:#.*)?$", head, re.MULTILINE)
        return found.group(1).strip("\"'") if found else None

    def set(self, name: str, key: str, value: str) -> None:
        """Change one line of a file, as a person does in an editor."""
        text = self.text(name)
        line = re.search(rf"^{key}:.*$", text, re.MULTILINE)
        assert line, f"{name} has no {key}:\n{text[:400]}"
        self.write(f".cowork/{name}", f"{text[: line.start()]}{key}: {value}{text[line.end() :]}")

    def status(self, task: str) -> str | None:
        return self.field(f"tasks/{task}.md", "status")

    def messages(self, task: str) -> list[str]:
        """The finished messages of a thread."""
        folder = self.cow(f"messages/{task}")
        return [path.read_text() for path in sorted(folder.glob("*.md")) if not path.name.endswith(".live.md")]

    def approvals(self, containing: str = "") -> list[str]:
        """Paths of the approval files, relative to `.cowork/`."""
        found = sorted(self.cow("approvals").glob("*.md"))
        return [f"approvals/{path.name}" for path in found if containing in path.read_text()]

    # ---- the daemon

    def up(self, *start: str, options: tuple[str, ...] = ()) -> Workbench:
        """Start the daemon with these options; `start` are the words before its own."""
        with (self.root / "daemon.log").open("ab") as log:
            self.daemon = subprocess.Popen(
                [*start, str(self.bin / "coworkd"), "up", *options], cwd=self.repo, env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        return self

    def kill9(self) -> None:
        assert self.daemon is not None
        os.kill(self.daemon.pid, signal.SIGKILL)
        self.daemon.wait()

    def down(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """Ask the daemon to end; its exit code."""
        if self.daemon is None:
            return None
        if self.daemon.poll() is None:
            self.daemon.send_signal(number)
        return self.daemon.wait(40)

    def close(self) -> None:
        try:
            self.down()
        finally:
            if self.daemon is not None and self.daemon.poll() is None:
                self.kill9()
            shutil.rmtree(self.root, ignore_errors=True)

    # ---- waiting

    def wait(self, what: str, ready: Callable[[], T], seconds: float = PATIENCE) -> T:
        """What `ready` returns, as soon as that is true."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = ready()
            if found:
                return found
            if self.daemon is not None and self.daemon.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.daemon.returncode} while waiting for {what}")
            _TICK.wait(_POLL)
        raise AssertionError(f"not within {seconds} s: {what}\n{self._board()}")

    def _board(self) -> str:
        found = "\n".join(f"{path.stem}: {self.status(path.stem)}" for path in sorted(self.cow("tasks").glob("*.md")))
        log = self.root / "daemon.log"
        said = log.read_text(errors="replace")[-3000:] if log.exists() else ""
        status = self.cmd("status", check=False)
        return f"{found}\n{status.stdout}{status.stderr}\n{said}\n{self._processes()}\n{self._stacks()}"

    def _stacks(self) -> str:
        """What each thread of the daemon is doing."""
        if self.daemon is None or self.daemon.poll() is not None:
            return "no daemon"
        file = self.repo / ".git" / "cowork" / "stacks.txt"
        known = file.stat().st_size if file.exists() else 0
        self.daemon.send_signal(signal.SIGUSR1)
        until = time.monotonic() + 5
        while time.monotonic() < until and not (file.exists() and file.stat().st_size > known):
            _TICK.wait(_POLL)
        _TICK.wait(_POLL)
        return file.read_text(errors="replace") if file.exists() else "it does not write its stacks"

    def _processes(self) -> str:
        """The processes below the daemon, and what each waits for in the kernel."""
        shown = subprocess.run(
            ["ps", "-eo", "pid,ppid,sid,stat,etimes,wchan:24,args"], capture_output=True, text=True, check=False
        )
        lines = shown.stdout.splitlines()
        return "\n".join(line[:220] for line in lines[:1] + [line for line in lines[1:] if "]" not in line[-1:]])

    def until(self, task: str, *statuses: str, seconds: float = PATIENCE) -> None:
        self.wait(f"{task} is {statuses}", lambda: self.status(task) in statuses, seconds)

    def stays(self, what: str, holds: Callable[[], bool], seconds: float = 1.5) -> None:
        """Fails unless `holds` all the time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert holds(), what
            _TICK.wait(_POLL)

    def review(self, task: str, answer: str = "approved") -> None:
        self.until(task, "review")
        self.wait(f"review of {task}", lambda: self.field(f"reviews/{task}.md", "approval") == "pending")
        self.set(f"reviews/{task}.md", "approval", answer)

    def finish(self, task: str) -> None:
        """Approve what the task made, and see it land."""
        self.review(task)
        self.until(task, "done")

    # ---- what landed

    def landed(self, path: str, ref: str = "cowork/integration") -> str:
        return self.git("show", f"{ref}:{path}", check=False)

    def tree(self, ref: str = "cowork/integration") -> set[str]:
        return set(self.git("ls-tree", "-r", "--name-only", ref, check=False).splitlines())

    def survivors(self, marker: bytes = b"") -> list[int]:
        """Living processes, but the tests' own, that know of this workspace by command line, environment or folder.

        With a `marker` only those that have it in their environment.
        """
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and int(entry.name) != os.getpid() and self._knows(entry, marker)
        ]

    def _knows(self, entry: Path, marker: bytes) -> bool:
        root = str(self.root).encode()
        try:
            cwd, environ = os.fsencode(os.readlink(entry / "cwd")), (entry / "environ").read_bytes()
            return marker in environ and any(root in text for text in (cwd, environ, (entry / "cmdline").read_bytes()))
        except OSError:
            return False
