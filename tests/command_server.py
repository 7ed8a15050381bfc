"""A process that has loaded the command line and forks a `coworkd` command for each request.

A fork runs what a process of its own would run, without the time that it takes to load. `forked_commands` starts this
program and says what a request is.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import threading
from contextlib import suppress
from importlib import import_module

from coworkd.cli import app

MAX_REQUEST = 1 << 17
"""Bytes of a request."""
LOADED = ("coworkd.daemon.lifecycle", "coworkd.daemon.workspace_init", "coworkd.store.migrations", "git")
"""What commands load beside the modules of the command line."""
_SELDOM_USED = {"demo", "simulate", "stress"}


def main() -> None:
    """`... SOCKET`: serve until the other end of the socket is closed, as a child of none of the tests.

    A test that plays a worker in the process of the tests ends everything that descends from it.
    """
    if os.fork():
        os._exit(0)
    modules = {f"coworkd.cli.{module}" for module, _ in app.COMMANDS.values() if module not in _SELDOM_USED}
    for name in (*modules, *LOADED):
        import_module(name)
    gc.collect()
    gc.freeze()  # what is there now is never looked at again: pages stay shared
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        while (received := socket.recv_fds(requests, MAX_REQUEST, 3))[0]:
            if not os.fork():
                requests.close()
                _report_end(received[0], *received[1])
            for fd in received[1]:
                os.close(fd)
            _reap()


def _report_end(request: bytes, out: int, err: int, report: int) -> None:
    """Have a child run the command; write its process id and, when it has ended, its exit code."""
    if not (pid := os.fork()):
        os.close(report)
        _run(request, out, err)
    os.close(out)
    os.close(err)
    with suppress(BrokenPipeError):  # the test has given up waiting for it
        os.write(report, f"{pid}\n".encode())
        os.write(report, f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
    os._exit(0)


def _reap() -> None:
    """Collect what has ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _run(request: bytes, out: int, err: int) -> None:
    """Become the command and end with its exit code. What is loaded is left to the kernel, not taken apart."""
    words, cwd, env = json.loads(request)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, stream in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(fd, stream)
        os.close(fd)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv[:] = ["coworkd", *words]
    try:
        app.main()
    except SystemExit as ended:
        assert isinstance(ended.code, int)
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code)


if __name__ == "__main__":
    main()
