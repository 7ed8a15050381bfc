"""Why a run cannot start although neither its agent nor its attempt is to blame: a value from where it is found on.

Pure. The code that detects one raises an error of this module; what is held, where it is shown and what to type follow
from its kind, by one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.errors import ConfigError, CoworkError, RepoError

SETTINGS = "config.yaml"
"""The file of the workspace's settings, relative to `.cowork/`."""


class StartFaultKind(StrEnum):
    """What keeps a run from starting."""

    SET_UP = "set-up"
    """A set-up command failed."""
    COPY = "copy"
    """`copy` names what cannot be given to an agent."""
    SANDBOX = "sandbox"
    """The settings give set-up commands access to something that must stay closed."""
    FILES = "files"
    """The commit holds files that a slot would show otherwise than the checkout: submodules, filters."""
    CLONE = "clone"
    """The repository does not have all its objects."""
    START_COMMIT = "start commit"
    """The commit that the task was to go on from is gone."""
    SLOT = "slot"
    """git or the system refuses something else that a slot needs."""
    WORKER = "worker"
    """The process in which the agent runs cannot be started."""


class FaultScope(StrEnum):
    """How much a fault keeps from starting."""

    WORKSPACE = "workspace"
    TASK = "task"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPolicy:
    """What follows from a kind of fault."""

    scope: FaultScope
    path: str
    """The file that it is shown on, relative to `.cowork/`; empty: the repository, or the task's own file."""
    advice: str
    follows_commit: bool = False
    """It concerns one task alone where that starts from a commit of its own."""


_START_AGAIN_ADVICE = "`coworkd cancel {task}`, then `coworkd ready {task}`, begins the task again without it"
_POLICIES: Mapping[StartFaultKind, FaultPolicy] = {
    StartFaultKind.SET_UP: FaultPolicy(
        scope=FaultScope.WORKSPACE, path=SETTINGS, advice="correct `setup` here or what it needs"
    ),
    StartFaultKind.COPY: FaultPolicy(scope=FaultScope.WORKSPACE, path=SETTINGS, advice="correct `copy` here"),
    StartFaultKind.SANDBOX: FaultPolicy(scope=FaultScope.WORKSPACE, path=SETTINGS, advice="correct `sandbox` here"),
    StartFaultKind.FILES: FaultPolicy(
        scope=FaultScope.WORKSPACE, path="", advice="take that out, and commit where git tracks it", follows_commit=True
    ),
    StartFaultKind.CLONE: FaultPolicy(scope=FaultScope.WORKSPACE, path="", advice="complete it"),
    StartFaultKind.START_COMMIT: FaultPolicy(
        scope=FaultScope.TASK, path="", advice=f"bring it back with `git fetch`; or {_START_AGAIN_ADVICE}"
    ),
    StartFaultKind.SLOT: FaultPolicy(
        scope=FaultScope.WORKSPACE, path="", advice="look at the repository with `git status` and `git fsck`",
        follows_commit=True,
    ),
    StartFaultKind.WORKER: FaultPolicy(
        scope=FaultScope.TASK, path="", advice="look at `env` and `env_pass` of its agent, and at the daemon's log"
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFault:
    """What keeps a run from starting, in words."""

    kind: StartFaultKind
    reason: str
    output: str = ""
    """All that was said, where that is more than the reason."""
    own_commit: bool = False
    """The task starts from a commit of its own, which no other task starts from."""
    watched: tuple[str, ...] = ()
    """Files and folders outside of the workspace that it depends on: it is tried again when one changes."""

    @property
    def policy(self) -> FaultPolicy:
        return _POLICIES[self.kind]

    @property
    def scope(self) -> FaultScope:
        """Whether the fault keeps one task or the whole workspace from starting."""
        own = self.own_commit and self.policy.follows_commit
        return FaultScope.TASK if own else self.policy.scope

    def advice(self, task: str = "") -> str:
        """What a person may type to correct it."""
        own = self.own_commit and self.policy.follows_commit
        return (_START_AGAIN_ADVICE if own else self.policy.advice).format(task=task)


class UnfitRepositoryError(RepoError):
    """The repository, or a commit of it, is one that slots do not support."""

    def __init__(self, kind: StartFaultKind, message: str, watched: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.watched = watched


class UnfitSettingError(ConfigError):
    """A setting that slots are made by cannot be meant, or names what is not there."""

    def __init__(self, kind: StartFaultKind, message: str, watched: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.watched = watched


def start_fault_of(error: CoworkError | OSError, *, own_commit: bool = False) -> StartFault:
    """The fault that an error reports which ended the preparation of a slot."""
    match error:
        case UnfitRepositoryError(kind=kind, watched=watched) | UnfitSettingError(kind=kind, watched=watched):
            return StartFault(kind=kind, reason=str(error), own_commit=own_commit, watched=watched)
        case _:
            return StartFault(kind=StartFaultKind.SLOT, reason=str(error), own_commit=own_commit)
