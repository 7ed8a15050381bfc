"""The life of the daemon's process, and the one turn that a command runs while no daemon does."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable

from coworkd.daemon.composition import DaemonTerms, build
from coworkd.daemon.log_setup import set_up_log, write_stacks_on_request
from coworkd.daemon.workspace_lock import COMMAND_TIME, workspace_lock
from coworkd.slots.pack_import import forget_interrupted
from coworkd.system import paths_and_settings
from coworkd.system.control_socket import ControlReply, ControlRequest, Op
from coworkd.system.git import Repo
from coworkd.system.git.repository_trust import Trust
from coworkd.system.paths_and_settings import Paths
from coworkd.system.process import commands
from coworkd.system.process.supervisor_starts import supervisor_server

log = logging.getLogger("coworkd")

LOCK_PATIENCE = 1.0
"""Seconds for which the daemon's one writer waits for another program that holds the database: it tries again later."""


def serve(paths: Paths, ready: Callable[[], None], *, until: float = 0.0) -> None:
    """Run the daemon until it is told to stop; with `until`, at most until nothing runs any more after that time.

    Raises `BusyError` when one runs already, `ConfigError` where agents would have no place to work in.
    """
    paths_and_settings.prepare_state()
    # From the moment at which the lock names this process, to ask what it is doing must not end it.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    with (
        workspace_lock(paths.lock, paths.pid, COMMAND_TIME) as held,
        Repo.open(paths.root) as repo,
        write_stacks_on_request(paths.stacks),
    ):
        set_up_log(paths.log, paths_and_settings.known_secrets())
        paths_and_settings.settle(paths.private, paths.root)
        trust = Trust(paths_and_settings.trust_home(), repo)
        if trust.holds:
            commands.sweep("COWORK_REPO", paths.state.name)
            forget_interrupted(repo)
        daemon = build(paths, repo, trust, terms=DaemonTerms(patience=LOCK_PATIENCE, held=held, until=until))
        for number in _stop_signals():
            signal.signal(number, lambda _number, _frame: daemon.stop())
        log.info("watching %s", paths.folder)
        with supervisor_server():
            daemon.run(ready)


def _stop_signals() -> tuple[signal.Signals, ...]:
    """Signals that end the daemon; with `nohup` it outlives the terminal that it was started from."""
    hangup_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGINT) if hangup_ignored else (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def once(paths: Paths, op: Op, subject: str = "", *, on_terminal: bool = False) -> ControlReply:
    """With the daemon down: take the lock, run one turn that starts nothing, and do as asked. Raises `BusyError`."""
    with workspace_lock(paths.lock, paths.pid, 0), Repo.open(paths.root) as repo:
        request = ControlRequest(op=op, subject=subject, on_terminal=on_terminal)
        build(paths, repo, Trust(paths_and_settings.trust_home(), repo)).serve_once(request)
        return request.wait(0)
