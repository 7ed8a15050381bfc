"""What is asked of the jobs that verify and land submissions, and what they return."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.conflict_facts import ConflictFacts
from coworkd.core.model import CacheTool, Check, SandboxSpec
from coworkd.core.stack_rules import StackedOn
from coworkd.merge.blame import Blame
from coworkd.merge.git.remembered_resolutions import ResolvedConflict
from coworkd.store import BatchPlace
from coworkd.store.stacks import StackedSubmission


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """Merge a submission with the present tip and check the result."""

    task: str
    title: str
    attempt: int
    number: int
    commit: str
    base: str
    has_change: bool
    """False: the agent changed nothing, and there is nothing to merge."""
    commands: tuple[str, ...]
    """The workspace's, then the task's own."""
    workspace: tuple[str, ...]
    """Those of the workspace alone, which also verify the target's own commits."""
    setup: tuple[str, ...]
    copy: tuple[str, ...]
    sandbox: SandboxSpec
    """What the workspace's settings open to set-up and verification."""
    timeout: float
    branch: str
    target: str
    onto_target: bool = False
    """The target's own commits are red as merged with what landed: what was made on top of them may repair that."""
    loop: bool = False
    """The task goes on, round after round, until the commands are green."""
    suspect: str = ""
    """The command that was red in a batch with it, and green without it; empty: none was."""
    undoes: str = ""
    """The landing that the submission takes back; empty: none."""
    caches: frozenset[CacheTool] = frozenset()
    """The package managers whose caches verification gets copies of."""
    output: str = ""
    """The name of the folder with the output of its checks; empty: it is its task's."""
    stack: tuple[StackedSubmission, ...] = ()
    """What it builds on that has not landed: it is merged on top of that, and cannot land yet."""

    @property
    def stacked_on(self) -> str:
        """As a row has it."""
        return " ".join(str(StackedOn(one.task, one.number)) for one in self.stack)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSubmission:
    """A submission as its ref has it."""

    number: int
    commit: str
    tree: str
    base: str
    """Where it left the integration branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandRequest:
    """Move the integration branch to the last of these candidates, which is green.

    Each is merged with the one before, the first with `tip`.
    """

    tip: str
    candidates: tuple[str, ...]
    branch: str
    resolved: tuple[ResolvedConflict, ...] = ()
    """The conflicts that they resolve, which is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """It merges without loss, and its checks pass."""

    tip: str
    candidate: str
    tree: str
    checks: tuple[Check, ...]
    proof: str
    """Why the merge is known to have lost nothing."""
    batch: BatchPlace | None = None
    """None: it was verified alone."""
    stacked_on: str = ""
    """The submissions that it was merged on top of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationFailed:
    """Its checks fail because of it, or the merge would lose something."""

    tip: str
    checks: tuple[Check, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedWithoutChange:
    """Red, but not by its author's fault: the tip is red without it, or the command cannot do its work here."""

    tip: str
    target: str
    """The commit that the target stood at."""
    key: str
    """Of the commands and all that they are run with."""
    checks: tuple[Check, ...]
    own: bool
    """It is one of the task's own commands that is red."""
    blame: Blame
    tip_checks: tuple[Check, ...] = ()
    """Of the tip alone; empty where it did not have to be checked."""
    tip_output: str = ""
    """The name of the folder with the output of those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeConflict:
    """It does not merge with the tip."""

    tip: str
    summary: str
    bundle: str
    """Path of the bundle for the author."""
    facts: ConflictFacts
    stacked_on: str = ""
    """The submissions that were merged with the tip before; `conflict_tip` is that merge."""
    conflict_tip: str = ""
    checks: tuple[Check, ...] = ()
    """Those of the merge, where the files merge and the checks are red."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """The integration branch has it, by this commit."""

    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TipMoved:
    """The integration branch moved meanwhile: verify again on its new tip."""

    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitingTarget:
    """It was made on commits of the target that integration has not taken yet: their own entry comes first."""

    tip: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitingStack:
    """What it builds on does not go together as it is now."""

    tip: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutdatedBase:
    """It was made on commits that the target lost, and its own change does not merge without them."""

    tip: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The daemon is stopping, and it is done again after the next start; or its submission has left the queue."""


VerificationResult = (
    Verified
    | VerificationFailed
    | FailedWithoutChange
    | MergeConflict
    | TipMoved
    | AwaitingTarget
    | AwaitingStack
    | OutdatedBase
    | Interrupted
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TipCheckResult:
    """Whether a check that was red without any change still is."""

    red: bool
