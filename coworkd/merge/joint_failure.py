"""Red together, green alone: a change whose files merge with what landed since it was made, and whose meaning does not.

It goes back to its author as a conflict, like one in the files. Blocking; called from job threads only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from coworkd.core.conflict_facts import ConflictFacts
from coworkd.core.model import Check
from coworkd.core.text_formats import shorten_start
from coworkd.merge.blame import CheckFailure, failure_of, outcome_text
from coworkd.merge.git.conflict_bundle import MAX_LANDED, commits_since, landed_since
from coworkd.merge.job_values import VerifyRequest
from coworkd.merge.verification import TREE_CHECK
from coworkd.merge.verifier import GateRun, TipChecks, Verifier
from coworkd.slots.tree_paths import is_reserved
from coworkd.system.git import Repo
from coworkd.system.git.trees import differences

_TAIL = 3000
"""Characters of the end of an output that the author is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoneRun:
    """A submission that merges, to be checked as it was made."""

    request: VerifyRequest
    onto: str
    """What it is merged with."""
    run: GateRun
    """How candidates are verified, on the submission itself."""
    verifier: Verifier
    is_cancelled: Callable[[], bool]

    def is_green(self, repo: Repo, red: Check) -> bool:
        """Whether a check that is red on the merge is green here, and something has landed since."""
        if red.from_tip or not _is_of_the_change(red) or not self._may_differ(repo, red.command):
            return False
        alone = self._check(repo, red.command)
        return alone is not None and any(check.command == red.command and check.green for check in alone.checks)

    def red_suspect(self, repo: Repo) -> TipChecks | None:
        """The checks of a submission that made a batch red, where it is red here, too; None: that is not confirmed."""
        suspect = self.request.suspect
        if not suspect or not self._may_differ(repo, suspect):
            return None
        alone = self._check(repo, suspect)
        red = [check for check in alone.checks if not check.green] if alone else []
        return alone if red and red[0].command == suspect and _is_of_the_change(red[0]) else None

    def _may_differ(self, repo: Repo, command: str) -> bool:
        request = self.request
        if request.undoes or request.loop or request.stack or command == TREE_CHECK:
            return False
        bases = repo.merge_bases(self.onto, request.commit)
        return bool(bases) and any(not is_reserved(one.path) for one in differences(repo, bases[0], self.onto))

    def _check(self, repo: Repo, command: str) -> TipChecks | None:
        workspace = self.request.workspace
        commands = workspace if command in workspace else (command,)
        run = replace(self.run, verification=replace(self.run.verification, commands=commands))
        return self.verifier.check_tip(repo, run, self.is_cancelled)


def _is_of_the_change(red: Check) -> bool:
    return not red.reached and not red.hidden and failure_of(red) in (CheckFailure.EXIT, CheckFailure.TIMEOUT)


def joint_failure_facts(repo: Repo, submission: str, tip: str, red: Check) -> ConflictFacts:
    """What its author is told: the check, and all that has landed since, for no path says what it is about."""
    return ConflictFacts(
        landed=tuple(landed_since(repo, submission, tip, ()))[:MAX_LANDED],
        commits=tuple(one.line for one in commits_since(repo, submission, tip, ())),
        red=(f"`{red.command}`: {outcome_text(red)}", shorten_start(red.tail, _TAIL)),
    )
