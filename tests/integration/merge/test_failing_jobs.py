"""Jobs of the merge queue that fail: each is said where it belongs, with what to do, and tried again ever later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.core.errors import RepoError
from coworkd.core.model import Status
from coworkd.merge.git.revert_commits import RevertCommit
from coworkd.merge.reverts import RevertService
from coworkd.store import SubmissionKey, SubmissionKind, SubmissionRow, SubmissionState, TaskRow
from coworkd.store.submissions import (
    find_submission,
    held_submissions,
    pending_submissions,
    retire_submission,
)
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout
from tests.integration.queuekit import Queue
from tests.integration.workspacekit import TASK

REVIEW = "reviews/a.md"
CONFIG = "config.yaml"
LOCKED = RepoError("fatal: Unable to create '.git/packed-refs.lock': File exists")


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    made = checkout(tmp_path / "project")
    made.commit("first", {"a.txt": "a\n", ".gitignore": ".cowork/\ntrash/\nstate.db*\nepoch\n"})
    return made


@pytest.fixture
def queue(user: Checkout) -> Iterator[Queue]:
    with Repo.open(user.root) as repo:
        made = Queue(user, repo)
        yield made
        made.jobs.close()
        made.db.close()


# ---- taking back


def ask_for_revert(queue: Queue) -> None:
    queue.add_task(status=Status.DONE, landed="1234567890ab")
    queue.save("---\nstatus: revert\n---\nA review.\n", REVIEW)


def test_a_revert_that_fails_is_said_in_the_review_and_tried_again_ever_later(queue: Queue) -> None:
    ask_for_revert(queue)
    queue.integration.broken = LOCKED
    queue.pass_time()
    message = queue.problems(REVIEW)["revert"]
    assert message.startswith(f"`status: revert` could not be done: {LOCKED}; coworkd tries again by itself")
    assert message.endswith("write `status: landed` to give it up")
    at = queue.jobs.deadline(queue.now)
    assert at == queue.now + 5
    queue.pass_time(5)
    assert queue.jobs.deadline(queue.now) == queue.now + 10
    assert queue.problems(REVIEW)["revert"] != message, "it says when coworkd tries next"
    queue.integration.broken = None
    queue.pass_time(9)
    assert pending_submissions(queue.db, "a") == []
    queue.pass_time(1)
    (row,) = pending_submissions(queue.db, "a")
    assert row.kind is SubmissionKind.REVERT
    assert "revert" not in queue.problems(REVIEW)


def test_a_revert_that_fails_is_given_up_in_the_review(queue: Queue) -> None:
    ask_for_revert(queue)
    queue.integration.broken = LOCKED
    queue.pass_time()
    queue.save("---\nstatus: landed\n---\nA review.\n", REVIEW)
    queue.pass_time(1)
    assert "revert" not in queue.problems(REVIEW)
    assert queue.jobs.deadline(queue.now) is None
    queue.pass_time(60)
    assert "revert" not in queue.problems(REVIEW)
    queue.integration.broken = None
    queue.save("---\nstatus: revert\n---\nA review.\n", REVIEW)
    queue.pass_time(1)
    assert len(pending_submissions(queue.db, "a")) == 1, "asked for again, it begins without a pause"


def test_a_fault_of_coworkd_itself_ends_no_daemon(queue: Queue) -> None:
    def breaks(*_: object) -> RevertCommit:
        raise KeyError("tree")

    ask_for_revert(queue)
    queue.turn()
    reverts = RevertService(queue.board, queue.jobs, breaks)
    reverts.start_requested(queue.now)
    while queue.jobs.busy():
        queue.jobs.settle(queue.now)
    assert "internal error, a fault of coworkd itself: KeyError: 'tree'" in queue.problems(REVIEW)["revert"]


# ---- landing in the target by itself


def test_an_automatic_landing_that_fails_is_said_in_the_settings_and_tried_again(queue: Queue, user: Checkout) -> None:
    queue.save("version: 1\nintegration: {land: auto}\n", CONFIG)
    queue.add_task()
    commit = user.git("rev-parse", "HEAD")
    row = queue.submit(commit, user.git("rev-parse", "HEAD^{tree}"), commit)
    with queue.db.write():
        queue.db.set(SubmissionRow, row.key, state=SubmissionState.LANDED, landing=commit, proof=commit)
    queue.integration.broken = LOCKED
    queue.pass_time()
    queue.pass_time()
    message = queue.problems(CONFIG)["land"]
    assert message.startswith(f"`land: auto` failed: {LOCKED}; coworkd tries again by itself")
    assert message.endswith("or with `coworkd land`")
    assert queue.jobs.deadline(queue.now) is not None
    queue.integration.broken = None
    queue.pass_time(5)
    assert "land" not in queue.problems(CONFIG)


# ---- the queue


def test_a_submission_that_cannot_be_verified_holds_no_other_and_says_so(queue: Queue, user: Checkout) -> None:
    base = user.git("rev-parse", "HEAD")
    first = user.branch("one", base, {"one.txt": "1\n"})
    queue.add_task("a", status=Status.MERGING)
    row = queue.submit(first, user.git("rev-parse", f"{first}^{{tree}}"), base)
    queue.integration.broken = LOCKED
    queue.pass_time()
    assert queue.problems(TASK)["queue"].startswith(f"cannot land: {LOCKED}; coworkd tries again by itself")
    queue.integration.broken = None
    second = user.branch("two", base, {"two.txt": "2\n"})
    queue.add_task("b", status=Status.MERGING)
    queue.submit(second, user.git("rev-parse", f"{second}^{{tree}}"), base, task="b")
    queue.pass_time(1)
    other = find_submission(queue.db, SubmissionKey("b", 1))
    assert other is not None
    assert other.state is not SubmissionState.QUEUED, "the other one goes on"
    queue.pass_time(4)
    assert "queue" not in queue.problems(TASK)
    found = find_submission(queue.db, row.key)
    assert found is not None
    assert found.state is not SubmissionState.QUEUED


def test_what_has_left_the_queue_is_no_problem_any_more(queue: Queue, user: Checkout) -> None:
    base = user.git("rev-parse", "HEAD")
    first = user.branch("one", base, {"one.txt": "1\n"})
    queue.add_task("a", status=Status.MERGING)
    row = queue.submit(first, user.git("rev-parse", f"{first}^{{tree}}"), base)
    queue.integration.broken = LOCKED
    queue.pass_time()
    assert "queue" in queue.problems(TASK)
    with queue.db.write():
        retire_submission(queue.db, row, "closed by hand", queue.now)
    queue.pass_time(1)
    assert "queue" not in queue.problems(TASK)
    assert queue.jobs.deadline(queue.now) is None


def hold(queue: Queue, user: Checkout) -> SubmissionRow:
    """A submission that waits because a command is red without it, too."""
    base = user.git("rev-parse", "HEAD")
    first = user.branch("one", base, {"one.txt": "1\n"})
    queue.save('version: 1\nverify: ["false"]\n', CONFIG)
    queue.add_task("a", status=Status.MERGING)
    row = queue.submit(first, user.git("rev-parse", f"{first}^{{tree}}"), base)
    queue.pass_time()
    (held,) = held_submissions(queue.db)
    assert held.key == row.key
    return held


def test_a_tip_that_cannot_be_checked_again_is_a_problem_until_it_can(queue: Queue, user: Checkout) -> None:
    hold(queue, user)
    queue.integration.broken = LOCKED
    queue.pass_time(30)
    message = queue.problems(CONFIG)["check of the tip"]
    assert message.startswith(f"whether `false` is still red without any change is not known: {LOCKED}; coworkd tries")
    assert queue.merger.deadline(queue.now) is not None
    queue.pass_time(30)
    assert queue.problems(CONFIG)["check of the tip"] != message, "it says when coworkd tries next"
    queue.integration.broken = None
    queue.pass_time(60)
    assert set(queue.problems(CONFIG)) == {"verification"}


def test_a_tip_that_is_not_checked_any_more_is_no_problem(queue: Queue, user: Checkout) -> None:
    row = hold(queue, user)
    queue.integration.broken = LOCKED
    queue.pass_time(30)
    assert "check of the tip" in queue.problems(CONFIG)
    with queue.db.write():
        retire_submission(queue.db, row, "closed by hand", queue.now)
    queue.pass_time(1)
    assert queue.problems(CONFIG) == {}
    assert queue.jobs.deadline(queue.now) is None


# ---- what the database lost


def test_a_submission_that_the_database_lost_is_looked_up_in_a_job(queue: Queue, user: Checkout) -> None:
    base = user.git("rev-parse", "HEAD")
    commit = user.branch("one", base, {"one.txt": "1\n"})
    user.git("update-ref", "refs/cowork/sub/a/3", commit)
    queue.add_task("a", status=Status.REVIEW)
    queue.integration.broken = LOCKED
    queue.pass_time()
    message = queue.problems(TASK)["lost submission"]
    assert message.startswith(f"its submission cannot be looked for: {LOCKED}; coworkd tries again by itself")
    assert pending_submissions(queue.db, "a") == []
    queue.integration.broken = None
    queue.pass_time(5)
    (row,) = pending_submissions(queue.db, "a")
    assert (row.number, row.commit_id, row.needs_approval) == (3, commit, True)
    assert "lost submission" not in queue.problems(TASK)


def test_a_review_of_what_no_ref_has_pauses_its_task(queue: Queue) -> None:
    queue.add_task("a", status=Status.REVIEW)
    queue.pass_time()
    task = queue.board.task("a")
    assert (task.status, task.reason) == (
        Status.PAUSED,
        "its submission is not to be found; write `ready` for a new attempt",
    )


def test_a_lost_submission_that_is_not_needed_any_more_is_no_problem(queue: Queue) -> None:
    queue.add_task("a", status=Status.REVIEW)
    queue.integration.broken = LOCKED
    queue.pass_time()
    assert "lost submission" in queue.problems(TASK)
    with queue.db.write():
        queue.db.set(TaskRow, "a", status=Status.DONE)
    queue.pass_time(1)
    assert "lost submission" not in queue.problems(TASK)
    assert queue.jobs.deadline(queue.now) is None
