"""The processes of a stress run, found from outside: agents, those who look after them, and what was left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coworkd.system import process_tree

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProcess:
    """An agent at work, and the process of coworkd that looks after it."""

    pid: int
    supervisor: int


def agents_at_work(repository: str, program: str, daemon: int) -> list[AgentProcess]:
    """Agents of this repository, started by `program`, whose supervisor is neither the daemon nor gone."""
    marked = process_tree.find_marked(process_tree.REPO_MARK, repository)
    agents = [pid for pid in sorted(marked) if program in _command_line(pid)]
    found = [AgentProcess(pid=pid, supervisor=_supervisor(pid, program)) for pid in agents]
    return [agent for agent in found if agent.supervisor not in (0, 1, daemon)]


def _supervisor(pid: int, program: str) -> int:
    """The nearest ancestor that was not started for the agent alone; a sandbox is."""
    while (pid := _parent(pid)) > 1 and program in _command_line(pid):
        pass
    return pid


def processes_left(repository: str, token: str) -> int:
    """How many processes of the repository are alive, or carry the token that agents give to what they leave."""
    left = process_tree.find_marked(process_tree.REPO_MARK, repository) if repository else set[int]()
    return len(left | {pid for pid in _all() if token in _command_line(pid).split()} - {os.getpid()})


def own_memory(repository: str, program: str) -> int:
    """Bytes that coworkd's own processes of this repository take, shared pages divided among those who share them."""
    marked = process_tree.find_marked(process_tree.REPO_MARK, repository)
    return sum(_pss(pid) for pid in marked if program not in _command_line(pid) and "coworkd" in _command_line(pid))


def cpu_seconds(pid: int) -> float:
    """Seconds of CPU that a process has used by itself; 0 when it is gone."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS if len(fields) > 12 else 0.0


def _parent(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _pss(pid: int) -> int:
    for line in _read(pid, "smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _command_line(pid: int) -> str:
    return _read(pid, "cmdline").replace("\0", " ")


def _all() -> Iterator[int]:
    return (int(entry) for entry in os.listdir(_PROC) if entry.isdigit())


def _read(pid: int, name: str) -> str:
    try:
        return (_PROC / str(pid) / name).read_text(errors="replace")
    except OSError:
        return ""
