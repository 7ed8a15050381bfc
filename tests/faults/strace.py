"""Faults in real system calls, by strace: which call, the how-manieth, and what happens to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PROJECT = Path(__file__).resolve().parents[2]

FILE_CALLS = ("openat", "write", "fchmod", "fsync", "linkat", "link", "renameat2", "rename", "unlink", "mkdir")
"""The steps of the write protocol."""
DATABASE_CALLS = ("pwrite64", "fdatasync", "ftruncate", "fallocate", "pread64")
"""What SQLite asks of the kernel."""
LOOKING_CALLS = ("newfstatat", "read", "getdents64", "lseek", "fcntl", "mmap")

_CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<words>.*?)\) += ")


@dataclass(frozen=True, slots=True)
class Call:
    """One system call of a trace; `words` has the paths of descriptors in it."""

    name: str
    words: str

    @property
    def database(self) -> bool:
        return "state.db" in self.words or "etilqs" in self.words


@dataclass(frozen=True, slots=True, kw_only=True)
class Inject:
    """What happens to the call number `when` of this name (1 is the first)."""

    call: str
    when: int
    how: str = "signal=KILL"

    def __str__(self) -> str:
        return f"{self.call} {self.when} {self.how}"


class Around(Protocol):
    """What surrounds a life of the engine."""

    @property
    def rival(self) -> dict[str, str]: ...

    @property
    def late(self) -> bool: ...

    @property
    def lacking(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a life of the engine under strace went."""

    code: int
    """Exit code; negative for a signal."""
    calls: tuple[Call, ...]
    fired: Call | None
    """The call the injection hit."""
    error: str
    """What ended it, where an exception did."""


class Stage:
    """The forking process. Close it."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-m", "tests.faults.stage"], cwd=PROJECT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip

    def run(self, root: Path, inject: Inject | None, around: Around) -> Run:
        """One life of the engine on the workspace at `root`, with this injection."""
        lacking = around.lacking
        pid = int(self._say(json.dumps({"root": str(root), "rival": around.rival, "patient": not around.late})))
        log = root / "strace.log"
        words = ["strace", "-f", "-y", "-s", "0", "-o", str(log), "-p", str(pid), "-e", _traced(inject, lacking)]
        injected = [f"{inject.call}:{inject.how}:when={inject.when}"] if inject else []
        words += [word for fault in (*lacking, *injected) for word in ("-e", f"inject={fault}")]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            first = tracer.stderr.readline()
            assert "attached" in first, first
            os.kill(pid, signal.SIGCONT)
            code = int(self._say(""))
            tracer.stderr.read()
        return _read(root, log.read_text(), code, inject)

    def _say(self, line: str) -> str:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(f"{line}\n")
        self._server.stdin.flush()
        return self._server.stdout.readline()

    def close(self) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait(10)


def _traced(inject: Inject | None, lacking: Sequence[str]) -> str:
    """Only what can be hit: each traced call costs two switches to strace and back."""
    calls = [inject.call, *(fault.split(":")[0] for fault in lacking)] if inject else FILE_CALLS + DATABASE_CALLS
    return f"trace={','.join(dict.fromkeys((*calls, *(() if inject else LOOKING_CALLS))))}"


def counts(run: Run) -> Counter[str]:
    """How often each call was made in a run."""
    return Counter(call.name for call in run.calls)


def _read(root: Path, log: str, code: int, inject: Inject | None) -> Run:
    lines = log.splitlines()
    calls = [Call(m["name"], m["words"]) for line in lines if (m := _CALL.match(line))]
    injected = [Call(m["name"], m["words"]) for line in lines if "(INJECTED)" in line and (m := _CALL.match(line))]
    hit = [call for call in injected if inject is not None and call.name == inject.call]
    if inject is not None and inject.how == "signal=KILL" and code == -signal.SIGKILL:
        hit = calls[-1:]
    told = root / "ended"
    error = told.read_text() if told.exists() else ""
    told.unlink(missing_ok=True)
    return Run(code=code, calls=tuple(calls), fired=hit[0] if hit else None, error=error)
