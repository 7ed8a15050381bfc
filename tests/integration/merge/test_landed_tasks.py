"""Which landings and submissions the refs tell of, and which tasks have landed although their files do not say so."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from coworkd.core.model import Status
from coworkd.history.landing_refs import LandingRef, latest_of_each, latest_submissions, read_landings
from coworkd.merge.landed_tasks import stays_done
from coworkd.store import TaskRow
from coworkd.system.git import Repo
from tests.integration.gitkit import checkout


def test_landings_are_read_with_their_trailers_in_order(tmp_path: Path) -> None:
    at = checkout(tmp_path / "repo")
    tree = at.git("rev-parse", "HEAD^{tree}")
    commits: list[str] = []
    for number in range(1, 12):
        message = f"T\n\nCowork-Task: t{number % 3}\nCowork-Attempt: {number}\nCowork-Submission: {number} abc\n"
        commits.append(at.git("commit-tree", tree, "-p", "HEAD", "-m", message))
        at.git("update-ref", f"refs/cowork/land/{number}", commits[-1])
    at.git("update-ref", "refs/cowork/land/12", "HEAD")  # a commit of a person
    with Repo.open(at.root) as repo:
        found = read_landings(repo)
        assert [landing.sequence for landing in found] == list(range(1, 12))
        assert [landing.commit for landing in found] == commits
        assert found[9] == LandingRef(
            sequence=10, commit=commits[9], tree=tree, task="t1", attempt=10, number=10, submission="abc"
        )
        assert [landing.sequence for landing in read_landings(repo, above=9)] == [10, 11]
        assert {task: landing.sequence for task, landing in latest_of_each(found).items()} == {
            "t0": 9, "t1": 10, "t2": 11,
        }  # fmt: skip


def test_the_latest_submission_of_each_task(tmp_path: Path) -> None:
    at = checkout(tmp_path / "repo")
    for number in (1, 2, 10):
        at.git("update-ref", f"refs/cowork/sub/one/{number}", "HEAD")
    at.git("update-ref", "refs/cowork/sub/two/1", "HEAD")
    with Repo.open(at.root) as repo:
        assert {task: found.number for task, found in latest_submissions(repo).items()} == {"one": 10, "two": 1}


LANDING = LandingRef(sequence=1, commit="c" * 40, tree="t" * 40, task="a", attempt=2, number=1, submission="s" * 40)

ROW = TaskRow(
    id="a", path="tasks/a.md", title="a", status=Status.PAUSED, reason="", since=0.0, agent="", priority=2.0,
    created=0.0, attempt=2, by="anna-0001", landed="", failures=0, conflict_rounds=0, not_before=0.0, closed_by_hand=False, requested_status="",
    request_due_at=0.0, blocked_reason="", from_git=False, owned_elsewhere=False, file_missing=False, agent_used="", cost_usd=None, input_tokens=0,
    output_tokens=0, exact_id=True,
)  # fmt: skip


@pytest.mark.parametrize("status", [Status.PAUSED, Status.READY, Status.REVIEW, Status.MERGING, Status.RUNNING])
def test_a_task_whose_file_is_older_than_its_landing_stays_done(status: Status) -> None:
    assert stays_done(dataclasses.replace(ROW, status=status), LANDING)


@pytest.mark.parametrize(
    "changes",
    [
        {"attempt": 3},  # a later attempt
        {"landed": "c" * 12},  # the file knows it: what it says came after
        {"exact_id": False},  # a new file under the old name
        {"status": Status.DONE},
        {"status": Status.CANCELLED},
        {"reverted": "c" * 12},
        {"from_git": True},
        {"owned_elsewhere": True},
        {"file_missing": True},
    ],
)
def test_what_the_file_says_counts_where_it_was_written_later(changes: dict[str, Any]) -> None:
    assert not stays_done(dataclasses.replace(ROW, **changes), LANDING)
