"""Children with pipes of their own, and who takes their exit status.

Standard library and the sandbox only.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from coworkd.system import process_tree
from coworkd.system.sandbox.launch import enter
from coworkd.system.sandbox.policy import Confinement

DEVNULL = subprocess.DEVNULL
PIPE = subprocess.PIPE
TOGETHER = subprocess.STDOUT
"""What becomes of a child's standard error: a pipe of its own, or the one of its standard output.
DEVNULL: nothing."""


class Child:
    """A started process and its pipes, which are unbuffered."""

    def __init__(self, process: subprocess.Popen[bytes], leave: Callable[[], None]) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("a child has pipes for standard input and output")
        self._process = process
        self._leave = leave
        self.pid = process.pid
        self.stdin = process.stdin
        self.stdout = process.stdout
        self.stderr = process.stderr
        """None unless it was asked for as a pipe."""

    def poll(self) -> int | None:
        """The exit code (negative: ended by that signal), or None while it lives."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code; None when it lives on after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Close our ends of the pipes, and what was there for its confinement."""
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()
        self._leave()


def spawn(
    argv: tuple[str, ...],
    *,
    cwd: Path,
    env: Mapping[str, str] | None,
    stderr: BinaryIO | int = DEVNULL,
    keep: tuple[int, ...] = (),
    confinement: Confinement | None = None,
) -> Child:
    """Start a child in a session of its own, with pipes for standard input and output; `env` None: with ours.

    Of our open descriptors it has those in `keep` and no other.
    Raises OSError when it cannot be started. The caller ends it (`process_tree.TreeTermination`), waits for it and
    closes it.
    """
    entry = enter(confinement, argv, os.environ if env is None else env)
    with _children_lock:
        process = subprocess.Popen(
            entry.argv,
            cwd=cwd,
            env=dict(entry.env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            pass_fds=keep,
            bufsize=0,
        )
        _forget_ended()
        _children[process.pid] = process
    return Child(process, entry.leave)


def run_processes(root: int, mark: str, *, ended: bool = False) -> set[int]:
    """The living processes of the program `root`, which `spawn` started for the run `mark` and which may have `ended`.

    In a process that is a sub-reaper those are what is below it and all that was adopted from it. Elsewhere the marks
    of all processes are read.
    """
    if process_tree.is_subreaper():
        return process_tree.trees(adopted() | (set() if ended else {root}))
    return process_tree.leftovers(root, mark) if ended else process_tree.members(root, mark)


def adopted() -> set[int]:
    """The children of this process that it did not start itself: it is a sub-reaper, and their parents have ended."""
    with _children_lock:
        _forget_ended()
        return process_tree.own_children() - _children.keys()


def reap_orphans() -> None:
    """Collect dead children that no caller waits for: a sub-reaper inherits them. Those of `spawn` are left alone."""
    if not process_tree.HAS_PROC:
        return  # and no sub-reapers either
    with _children_lock:
        _forget_ended()
        while (pid := _dead_child()) and pid not in _children:
            os.waitpid(pid, 0)


_children: dict[int, subprocess.Popen[bytes]] = {}
"""The children of `spawn` that are not known to have ended: `reap_orphans` must not take their exit status. The table
mirrors one the kernel keeps per process, which is why it is the module's."""
_children_lock = threading.Lock()


def _forget_ended() -> None:
    for pid in [pid for pid, child in _children.items() if child.returncode is not None]:
        del _children[pid]


def _dead_child() -> int:
    """The id of a child that has ended and was not waited for; 0: there is none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return found.si_pid if found else 0
