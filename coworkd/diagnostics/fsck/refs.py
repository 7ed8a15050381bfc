"""Rows against refs: what was submitted is there, and what is there was submitted."""

from __future__ import annotations

from collections.abc import Iterator

from coworkd.core.clock import iso
from coworkd.diagnostics.fsck.finding import REPAIR, Inconsistency, Subject
from coworkd.store import Database, SubmissionRow, SubmissionState
from coworkd.store.landings import Landings
from coworkd.store.submissions import work_submissions
from coworkd.sync.effective_specs import EffectiveSpecs
from coworkd.system.git import Repo
from coworkd.system.git.refs import SUBMISSIONS, branch_ref, refs_under, submission_ref


def check_refs(db: Database, repo: Repo, remembered: frozenset[str]) -> Iterator[Inconsistency]:
    """`remembered`: commits that records of runs name, whether or not the database still has their submissions."""
    refs = refs_under(repo, SUBMISSIONS)
    rows = {submission_ref(row.task, row.number): row for row in work_submissions(db)}
    landed = {row.task for row in rows.values() if row.state is SubmissionState.LANDED}
    for name, row in rows.items():
        # What has landed is pruned after a while, and all that led to it.
        if name not in refs and row.task in landed:
            continue
        yield from _row(repo, name, row, refs.get(name))
    tips = _tips(db, repo)
    for name, commit in refs.items():
        known = name in rows or commit in remembered or any(repo.is_ancestor(commit, tip) for tip in tips)
        if not known:
            yield Inconsistency(
                subject=Subject.REF, name=name, says=f"the database knows nothing of this submission ({commit[:12]})",
                advice=f"{REPAIR}; `coworkd recover` has the work", repairable=True,
            )  # fmt: skip
    yield from _landings(db, repo, tips)


def _tips(db: Database, repo: Repo) -> list[str]:
    specs = EffectiveSpecs(db)
    names = (specs.settings().integration.branch, specs.target())
    return [tip for name in names if name and (tip := repo.commit(branch_ref(name)))]


def _row(repo: Repo, name: str, row: SubmissionRow, commit: str | None) -> Iterator[Inconsistency]:
    if commit == row.commit_id:
        return
    if commit is not None:
        says = f"names {commit[:12]}, and what was submitted is {row.commit_id[:12]}"
        yield Inconsistency(subject=Subject.REF, name=name, says=says, advice="`git reflog` tells who moved it")
    elif repo.commit(row.commit_id) is not None:
        says = f"is gone; what was submitted ({row.commit_id[:12]}) is still in the repository"
        yield Inconsistency(subject=Subject.REF, name=name, says=says, advice=REPAIR, repairable=True)
    else:
        yield Inconsistency(
            subject=Subject.REF, name=name, says=f"is gone, and its commit {row.commit_id[:12]} with it",
            advice=f"write `ready` into the task `{row.task}` for a new attempt",
        )  # fmt: skip


def _landings(db: Database, repo: Repo, tips: list[str]) -> Iterator[Inconsistency]:
    for row in Landings(db).landed():
        there = repo.commit(row.landing)
        if there is None or not any(repo.is_ancestor(there, tip) for tip in tips):
            yield Inconsistency(
                subject=Subject.REF, name=f"{row.task} {row.landing[:12]}",
                says=f"landed {iso(row.created)}, and is in neither the integration branch nor its target",
                advice="the branch was rewritten; `coworkd revert` and `coworkd apply` cannot find it any more",
            )  # fmt: skip
