"""The first process of a command at level `landlock`: it sets the limits, starts the program confined, and ends all
that is left when the program has ended or the process that started it has.

    python -I -S -c STUB ROOT (WORD VALUE)... -- PROGRAM ...

It stays outside of the sandbox itself, so nothing inside can signal or trace it; a sub-reaper, so whatever leaves the
program's session stays below it. There is no process namespace at this level: this process stands for one.

What cannot be had ends the start with code 126 and the reason on standard error: nothing runs with less.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

from coworkd.system.sandbox import landlock, landlock_rules

NAME = b"cowork-keeper"
"""What process lists show."""
CANNOT_CONFINE = 126
CANNOT_START = 127

_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 1, 15, 36
_PARENT_ENDED = signal.SIGUSR1
_FIRST_FREE = 3
"""File descriptors from here on are not handed to the program."""
_MAX_DESCRIPTORS = 1 << 20
_REQUESTS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_PATHS = {"read": landlock_rules.READ, "write": landlock_rules.WRITE, "device": landlock_rules.DEVICE}
_WORDS = frozenset({*_PATHS, "port", "filter", "join", "dir", "file-size", "processes", "env"})


class LandlockRequest:
    """What the words of the command line say."""

    def __init__(self, words: list[str]) -> None:
        """Raises ValueError for words that mean nothing."""
        at = words.index("--")
        self.program = words[at + 1 :]
        self._said: dict[str, list[str]] = {name: [] for name in _WORDS}
        for name, value in zip(words[:at:2], words[1:at:2], strict=True):
            if name not in _WORDS:
                raise ValueError(f"{name!r} means nothing here")
            self._said[name].append(value)

    def all(self, name: str) -> list[str]:
        return self._said[name]

    def one(self, name: str) -> str:
        """The value of what must be said once. Raises ValueError."""
        (value,) = self._said[name]
        return value


class ParentEndedError(Exception):
    """The process that started this one is gone."""


def main(words: list[str]) -> None:
    try:
        request = LandlockRequest(words)
        _watch_parent()
        for group in request.all("join"):
            _join(group)
        child = os.fork()
        if not child:
            _exec_program(request)
        os._exit(_await_child(child))
    except (OSError, ValueError) as error:
        _exit_with_reason(f"the sandbox cannot be made: {error}")


# ---- outside: the keeper


def _watch_parent() -> None:
    """Be told of the parent's end, adopt orphans; requests to end go to the program, which is asked itself."""
    parent = os.getppid()

    def look(_number: int, _frame: object) -> None:
        # The kernel tells it as soon as the parent's thread has ended: the parent itself may live on.
        if os.getppid() != parent:
            raise ParentEndedError

    landlock.control_process(_PR_SET_NAME, NAME)
    landlock.control_process(_PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(_PARENT_ENDED, look)
    landlock.control_process(_PR_SET_PDEATHSIG, _PARENT_ENDED)
    for number in _REQUESTS:
        signal.signal(number, signal.SIG_IGN)


def _join(group: str) -> None:
    with open(group, "wb", buffering=0) as file:
        file.write(b"0")


def _await_child(child: int) -> int:
    """Wait for the program and end what it left; its exit code, as a shell would have it."""
    code = 128 + signal.SIGKILL
    try:
        while (ended := os.waitpid(-1, 0))[0] != child:
            pass
        code = os.waitstatus_to_exitcode(ended[1])
        code = code if code >= 0 else 128 - code
    except ParentEndedError:
        pass
    signal.signal(_PARENT_ENDED, signal.SIG_IGN)
    if _children_left():
        # Loaded for the few that leave something behind.
        from coworkd.system.process_tree import descendants, terminate

        terminate(lambda: descendants(os.getpid()), 0.0, _reap)
    return code


def _reap() -> None:
    _children_left()


def _children_left() -> bool:
    """Whether any child lives; collects those that do not."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


# ---- inside


def _exec_program(request: LandlockRequest) -> None:
    """Turn into the program, confined. Never returns."""
    try:
        _leave_session()
        _limit(request)
        os.chdir(request.one("dir"))
        for word in request.all("env"):
            name, _, value = word.partition("=")
            os.environ[name] = value
        os.closerange(_FIRST_FREE, _MAX_DESCRIPTORS)
        _confine(request)
    except (OSError, ValueError) as error:
        _exit_with_reason(f"the sandbox cannot be made: {error}")
    try:
        os.execvp(request.program[0], request.program)
    except OSError as error:
        _exit_with_reason(f"cannot start {request.program[0]!r}: {error.strerror}", CANNOT_START)


def _leave_session() -> None:
    """A session without a terminal, which ends with the keeper."""
    keeper = os.getppid()
    os.setsid()
    for number in (*_REQUESTS, *_IGNORED_BY_PYTHON, _PARENT_ENDED):
        signal.signal(number, signal.SIG_DFL)
    landlock.control_process(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(CANNOT_CONFINE)


def _limit(request: LandlockRequest) -> None:
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: int(request.one("file-size")),
        resource.RLIMIT_NPROC: int(request.one("processes")),
    }
    for kind, value in wanted.items():
        most = resource.getrlimit(kind)[1]
        limit = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (limit, limit))


def _confine(request: LandlockRequest) -> None:
    """Raises OSError when this kernel cannot hold the program by everything that the level promises."""
    abi = landlock.abi_version()
    if abi < landlock_rules.SUFFICIENT_ABI:
        raise OSError(f"this kernel has version {abi} of Landlock, {landlock_rules.SUFFICIENT_ABI} is needed")
    with open(request.one("filter"), "rb", buffering=0) as file:
        program = file.readall() or b""
    held = landlock.Ruleset(abi)
    for kind, rights in _PATHS.items():
        for path in request.all(kind):
            _allow(held, path, rights, needed=kind == "write")
    for port in request.all("port"):
        held.allow_port(int(port))
    landlock.drop_privileges()
    held.restrict_self()
    landlock.filter_calls(program)


def _allow(held: landlock.Ruleset, path: str, rights: int, *, needed: bool) -> None:
    try:
        held.allow_path(path, rights)
    except FileNotFoundError:
        if needed:
            raise


def _exit_with_reason(why: str, code: int = CANNOT_CONFINE) -> None:
    os.write(2, f"{why}\n".encode(errors="replace"))
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
