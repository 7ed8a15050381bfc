"""What runs start from: the target branch, once there is one with a commit on it.

Reads the repository, in a job where branches may have moved, and remembers the branch's name; moves nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from coworkd.board.task_board import Board
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose
from coworkd.system.git import Repo
from coworkd.system.git.ref_versions import head_versions, ref_versions
from coworkd.system.git.refs import branch_ref, refs_under

_OUR_PREFIX = "cowork/"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBranches:
    """What git said about branches."""

    names: frozenset[str] = frozenset()
    with_commit: frozenset[str] = frozenset()
    """Those of them that have a commit."""
    checked_out: str = ""
    """The branch that is checked out, else the only one there is; none of ours."""


LOOK: Job[None, FoundBranches] = Job(name="target branch", purpose=Purpose.SAVES, first_pause=1.0)


class TargetBranch:
    """The target branch of one repository; used by the writer thread alone."""

    def __init__(self, board: Board, jobs: Jobs, repo: Repo) -> None:
        self._board = board
        self._jobs = jobs
        self._repo = repo
        self._looked_at: object = None
        """The versions of the refs at the latest look."""
        self._found = FoundBranches()
        self._failure = ""
        jobs.handle(LOOK, then=self._record_branches, failed=self._record_failure)

    def look_and_wait(self) -> None:
        """At the start: wait for git."""
        self._looked_at = self._ref_versions()
        self._keep_first_target(find_branches(self._repo, self._branches_to_find()))

    def look(self) -> None:
        """Begin to look, where a branch may have moved since the latest look."""
        versions = self._ref_versions()
        if versions == self._looked_at:
            return
        root, branches = self._repo.root, self._branches_to_find()

        def find() -> FoundBranches:
            with Repo.open(root) as repo:
                return find_branches(repo, branches)

        if self._jobs.start(LOOK, None, find):
            self._looked_at = versions

    def no_base_reason(self) -> str:
        """Why no run can start from the repository as it is, in words; empty when one can."""
        target = self._board.specs.target()
        if not target:
            return "HEAD is detached: set `integration: {target: BRANCH}` in config.yaml, or switch to a branch"
        if target not in self._found.names:
            return self._failure or f"the branch {target} is being looked at"
        if target not in self._found.with_commit:
            return f"the branch {target} has no commit yet: make the first one, or set `integration.target`"
        return self._board.db.state.integration_halt

    def _branches_to_find(self) -> frozenset[str]:
        return frozenset({self._board.specs.target(), self._board.db.state.first_target} - {""})

    def _ref_versions(self) -> object:
        branches, repo = sorted(self._branches_to_find()), self._repo
        return (branches, ref_versions(repo.common_dir, branches), head_versions(repo.git_dir, repo.common_dir))

    def _record_branches(self, _: None, found: FoundBranches, _now: float) -> None:
        self._keep_first_target(found)

    def _record_failure(self, _: None, failure: JobFailed, _now: float) -> None:
        self._looked_at, self._failure = None, f"cannot look at the branches: {failure.reason}"

    def _keep_first_target(self, found: FoundBranches) -> None:
        """Keep the branch that landings are for unless the settings say: the one that was checked out at first.

        One that never had a commit, or is gone, gives way to the one that is checked out now.
        """
        self._found, self._failure = found, ""
        known = self._board.db.state.first_target
        first = known if known in found.with_commit else found.checked_out or known
        if first != known:
            with self._board.db.write():
                self._board.db.state.first_target = first


def find_branches(repo: Repo, names: Collection[str]) -> FoundBranches:
    """Ask git about these branches; waits for it."""
    checked_out = _checked_out_branch(repo)
    names = frozenset(names) | ({checked_out} - {""})
    return FoundBranches(
        names=names, with_commit=frozenset(name for name in names if repo.commit(branch_ref(name)) is not None),
        checked_out=checked_out,
    )  # fmt: skip


def _checked_out_branch(repo: Repo) -> str:
    head = _short(repo.head().branch or "")
    if head:
        return head
    names = [name for name in map(_short, refs_under(repo, "refs/heads")) if name]
    return names[0] if len(names) == 1 else ""


def _short(ref: str) -> str:
    name = ref.removeprefix("refs/heads/")
    return "" if name.startswith(_OUR_PREFIX) else name
