"""The composition root: everything is made and joined here, and nowhere else."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from coworkd.board.task_board import Board
from coworkd.core.clock import Clock, SystemClock
from coworkd.core.model import UserSettings
from coworkd.daemon.control_requests import CommandJobs, Control
from coworkd.daemon.database_recovery import open_database
from coworkd.daemon.git_job import GitJob
from coworkd.daemon.housekeeping import pruning
from coworkd.daemon.housekeeping.auto_commit import AutoCommit, folder_committer
from coworkd.daemon.housekeeping.disk_bound import DiskBound, IdleRemoval
from coworkd.daemon.housekeeping.notifications import Notifications, notification_runner
from coworkd.daemon.housekeeping.pack_joining import PackJoining
from coworkd.daemon.housekeeping.service import Housekeeping
from coworkd.daemon.main_loop import Daemon
from coworkd.daemon.nights import Nights
from coworkd.daemon.resolution_jobs import ResolutionJobs
from coworkd.daemon.services import LongLivedParts, Services
from coworkd.daemon.slot_jobs import SlotJobs
from coworkd.daemon.workspace_lock import COMMAND_TIME, WorkspaceLock
from coworkd.daemon.workspace_upgrade import upgrade_workspace
from coworkd.diagnostics.fsck.repair import Repairer
from coworkd.dispatch.dispatcher import Dispatcher, RunServices
from coworkd.dispatch.executors.local import LocalExecutor
from coworkd.dispatch.executors.run_paths import RunPaths
from coworkd.dispatch.runs.conflict_rounds import ConflictRounds
from coworkd.dispatch.runs.event_recorder import EventRecorder
from coworkd.dispatch.runs.finisher import RunFinisher
from coworkd.dispatch.runs.run_effects import RunEffects
from coworkd.dispatch.runs.slot_emptying import SlotEmptier
from coworkd.dispatch.runs.starter import RunStarter
from coworkd.dispatch.scheduling.capacity import CapacityReader
from coworkd.dispatch.scheduling.machine_hold import MachineHold
from coworkd.dispatch.scheduling.setup_hold import SetupHold
from coworkd.history.audit_log import AuditLog
from coworkd.history.database_age import Evidence, newer_reason
from coworkd.history.recorder import RecordOwner, RunRecorder
from coworkd.merge.gate_lock import empty_idle_gate
from coworkd.merge.integration_jobs import IntegrationJobs
from coworkd.merge.landed_tasks import LandedTasks
from coworkd.merge.merger import Merger, QueueFiles
from coworkd.merge.target_branch import TargetBranch
from coworkd.merge.verifier import gate_folder, gate_marker
from coworkd.store import Database
from coworkd.store.clock_changes import follow_clock
from coworkd.sync.disk.atomic_writer import AtomicWriter
from coworkd.sync.disk.folder import Folder
from coworkd.sync.disk.view_files import ViewFiles
from coworkd.sync.disk.watcher import Watcher
from coworkd.sync.engine import Engine
from coworkd.sync.file_trust import FileTrust
from coworkd.sync.git_history import JobHistory, RepoHistory
from coworkd.sync.git_knowledge import GitKnowledge
from coworkd.sync.git_questions import ask_git
from coworkd.sync.ingest.ingester import Ingester
from coworkd.sync.ingest.missing_files import MissingFiles
from coworkd.system import paths_and_settings
from coworkd.system.background_jobs import Jobs
from coworkd.system.boot_identity import boot_identity
from coworkd.system.control_socket import ControlSocket
from coworkd.system.git import Repo
from coworkd.system.git.blob_origin import index_version
from coworkd.system.git.object_stores import object_stores
from coworkd.system.git.ref_versions import ref_folders
from coworkd.system.git.refs import operation_under_way
from coworkd.system.git.repository_trust import UNTRUSTED, Trust
from coworkd.system.paths_and_settings import FOLDER, Paths
from coworkd.system.process import commands
from coworkd.system.sandbox.policy import SandboxCapabilities
from coworkd.system.sandbox_probes.detection import Sandbox, protected
from coworkd.system.sleep_inhibitor import SleepInhibitor
from coworkd.system.state_folder import StateFolder
from coworkd.system.storage import storage_fault
from coworkd.system.user_settings import read_user_settings
from coworkd.system.wakeup import Wakeup

log = logging.getLogger("coworkd")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonTerms:
    """What is particular to one life of a daemon."""

    patience: float = 10.0
    """Seconds to wait for another program that holds the database."""
    held: WorkspaceLock | None = None
    """The lock, for a daemon that is to keep it also where the folder that it is in is removed."""
    until: float = 0.0
    """From then on nothing starts, and the daemon ends once nothing runs any more; 0: it goes on."""


def build(
    paths: Paths, repo: Repo, trust: Trust, *, terms: DaemonTerms = DaemonTerms(), clock: Clock | None = None
) -> Daemon:
    """A daemon for this workspace; the caller holds its lock. Raises `ConfigError` for the user's own settings.

    `clock` None: the machine's.
    """
    user = read_user_settings()
    wakeup, clock = Wakeup(), clock or SystemClock(boot_identity())
    folder, jobs = Folder(paths.folder, paths.trash), Jobs(wakeup.notify)
    sandbox = Sandbox(paths.state, user.sandbox, protected(paths, repo))
    instance = paths_and_settings.instance(paths.private)
    history = JobHistory(repo, FOLDER, user.allowed_signers)
    lasting = LongLivedParts(
        keep_lock=_lock_keeper(paths, terms.held, instance) if terms.held is not None else _keep_no_lock,
        clock=clock, outputs=ViewFiles(folder), executor=LocalExecutor(wakeup.notify), jobs=jobs, trust=trust,
        watcher=Watcher(
            paths.folder, wakeup.notify, reflog=repo.git_dir / "logs" / "HEAD", refs=ref_folders(repo.common_dir)
        ),
        control_socket=ControlSocket(paths.sockets, wakeup.notify), wakeup=wakeup, state=StateFolder(paths.state),
        sleep=SleepInhibitor(lambda: _user_environment(paths, "awake")),
        close_git=history.close,
    )  # fmt: skip
    integration = IntegrationJobs(paths.root, paths.state, jobs.stopping, lambda: sandbox.means)
    parts = _RepositoryParts(
        repo=repo, history=history, sandbox=sandbox, instance=instance, folder=folder, user=user,
        integration=integration, until=terms.until,
        slots=SlotJobs(paths.root, paths.state, integration.base, jobs.stopping, lambda: sandbox.means),
        resolutions=ResolutionJobs(paths.root, paths.state, lambda: sandbox.means),
    )  # fmt: skip
    return Daemon(lasting, lambda first: _compose(paths, parts, lasting, patience=terms.patience, first=first))


def _keep_no_lock() -> None:
    """For a single turn: the lock is not looked at again."""


def _lock_keeper(paths: Paths, held: WorkspaceLock, instance: str) -> Callable[[], None]:
    """Keep the lock, and who works here, also where the folder with both was removed."""
    key = paths_and_settings.key(paths.private)

    def keep_lock() -> None:
        if held.renew(COMMAND_TIME) or not (paths.private / "instance").exists():
            log.warning("the folder %s was removed: it is made again, and the database is rebuilt", paths.private)
            paths_and_settings.restore_identity(paths, instance, key)

    return keep_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class _RepositoryParts:
    """What a workspace's runs find here."""

    repo: Repo
    history: JobHistory
    sandbox: Sandbox
    instance: str
    folder: Folder
    user: UserSettings
    integration: IntegrationJobs
    slots: SlotJobs
    resolutions: ResolutionJobs
    until: float

    def means(self) -> SandboxCapabilities:
        return self.sandbox.means


def _compose(
    paths: Paths, parts: _RepositoryParts, lasting: LongLivedParts, *, patience: float, first: bool
) -> Services:
    """Everything that remembers something of the database. Closes it again where that cannot be built.

    `first`: the database is not the one that this process worked with a moment ago, and may be an older copy.
    """
    evidence = Evidence(
        repo=parts.repo, folder=paths.folder, instance=parts.instance, key=paths_and_settings.key(paths.private)
    )  # fmt: skip
    db = open_database(paths, patience, lambda db: newer_reason(db, evidence) if first else "")
    with ExitStack() as failed:
        failed.callback(db.close)
        services = _services(paths, parts, lasting, db)
        failed.pop_all()
    return services


def _services(paths: Paths, parts: _RepositoryParts, lasting: LongLivedParts, db: Database) -> Services:
    repo, folder, jobs, trust = parts.repo, parts.folder, lasting.jobs, lasting.trust
    follow_clock(db, lasting.clock.origin(), lasting.clock.now())
    history = RepoHistory(repo, FOLDER, parts.user.allowed_signers)
    git = GitKnowledge(lambda asked: ask_git(history, asked))
    git_busy = _git_busy(repo, git)
    if trust.holds:
        upgrade_workspace(repo, db, lambda path: not git_busy(path))
    intake = Ingester(db, folder, parts.instance, git)
    board = Board(db, intake, parts.user, paths_and_settings.known_secrets())
    jobs.require_committed(lambda: db.in_transaction)
    audit = AuditLog(db, jobs, paths.audit)
    _note_workspace(paths, parts, lasting, db)
    if db.restored:
        log.warning("the database is an older copy: its open questions are asked again")
        board.requests.void_all(lasting.clock.now())
    target = TargetBranch(board, jobs, repo)
    target.look_and_wait()
    writer = AtomicWriter(db, folder)
    engine = Engine(db, folder, git, intake, writer, MissingFiles(db, folder, git))
    files = QueueFiles(folder=folder, common_dir=repo.common_dir, is_behind=engine.is_behind)
    merge = Merger(board, jobs, parts.integration, LandedTasks(board, repo), files)
    services = _run_services(paths, board, lasting, parts, target.no_base_reason)
    dispatch = Dispatcher(board, lasting.executor, jobs, services, engine.is_behind)
    file_trust = FileTrust(db, trust.beginning, trust.give)
    who = RecordOwner(instance=parts.instance, key=paths_and_settings.key(paths.private), folder=paths.folder)
    return Services(
        db=db, clock=lasting.clock, engine=engine, git=git, git_job=GitJob(db, engine, jobs, parts.history.answer),
        outputs=lasting.outputs, watcher=lasting.watcher,
        executor=lasting.executor, jobs=jobs, target=target, dispatch=dispatch, merge=merge, git_busy=git_busy,
        trust=trust, control=Control(
            board, file_trust, engine, jobs,
            CommandJobs(land=merge.target_landing_job, resolutions=parts.resolutions), parts.instance,
        ),
        recorder=RunRecorder(db, folder, writer, who), audit=audit, repairer=Repairer(board, engine, folder, repo),
        housekeeping=_housekeeping(paths, board, jobs, parts), nights=Nights(board, jobs, merge, lasting.sleep, folder),
    )  # fmt: skip


def _note_workspace(paths: Paths, parts: _RepositoryParts, lasting: LongLivedParts, db: Database) -> None:
    """Write down whose workspace this is, and what holds while this daemon runs."""
    with db.write():
        db.state.instance = parts.instance
        db.state.repository = paths.state.name
        db.state.until = parts.until
        db.state.set_untrusted("" if lasting.trust.holds else UNTRUSTED, lasting.clock.now())


def _housekeeping(paths: Paths, board: Board, jobs: Jobs, parts: _RepositoryParts) -> Housekeeping:
    env = _user_environment(paths, "notify")
    tell = notification_runner(paths.root, env, jobs.stopping.is_set)
    places = pruning.PrunedFolders(root=paths.root, folder=paths.folder, trash=paths.trash, state=paths.state)
    return Housekeeping(
        commits=AutoCommit(board, jobs, folder_committer(paths.root, FOLDER)),
        notices=Notifications(board.db, jobs, parts.user.notify, tell), pruning=pruning.Pruning(board, jobs, places),
        disk=DiskBound(board, jobs, paths.state, _idle_removal(paths.state, parts.slots)),
        packs=PackJoining(board.db, jobs, paths.root),
    )  # fmt: skip


def _user_environment(paths: Paths, purpose: str) -> dict[str, str]:
    """For the user's own programs."""
    return commands.clean_environment(
        home=Path.home(), tmp=Path(tempfile.gettempdir()), run=f"{purpose}-{paths.state.name}", repo=paths.state.name,
        passed=paths_and_settings.inherited(),
    )  # fmt: skip


def _idle_removal(state: Path, slots: SlotJobs) -> IdleRemoval:
    def empty(gate: str) -> bool:
        return empty_idle_gate(gate_folder(state, gate), gate_marker(state, gate))

    return IdleRemoval(slot=slots.remove_idle, gate=empty, caches=slots.remove_caches)


def _run_services(
    paths: Paths, board: Board, lasting: LongLivedParts, parts: _RepositoryParts, no_base_reason: Callable[[], str]
) -> RunServices:
    places = RunPaths(
        root=paths.root, state=paths.state, repo_id=paths.state.name, instance=parts.instance,
        stores=object_stores(parts.repo.common_dir / "objects"),
    )  # fmt: skip
    jobs, hold = lasting.jobs, MachineHold(board.db, lambda: storage_fault(paths.state))
    setup_hold = SetupHold(board, parts.means)
    capacity = CapacityReader(board, no_base_reason, hold, setup_hold)
    starter = RunStarter(board, lasting.executor, jobs, places, parts.slots.prepare, parts.means)
    effects = RunEffects(board, hold, setup_hold)
    finisher = RunFinisher(board, jobs, parts.slots.finish, hold, effects)
    return RunServices(
        starter=starter, recorder=EventRecorder(board, places), finisher=finisher,
        conflicts=ConflictRounds(board, starter, capacity), machine_hold=hold, setup_hold=setup_hold, capacity=capacity,
        emptier=SlotEmptier(board.db, jobs, parts.slots.empty), promote=parts.slots.promote,
    )  # fmt: skip


def _git_busy(repo: Repo, git: GitKnowledge) -> Callable[[str], bool]:
    """A tracked file is not written while git is in the middle of something; asked only when something is to write.

    Nor is a file of which git is still to say whether it is tracked.
    """

    def busy(path: str) -> bool:
        return bool(operation_under_way(repo)) and git.is_listed(path, index_version(repo)) is not False

    return busy
