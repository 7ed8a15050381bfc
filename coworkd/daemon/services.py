"""The parts that a daemon is made of: those of one turn, and those that outlive a rebuild."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coworkd.core.clock import Clock
from coworkd.daemon.control_requests import Control
from coworkd.daemon.git_job import GitJob
from coworkd.daemon.housekeeping.service import Housekeeping
from coworkd.daemon.nights import Nights
from coworkd.diagnostics.fsck.repair import Repairer
from coworkd.dispatch.dispatcher import Dispatcher
from coworkd.dispatch.executors.port import Executor
from coworkd.history.audit_log import AuditLog
from coworkd.history.recorder import RunRecorder
from coworkd.merge.merger import Merger
from coworkd.merge.target_branch import TargetBranch
from coworkd.store import Database
from coworkd.sync.disk.view_files import ViewFiles
from coworkd.sync.disk.watcher import Watcher
from coworkd.sync.engine import Engine
from coworkd.sync.git_knowledge import GitKnowledge
from coworkd.system.background_jobs import Jobs
from coworkd.system.control_socket import ControlSocket
from coworkd.system.git.repository_trust import Trust
from coworkd.system.sleep_inhibitor import SleepInhibitor
from coworkd.system.state_folder import StateFolder
from coworkd.system.wakeup import Wakeup


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a turn passes through."""

    db: Database
    clock: Clock
    engine: Engine
    git: GitKnowledge
    git_job: GitJob
    watcher: Watcher
    outputs: ViewFiles
    executor: Executor
    jobs: Jobs
    target: TargetBranch
    dispatch: Dispatcher
    merge: Merger
    recorder: RunRecorder
    audit: AuditLog
    repairer: Repairer
    housekeeping: Housekeeping
    nights: Nights
    control: Control
    trust: Trust
    git_busy: Callable[[str], bool]
    """Whether git is at work on this document, so that it must not be written now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LongLivedParts:
    """What stays while everything that remembers the database is built again: agents at work, jobs, the socket."""

    clock: Clock
    watcher: Watcher
    outputs: ViewFiles
    executor: Executor
    jobs: Jobs
    trust: Trust
    control_socket: ControlSocket
    wakeup: Wakeup
    state: StateFolder
    sleep: SleepInhibitor
    close_git: Callable[[], None]
    """Ends what git keeps running to answer questions; no job runs any more."""
    keep_lock: Callable[[], None]
    """Sees that this process still holds the workspace. Raises `BusyError` when another one does."""
