"""`coworkd` commands as forks of a process that has loaded the command line: most of a short command is its loading.

What a command does is the same as in a process of its own. The daemon, and commands for which the start itself counts,
are started as processes of their own.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
_SERVER = Path(__file__).with_name("command_server.py")
_ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONPATH": str(PROJECT)}
_READ_AT_START = ("LANG", "LC_", "PYTHON", "LD_")
"""How the variables begin that are read when an interpreter starts."""


def run(
    program: Sequence[str],
    words: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    errors: str = "strict",
) -> subprocess.CompletedProcess[str]:
    """Run a command with this environment and no other, and with no input. Raises `TimeoutExpired`, having killed it.

    `program` is what starts it as a process of its own, where the environment has another interpreter or another git.
    """
    argv = [*program, *words]
    started = {"PYTHONPATH": str(PROJECT)} | {k: v for k, v in env.items() if k.startswith(_READ_AT_START)}
    if started != _ENVIRONMENT or shutil.which("git", path=env["PATH"]) != shutil.which("git"):
        return subprocess.run(
            argv, cwd=cwd, env=env, capture_output=True, text=True, errors=errors, timeout=timeout, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors=errors) as out,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors=errors) as err,
    ):
        request = json.dumps([list(words), str(cwd), dict(env)]).encode()
        code = _fork(request, (out.fileno(), err.fileno()), timeout)
        texts = [file.read() for file in (out, err) if file.seek(0) == 0]
    if code is None:
        raise subprocess.TimeoutExpired(argv, timeout, *texts)
    return subprocess.CompletedProcess(argv, code, *texts)


def _fork(request: bytes, streams: tuple[int, int], timeout: float) -> int | None:
    """The exit code of the command; None where it was killed because it had not ended in time."""
    ours, theirs = os.pipe()
    with open(ours, "rb", buffering=0) as report:
        socket.send_fds(_server(), [request], [*streams, theirs])
        os.close(theirs)
        pid = int(report.readline())
        if not select.select([report], [], [], timeout)[0]:
            os.kill(pid, signal.SIGKILL)
            return None
        return int(report.readline())


@functools.cache
def _server() -> socket.socket:
    """To the server of this process, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-P", str(_SERVER), str(theirs.fileno())], cwd="/",
            env={**_ENVIRONMENT, "PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
            start_new_session=True,
        )  # fmt: skip
    server.wait()  # it goes on in a fork, which ends when the socket closes
    atexit.register(ours.close)
    return ours
