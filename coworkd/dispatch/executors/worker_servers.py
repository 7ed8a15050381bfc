"""How workers are started: forked from a server that has loaded their drivers, or one by one where that cannot be.

Not thread-safe: its executor guards it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, TypeAlias

from coworkd.agents.drivers.replay.recording import SPEED
from coworkd.agents.port import Assignment
from coworkd.agents.registry import preloaded_modules, required_variables
from coworkd.system.process import commands
from coworkd.system.process.fork_client import FORK_SERVER_SUPPORTED, ForkedProcess, ForkServer, ForkServerProgram

WORKER_LOG = "worker.log"

WorkerProcess: TypeAlias = commands.Child | ForkedProcess

_WORKER_ENTRY = "coworkd.agents.worker_main:run_forked"
_WORKER_ENV = ("HOME", "TMPDIR", "PYTHONPATH", SPEED)
"""Variables that a worker, unlike an agent, takes over from the daemon: it is the same program."""
_FORK_SERVER_ENV = frozenset({"PATH", "LANG", "LC_ALL", "TZ", *_WORKER_ENV})
"""Variables of a fork server: none that belongs to one run."""


class WorkerServers:
    """The fork servers of workers. One that no run has needed for `idle` seconds is ended."""

    def __init__(self, idle: float) -> None:
        self._servers: dict[tuple[str, ...], ForkServer] = {}
        """By the modules that they have loaded."""
        self._retired: list[ForkServer] = []
        self._idle = idle
        self._quiet_since = time.monotonic()

    def start(self, assignment: Assignment, run_dir: Path) -> WorkerProcess:
        """A worker of its own for a run. Raises OSError when it cannot be started."""
        env = _environment(assignment)
        with (run_dir / WORKER_LOG).open("ab") as log:
            if FORK_SERVER_SUPPORTED:
                server = self._server(preloaded_modules(assignment.agent.driver), env, log)
                return server.fork((str(run_dir),), cwd=run_dir, env=env, log=log)
            argv = (sys.executable, "-P", "-m", "coworkd.agents.worker_main", str(run_dir))
            return commands.spawn(argv, cwd=run_dir, env=env, stderr=log)

    def _server(self, modules: tuple[str, ...], env: Mapping[str, str], log: BinaryIO) -> ForkServer:
        server = self._servers.get(modules)
        if server is None or not server.alive:
            if server is not None:
                self._retired.append(server)  # one of its workers may still be at work
            plain = {name: env[name] for name in env if name in _FORK_SERVER_ENV}
            program = ForkServerProgram(entry=_WORKER_ENTRY, modules=modules)
            server = self._servers[modules] = ForkServer(program, plain, log)
        return server

    def kill(self, worker: WorkerProcess) -> None:
        """Kill the server that was to fork this worker: it does not answer. What it has forked lives on."""
        if isinstance(worker, ForkedProcess):
            worker.abandon_server()

    def idle_until(self) -> float | None:
        """When the servers will not have been needed for long enough, in monotonic time; None: there are none."""
        return self._quiet_since + self._idle if self._servers or self._retired else None

    def note_use(self) -> None:
        self._quiet_since = time.monotonic()

    def take_idle(self) -> list[ForkServer]:
        """Servers that are not needed any more, for the caller to close."""
        due = self.idle_until()
        return self.take_all() if due is not None and time.monotonic() >= due else []

    def take_all(self) -> list[ForkServer]:
        servers = [*self._servers.values(), *self._retired]
        self._servers.clear()
        self._retired.clear()
        return servers


def _environment(assignment: Assignment) -> dict[str, str]:
    return commands.clean_environment(
        home=Path.home(),
        tmp=Path(tempfile.gettempdir()),
        run=assignment.run,
        repo=assignment.repo_id,
        passed=(*assignment.agent.env_pass, *required_variables(assignment.agent), *_WORKER_ENV),
    )
