"""The one place where GitPython is imported, not before the first command, and where git processes are started.

Argument lists and never a shell, a time limit on everything, English messages, a session of its own (so that git
cannot ask on the terminal), and none of the `GIT_*` that were inherited, but for the user's identity and the user's
configuration: where its files are, and the settings that the environment itself holds (`GIT_CONFIG_COUNT`).
"""

from __future__ import annotations

import functools
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from coworkd.core.errors import RepoError
from coworkd.system.writer_thread import refuse_to_wait

if TYPE_CHECKING:
    from git.cmd import Git

MINIMUM_GIT = (2, 38)
"""The first release with `merge-tree --write-tree`."""
TIMEOUT = 60.0
"""Seconds a git command may take unless its caller knows better."""

_IDENTITY = re.compile(r"GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL)")
_KEPT = re.compile(
    rf"{_IDENTITY.pattern}|GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)|GIT_EXEC_PATH|GIT_CEILING_DIRECTORIES"
    r"|GIT_DISCOVERY_ACROSS_FILESYSTEM|GIT_PYTHON_\w+"
)
SETTING_COUNT = "GIT_CONFIG_COUNT"
"""How many settings the environment holds; setting it replaces those of the user."""
_SETTING = re.compile(rf"{SETTING_COUNT}|GIT_CONFIG_(KEY|VALUE)_\d+")
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class GitResult:
    """What a command answered; `out` is as git wrote it, final newline included."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output as text without surrounding white space; bytes that are not UTF-8 survive as surrogates."""
        return os.fsdecode(self.out.strip())

    @property
    def lines(self) -> list[str]:
        """The lines of an output; names may hold what Python's `splitlines` takes for an end."""
        return [os.fsdecode(line) for line in self.out.split(b"\n") if line]

    @property
    def fields(self) -> list[str]:
        """The NUL-terminated fields of a `-z` output."""
        return [os.fsdecode(item) for item in self.out.split(b"\0")[:-1]]


def check_git() -> str:
    """The version of git found here; RepoError when it is missing or too old, with what to do."""
    return _checked_version()


@functools.cache
def _checked_version() -> str:
    text = execute(["git", "version"], {}, b"", TIMEOUT).text
    found = re.search(r"(\d+)\.(\d+)[.\d]*", text)
    if found is None or (int(found[1]), int(found[2])) < MINIMUM_GIT:
        needed = ".".join(map(str, MINIMUM_GIT))
        raise RepoError(f"{text} is too old: install git {needed} or newer and put it first on PATH")
    return found[0]


def execute(argv: list[str], env: Mapping[str, str], stdin: bytes, timeout: float) -> GitResult:
    """Run a command to its end. RepoError when that takes longer than `timeout` seconds: it is killed then."""
    with _readable(stdin) as source:
        child = start(argv, env, source.fileno())
    try:
        out, err = _drain(child.stdout, child.stderr, time.monotonic() + timeout)
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        raise RepoError(f"git did not finish within {timeout:g} s: {' '.join(argv[-3:])}") from None
    child.communicate()  # at the end of both pipes: only waits
    return GitResult(code=child.returncode, out=out, err=os.fsdecode(err))


@contextmanager
def _readable(content: bytes) -> Generator[IO[bytes]]:
    with tempfile.TemporaryFile() if content else open(os.devnull, "rb") as source:
        if content:
            source.write(content)
            source.seek(0)
        yield source


def _drain(out: IO[bytes], err: IO[bytes], deadline: float) -> tuple[bytes, bytes]:
    # Neither `Popen.communicate(timeout=...)`, which sleeps half a millisecond or more for every command, nor
    # GitPython's own timeout, which starts a thread: a merge is three commands of a millisecond each.
    read: dict[int, list[bytes]] = {out.fileno(): [], err.fileno(): []}
    with selectors.DefaultSelector() as ready:
        for descriptor in read:
            ready.register(descriptor, selectors.EVENT_READ)
        while ready.get_map():
            events = ready.select(max(0.0, deadline - time.monotonic()))
            if not events:
                raise TimeoutError
            for key, _ in events:
                read[key.fd].append(os.read(key.fd, _CHUNK))
                if not read[key.fd][-1]:
                    ready.unregister(key.fd)
    first, second = (b"".join(chunks) for chunks in read.values())
    return first, second


@dataclass(slots=True, eq=False)
class InteractiveGit:
    """A git that stays and is asked one question after the other."""

    process: Git.AutoInterrupt
    """Ends when it is dropped."""
    questions: IO[bytes]
    answers: IO[bytes]
    complaints: IO[bytes]

    def end(self) -> None:
        with suppress(OSError):
            self.questions.close()
        del self.process


def start_interactive(argv: list[str], env: Mapping[str, str]) -> InteractiveGit:
    """Start a command that reads questions and writes answers. RepoError when it cannot be started."""
    process = start(argv, env, subprocess.PIPE)
    return InteractiveGit(process, process.stdin, process.stdout, process.stderr)


def start(argv: list[str], env: Mapping[str, str], stdin: int) -> Git.AutoInterrupt:
    """Start a command with pipes for its output; `stdin` is a descriptor or `subprocess.PIPE`.

    The process ends when the returned object is dropped. RepoError when it cannot be started, ThreadRuleError in a
    turn of the writer.
    """
    refuse_to_wait(" ".join(argv[:1] + argv[-2:]))
    try:
        from git.cmd import Git
        from git.exc import GitCommandNotFound
    except ImportError as missing:
        raise RepoError(f"git was not found or does not answer: install git 2.38 or newer ({missing})") from missing
    try:
        settings = {"GIT_TERMINAL_PROMPT": "0", **env}
        return Git().execute(argv, istream=stdin, as_process=True, env=settings, start_new_session=True)
    except GitCommandNotFound as missing:
        raise RepoError(f"{argv[0]} cannot be started: {missing}") from missing


def without_git_variables(own: Mapping[str, str]) -> list[str]:
    """What has to stand in front of a command so that it inherits no `GIT_*` but those in `own` and the user's."""
    # GitPython can add to the environment but not take away, so the rare case of a daemon started from inside a git
    # hook is left to env(1).
    strangers = sorted(name for name in os.environ if name.startswith("GIT_") and not _inherited(name, own))
    return ["env", *(word for name in strangers for word in ("-u", name))] if strangers else []


def _inherited(name: str, own: Mapping[str, str]) -> bool:
    if _SETTING.fullmatch(name):
        kept = SETTING_COUNT not in own
    elif _IDENTITY.fullmatch(name):
        # Where the user's settings do not count, the user is not the author either.
        kept = "GIT_CONFIG_GLOBAL" not in own
    else:
        kept = bool(_KEPT.fullmatch(name))
    return kept or name in own


def inherited_settings() -> list[tuple[str, str]]:
    """The user's git settings that the environment holds, as git reads them; none where git would refuse them."""
    count = os.environ.get(SETTING_COUNT, "")
    names = range(int(count)) if count.isdecimal() and int(count) <= _MOST_SETTINGS else ()
    pairs = [(os.environ.get(f"GIT_CONFIG_KEY_{n}"), os.environ.get(f"GIT_CONFIG_VALUE_{n}")) for n in names]
    return [(key, value) for key, value in pairs if key is not None and value is not None]


_MOST_SETTINGS = 10_000
