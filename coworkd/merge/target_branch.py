"""What runs start from: the target branch, once there is one with a commit on it.

Reads the repository and remembers the branch's name; moves nothing. Used by the writer thread alone.
"""

from __future__ import annotations

from coworkd.board.task_board import Board
from coworkd.system.git import Repo
from coworkd.system.git.refs import branch_ref, refs_under

_OURS = "cowork/"


class TargetBranch:
    """The target branch of one repository."""

    def __init__(self, board: Board, repo: Repo) -> None:
        self._board = board
        self._repo = repo

    def remember_branch(self) -> None:
        """Keep the branch that landings are for unless the settings say: the one that was checked out at first.

        One that never had a commit, or is gone, gives way to the one that is checked out now.
        """
        known = self._board.db.state.first_target
        found = known if self._has_commit(known) else self._default_branch() or known
        if found != known:
            with self._board.db.write():
                self._board.db.state.first_target = found

    def no_base_reason(self) -> str:
        """Why no run can start from the repository as it is, in words; empty when one can."""
        if not self._has_commit(self._board.specs.target()):
            self.remember_branch()
        target = self._board.specs.target()
        if not target:
            return "HEAD is detached: set `integration: {target: BRANCH}` in config.yaml, or switch to a branch"
        if not self._has_commit(target):
            return f"the branch {target} has no commit yet: make the first one, or set `integration.target`"
        return self._board.db.state.integration_halt

    def _has_commit(self, branch: str) -> bool:
        return bool(branch) and self._repo.commit(branch_ref(branch)) is not None

    def _default_branch(self) -> str:
        """The branch that is checked out, else the only one there is; none of ours."""
        head = _short(self._repo.head().branch or "")
        if head:
            return head
        names = [name for name in map(_short, refs_under(self._repo, "refs/heads")) if name]
        return names[0] if len(names) == 1 else ""


def _short(ref: str) -> str:
    name = ref.removeprefix("refs/heads/")
    return "" if name.startswith(_OURS) else name
