"""A throw-away repository made from the shipped example, and a real daemon in it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from coworkd.core.errors import UserError
from coworkd.system.durable_files import replace_file
from coworkd.system.paths_and_settings import FOLDER
from coworkd.system.process import commands

WORKSPACE = Path(FOLDER)

_COWORKD = (sys.executable, "-P", "-m", "coworkd")
_IDENTITY = "[user]\n\tname = You\n\temail = you@example.org\n[init]\n\tdefaultBranch = main\n"
_STEP_TIMEOUT = 60.0
"""Seconds that a single command may take."""
_STOP_TIMEOUT = 10.0
"""Seconds that the daemon gets to end its runs in."""
_LOG_SHOWN = 15
"""Lines of the daemon's log that explain why it ended."""


class Playground:
    """A repository, a home of its own for whatever runs in it, and at most one daemon.

    Nothing of the user's own settings reaches it, and it leaves nothing outside of `root`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repo = root / "repository"
        self.home = root / "home"
        self._log = root / "daemon.log"
        self._mark = f"demo-{secrets.token_hex(6)}"
        self._env = self._made_environment(self.home, root / "tmp")
        self._daemon: commands.Child | None = None

    def _made_environment(self, home: Path, tmp: Path) -> dict[str, str]:
        home.mkdir(parents=True)
        tmp.mkdir()
        (home / ".gitconfig").write_text(_IDENTITY)
        env = commands.clean_environment(home=home, tmp=tmp, run=self._mark, repo=self._mark, passed=("PYTHONPATH",))
        # The example calls `python3`; the one that runs us exists for certain.
        return env | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"}

    # ---- what a person types

    def run(self, *argv: str) -> commands.Exit:
        """Carry out a command in the repository, however it ends."""
        return commands.run(
            commands.ProcessSpec(
                argv=argv, cwd=self.repo, env=self._env, timeout=_STEP_TIMEOUT, marker=f"{self._mark}-command"
            )
        )

    def must(self, *argv: str) -> str:
        """The output of a command. Raises `UserError` when it fails."""
        ended = self.run(*argv)
        if not ended.ok:
            raise UserError(f"`{' '.join(argv)}` ended with {ended.code}: {ended.tail.strip()}")
        return ended.tail

    def coworkd(self, *words: str) -> str:
        """The output of `coworkd WORDS`. Raises `UserError` when it fails."""
        return self.must(*_COWORKD, *words)

    def run_coworkd(self, *words: str) -> commands.Exit:
        """Carry out `coworkd WORDS`, however it ends."""
        return self.run(*_COWORKD, *words)

    def environment(self) -> dict[str, str]:
        """The environment of all that is started here."""
        return dict(self._env)

    def search_first(self, folder: Path) -> None:
        """Have all that is started from now on look for programs in this folder first."""
        self._env = self._env | {"PATH": f"{folder}{os.pathsep}{self._env['PATH']}"}

    # ---- files

    def lay_out(self) -> None:
        """Put the example's program into a fresh repository, and commit it."""
        self.repo.mkdir()
        _copy(_example(), self.repo, without=FOLDER)
        self.must("git", "init", "--quiet", "--initial-branch=main")
        self.must("git", "add", "--all")
        self.must("git", "commit", "--quiet", "--message", "Start")

    def lend(self, name: str) -> None:
        """Copy a file or folder of the example's workspace."""
        source, target = _example() / FOLDER / name, self.repo / FOLDER / name
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            _copy(source, target)
        else:
            target.write_bytes(source.read_bytes())

    def example(self, name: str) -> str:
        """The text of a file of the example's workspace."""
        return (_example() / FOLDER / name).read_text(encoding="utf-8")

    def read(self, name: str) -> str:
        """A file of the workspace; empty while it does not exist."""
        try:
            return (self.repo / FOLDER / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def find(self, pattern: str) -> str:
        """The last file of the workspace that matches, relative to it; empty while there is none."""
        folder = self.repo / FOLDER
        return max((path.relative_to(folder).as_posix() for path in folder.glob(pattern)), default="")

    def save(self, name: str, text: str) -> None:
        """Write a file of the workspace as an editor does: whole, by rename."""
        path = self.repo / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())

    # ---- the daemon

    def start(self) -> int:
        """Start the daemon; its process id once it is ready. Raises `UserError` when it does not get there."""
        with self._log.open("ab") as log:
            self._daemon = commands.spawn((*_COWORKD, "up"), cwd=self.repo, env=self._env, stderr=log)
        said = self._daemon.stdout.readline().decode()
        if not said.startswith("ready "):
            raise UserError(f"the daemon did not start:\n{self.log()}")
        return self._daemon.pid

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal; SIGKILL also waits for its end."""
        if self._daemon is None:
            return
        if number is signal.SIGKILL:
            self._daemon.kill()
            self._daemon.wait()
            self._daemon.close()
            self._daemon = None
        elif self._daemon.poll() is None:
            os.kill(self._daemon.pid, number)

    def repository_id(self) -> str:
        """What marks every process of this repository; empty before the first daemon."""
        name = self.repo / ".git/cowork/repo-id"
        return name.read_text().strip() if name.exists() else ""

    def check(self) -> None:
        """Raises `UserError` when the daemon has ended."""
        code = self._daemon.poll() if self._daemon else None
        if code is not None:
            raise UserError(f"the daemon ended with {code}:\n{self.log()}")

    def log(self) -> str:
        """The end of what the daemon said."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() if self._log.exists() else []
        return "\n".join(f"  {line}" for line in lines[-_LOG_SHOWN:])

    def stop(self) -> None:
        """End the daemon and whatever it started."""
        self.stop_daemon(_STOP_TIMEOUT)
        commands.sweep(commands.RUN_MARK, self._mark)
        if marked := self.repository_id():
            commands.sweep(commands.REPO_MARK, marked)

    def stop_daemon(self, patience: float) -> bool:
        """Ask the daemon to end, and kill it after so many seconds; whether it ended by itself."""
        daemon, self._daemon = self._daemon, None
        if daemon is None:
            return True
        if daemon.poll() is None:
            os.kill(daemon.pid, signal.SIGTERM)
        ended = daemon.wait(patience) is not None
        if not ended:
            daemon.kill()
            daemon.wait()
        daemon.close()
        return ended


def field(text: str, key: str) -> str:
    """The value of a top-level key of a header, as it is written; empty when it is not there."""
    found = re.search(rf"^{key}:[ \t]*(.*?)[ \t]*(?:#.*)?$", text.split("\n---", 1)[0], re.MULTILINE)
    return found[1] if found else ""


@contextmanager
def playground(root: Path, *, keep: bool) -> Generator[Playground]:
    """A playground under `root`, which must exist; whatever happens, no process is left, and no file unless `keep`."""
    place = Playground(root)
    try:
        with _interruptible():
            yield place
    finally:
        with _uninterrupted():
            place.stop()
            if not keep:
                shutil.rmtree(root)


@contextmanager
def _interruptible() -> Generator[None]:
    """Let a polite end be an interruption, so that what was begun is cleared away."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # a background shell has the first one ignored
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _uninterrupted() -> Generator[None]:
    """Clearing away takes a moment, and an impatient second Ctrl-C must not leave half of it."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _example() -> Traversable:
    return files("coworkd") / "example"


def _copy(source: Traversable, target: Path, without: str = "") -> None:
    for item in _content(source, without):
        if item.is_dir():
            (target / item.name).mkdir(exist_ok=True)
            _copy(item, target / item.name)
        else:
            (target / item.name).write_bytes(item.read_bytes())


def _content(folder: Traversable, without: str) -> Iterator[Traversable]:
    return (item for item in folder.iterdir() if item.name not in (without, "__pycache__"))
