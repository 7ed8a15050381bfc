"""Which processes belong to a tree, and how all of them are ended.

Tools call `setsid`, so a process group is not a tree. On Linux a tree is what descends from its root: a sub-reaper, so
that orphans stay below it whatever they do. Only where that root was killed, or is none, is the mark in the environment
looked for among all processes. Where there is no `/proc` the root's process group stands for the tree, written as a
negative id, the way `kill(2)` takes it.

Standard library only, and little of that: the supervisor of every process loads this file.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping

RUN_MARK = "COWORK_RUN"
REPO_MARK = "COWORK_REPO"

_SPARE_MARK = "COWORK_SPARE_"
_MARK_LENGTH = 140
_PROC = "/proc"
_SANDBOX = b"bwrap"
HAS_PROC = os.path.exists(f"{_PROC}/self/stat")
"""Whether trees can be walked; without, only process groups are known."""
_HAS_CHILDREN = os.path.exists(f"{_PROC}/self/task/{os.getpid()}/children")
"""Whether a process can be asked for its children; without, all processes are looked at (CONFIG_PROC_CHILDREN)."""
_DEAD = (b"Z", b"X")
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_STOP_ROUNDS = 5
"""How often a tree is looked at for processes that were started while it was stopped; later ones are killed next."""
_FIRST_POLL = 0.01
_LONGEST_POLL = 0.2
_HOPELESS = 10.0
"""Seconds of SIGKILL after which a process counts as stuck in the kernel."""


def become_subreaper() -> bool:
    """Make orphans among our descendants our own children; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    return ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def is_subreaper() -> bool:
    """Whether this process adopts the orphans among its descendants, so that none of them can leave its tree."""
    if not (HAS_PROC and sys.platform.startswith("linux")):
        return False
    answer = ctypes.c_int(0)
    done = ctypes.CDLL(None, use_errno=True).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0) == 0
    return done and bool(answer.value)


def spare_marks() -> dict[str, str]:
    """Variables for a process whose forks are to be marked: see `set_mark`."""
    return {f"{_SPARE_MARK}{at}": "-" * _MARK_LENGTH for at in range(2)}


def set_mark(name: str, value: str) -> None:
    """Be marked with `name=value` to those who look at our environment from outside: a fork has its parent's there.

    It is written over one of the parent's `spare_marks`. Nothing happens where that cannot be done.
    """
    if not HAS_PROC:
        return
    wanted, strings = (
        os.fsencode(f"{name}={value}"),
        ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ"),
    )
    at = 0
    while place := strings[at]:
        at += 1
        text = ctypes.string_at(place)
        if text.startswith(_SPARE_MARK.encode()) and len(wanted) <= len(text):
            ctypes.memmove(place, wanted.ljust(len(text), b"\0"), len(text))
            return


def members(root: int, mark: str) -> set[int]:
    """The living processes of a tree without the calling process: below `root`, or of the run `mark`.

    A sub-reaper has all that it ever started below itself: nothing else is looked at where `root` is one, and is the
    calling process. Otherwise the environments of all processes are read. Never one of the caller's ancestors.
    """
    if not HAS_PROC:
        return group(root)
    if root == os.getpid() and is_subreaper():
        return descendants(root)
    parents = _parents()
    found = _below(root, parents) | find_marked(RUN_MARK, mark)
    return {pid for pid in found if pid in parents} - _line(parents)


def descendants(root: int) -> set[int]:
    """The living processes below `root`, without itself."""
    return trees(own_children() if root == os.getpid() else children_of(root))


def trees(roots: Iterable[int]) -> set[int]:
    """The living processes among `roots` and below them."""
    return {pid for pid in _walk(roots, children_of) if is_living(pid)}


def children_of(pid: int) -> set[int]:
    """The children of a process, by all its threads, zombies among them."""
    if not _HAS_CHILDREN:
        return {child for child, parent in _parents().items() if parent == pid}
    try:
        threads = os.listdir(f"{_PROC}/{pid}/task")
    except OSError:
        return set()
    return {int(child) for thread in threads for child in _read(pid, f"task/{thread}/children").split()}


def own_children() -> set[int]:
    """The children of this process, zombies among them; a sub-reaper without any has no descendants either."""
    if not has_children():
        return set()
    # The list of children may miss some while others end. That there are any is certain, so the slow way decides.
    own = os.getpid()
    return children_of(own) or {pid for pid, parent in _parents().items() if parent == own}


def has_children() -> bool:
    """Whether this process has children, zombies among them."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def is_living(pid: int) -> bool:
    """Whether there is a process, and it is not a zombie."""
    fields = _stat(pid)
    return len(fields) > 1 and fields[0] not in _DEAD


def are_stopped(pids: Iterable[int]) -> bool:
    """Whether there are processes among these but those of a sandbox, and all of them were stopped by a signal."""
    inside = [pid for pid in pids if _read(pid, "comm").strip() != _SANDBOX]
    return bool(inside) and all(_stat(pid)[:1] == [b"T"] for pid in inside)


def kill_trees(roots: Iterable[int]) -> None:
    """Kill processes with all that is below them, once: what is stuck in the kernel ends later, or never."""
    if known := set(roots):
        TreeTermination(lambda: trees(known), 0.0).step()


def leftovers(root: int, mark: str) -> set[int]:
    """As `members`, for a root that has ended: its id may already be that of another process."""
    return find_marked_trees(RUN_MARK, mark) if HAS_PROC else group(root)


def group(root: int) -> set[int]:
    """The process group of `root`, as one negative id; empty for our own, or when only zombies are in it."""
    if root == os.getpgrp():
        return set()
    try:
        os.killpg(root, 0)
    except (ProcessLookupError, PermissionError):
        return set()
    return {-root}


def find_marked(name: str, *values: str) -> set[int]:
    """Living processes that were started with `name` as one of `values` in their environment, not the caller's line."""
    if not HAS_PROC:
        return set()
    wanted = {os.fsencode(f"{name}={value}") for value in values}
    return {pid for pid in _pids() if not wanted.isdisjoint(_read(pid, "environ").split(b"\0"))} - _line(_parents())


def find_marked_trees(name: str, *values: str) -> set[int]:
    """What is `marked`, with everything that descends from it."""
    roots = find_marked(name, *values)
    if not roots:
        return roots
    parents = _parents()
    return roots.union(*(_below(root, parents) for root in roots)) - _line(parents)


class TreeTermination:
    """Ends a tree step by step: SIGTERM first, and after `grace` seconds SIGSTOP for all of it, then SIGKILL."""

    def __init__(self, find: Callable[[], set[int]], grace: float) -> None:
        self._find = find
        self._kill_from = time.monotonic() + grace
        self._asked: set[int] = set()
        self.signalled: set[int] = set()

    def kill_now(self) -> None:
        """Kill from now on."""
        self._kill_from = time.monotonic()

    def step(self) -> set[int]:
        """Signal every process that is left; the ids that were still alive."""
        alive = self._find()
        if time.monotonic() >= self._kill_from:
            alive = self._stop(alive)
            for pid in alive:
                _signal(pid, signal.SIGKILL)
        else:
            self._ask(alive - self._asked)
        self.signalled |= alive
        return alive

    def _stop(self, alive: set[int]) -> set[int]:
        """Stop the processes and what they started meanwhile; all of them.

        Killed one after the other, a shell whose child dies first would go on with its next command.
        """
        stopped = set[int]()
        for _ in range(_STOP_ROUNDS):
            fresh = alive - stopped
            if not fresh:
                break
            for pid in fresh:
                _signal(pid, signal.SIGSTOP)
            stopped |= fresh
            alive = self._find()
        return stopped | alive

    def _ask(self, alive: set[int]) -> None:
        for pid in alive:
            if _read(pid, "comm").strip() == _SANDBOX:
                continue  # it ends by itself after the processes inside; ended now, it would kill them without a grace
            _signal(pid, signal.SIGTERM)
            _signal(pid, signal.SIGCONT)  # a stopped process does not see the request otherwise
        self._asked |= alive


def terminate(find: Callable[[], set[int]], grace: float, reap: Callable[[], None] | None = None) -> set[int]:
    """End all that `find` finds, again and again until it finds none; the ids that were signalled.

    Gives up on what survives SIGKILL for 10 s: that is stuck in the kernel.
    """
    ending = TreeTermination(find, grace)
    hopeless = time.monotonic() + grace + _HOPELESS
    pause = _FIRST_POLL
    while ending.step() and time.monotonic() < hopeless:
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_POLL)
        if reap is not None:
            reap()
    return ending.signalled


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(_PROC) if name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    """A file of `/proc/PID`; empty when the process is gone or not ours to look at."""
    try:
        with open(f"{_PROC}/{pid}/{name}", "rb", buffering=0) as file:
            return file.readall() or b""
    except OSError:
        return b""


def _stat(pid: int) -> list[bytes]:
    """The fields of `/proc/PID/stat` from the state on; empty when the process is gone."""
    # The name in parentheses may hold spaces and parentheses: the fields start after the last one.
    return _read(pid, "stat").rpartition(b")")[2].split()


def _parents() -> dict[int, int]:
    """Parent by process, of every process that is not a zombie."""
    parents: dict[int, int] = {}
    for pid in _pids():
        fields = _stat(pid)
        if len(fields) > 1 and fields[0] not in _DEAD:
            parents[pid] = int(fields[1])
    return parents


def _below(root: int, parents: Mapping[int, int]) -> set[int]:
    """A process and all below it, from one look at all processes."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    return _walk([root], lambda pid: children.get(pid, ()))


def _walk(roots: Iterable[int], children: Callable[[int], Iterable[int]]) -> set[int]:
    found, rest = set[int](), list(roots)
    while rest:
        pid = rest.pop()
        if pid not in found:
            found.add(pid)
            rest += children(pid)
    return found


def _line(parents: dict[int, int]) -> set[int]:
    """The calling process and its ancestors."""
    line: set[int] = set()
    pid = os.getpid()
    while pid and pid not in line:
        line.add(pid)
        pid = parents.get(pid, 0)
    return line
