"""Landings without a daemon: real git, and the functions that keep integration in step with its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coworkd.core.model import Check
from coworkd.history.landing_refs import landing_commits
from coworkd.merge.branch_jobs import BranchReport, Verify, make_due_moves
from coworkd.merge.git.candidates import find_merge_sources, merge_submission
from coworkd.merge.git.facts import BranchContext
from coworkd.merge.git.integration import MergeCommit, Submission, land
from coworkd.merge.git.landings import latest_of_each, read_landings
from coworkd.merge.git.revert_commits import RevertCommit, file_revert
from coworkd.store.landings import NOTHING_KNOWN, KnownLandings, Landing
from coworkd.system.git import Repo
from coworkd.system.git.numbered_refs import next_number_under
from coworkd.system.git.refs import LANDINGS
from tests.integration.gitkit import Checkout, checkout

INTEGRATION = "cowork/integration"
GREEN = (Check(command="true", exit=0, seconds=0.0),)
RED = (Check(command="make test", exit=1, seconds=0.0),)

Files = Mapping[str, str | None]


def green(_: str) -> tuple[Check, ...]:
    return GREEN


@dataclass
class Landings:
    """A user's repository whose integration branch agents land on."""

    user: Checkout
    repo: Repo
    target: str = "main"
    known: KnownLandings = NOTHING_KNOWN
    verified: list[str] = field(default_factory=list[str])

    @classmethod
    def at(cls, folder: Path) -> Landings:
        user = checkout(folder)
        return cls(user=user, repo=user.open())

    @property
    def branches(self) -> BranchContext:
        return BranchContext(branch=INTEGRATION, target=self.target, known=self.known)

    @property
    def tip(self) -> str:
        return self.repo.commit(f"refs/heads/{INTEGRATION}") or ""

    def make_due_moves(
        self, *, verify: Verify | None = None, needs: Mapping[str, tuple[str, ...]] | None = None
    ) -> BranchReport:
        return make_due_moves(self.repo, self.branches, verify=verify, needs=needs)

    def submit(self, name: str, base: str, files: Files) -> str:
        """What an agent makes on top of a commit, without touching any branch of the user's."""
        made = self.user.branch(f"agent/{name}", base, files)
        self.user.git("branch", "-q", "-D", f"agent/{name}")
        self.user.git("update-ref", f"refs/cowork/sub/{name}/1", made)
        return made

    def merge(self, name: str, base: str, commit: str) -> Landing | None:
        """Land a submission as the queue does; None where it waits, or collides."""
        found = find_merge_sources(self.repo, tip=self.tip, target=self.target, base=base, commit=commit)
        if found.awaited:
            return None
        submission = Submission(task=name, attempt=1, number=1, commit=commit)
        made = merge_submission(self.repo, self.tip, submission, found)
        if not isinstance(made, MergeCommit):
            return None
        assert land(self.repo, INTEGRATION, self.tip, made.commit, next_number_under(self.repo, LANDINGS))
        return Landing(task=name, number=1, submission=commit, commit=made.commit)

    def land(self, name: str, files: Files) -> str:
        """A task from the tip to its landing; the merge."""
        self.make_due_moves(verify=green)
        base = self.tip
        made = self.merge(name, base, self.submit(name, base, files))
        assert made is not None
        return made.commit

    def revert(self, name: str, landing: str) -> None:
        """Take a landing back, as the queue does."""
        made = file_revert(self.repo, landing, name, 2, self.tip)
        assert isinstance(made, RevertCommit)
        assert self.merge(name, landing, made.commit)

    def landings(self) -> list[Landing]:
        """As the refs have them, each submission once."""
        return latest_of_each(read_landings(self.repo, list(landing_commits(self.repo).values())))

    def files(self, ref: str = INTEGRATION) -> set[str]:
        return set(self.user.git("ls-tree", "-r", "--name-only", ref).splitlines())
