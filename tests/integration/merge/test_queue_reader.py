"""The queue as it is read: what a turn costs does not grow with the submissions that wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.board.task_board import Board
from coworkd.core.model import Status
from coworkd.merge.queue_reader import QueueReader
from coworkd.merge.reviews.service import ReviewService
from coworkd.store import SubmissionKey, SubmissionRow, SubmissionState, TaskRow
from coworkd.store.submissions import add_submission, update_submission
from coworkd.system.git import Repo
from tests.integration.gitkit import checkout
from tests.integration.queuekit import Queue
from tests.integration.workspacekit import Workspace

CONFIG = "config.yaml"
CHECKED = '[{"command": "true", "exit": 0, "seconds": 0.0}]'


class Reviews(Workspace):
    """Submissions that are green and wait for a person."""

    def __init__(self, root: Path, waiting: int) -> None:
        super().__init__(root)
        self.save('version: 1\nverify: ["true"]\n', CONFIG)
        for number in range(waiting):
            self.save("---\nstatus: draft\n---\nDo it.\n", f"tasks/t{number}.md")
        self.turns()
        with self.db.write():
            for number in range(waiting):
                self.db.set(TaskRow, f"t{number}", status=Status.REVIEW)
                add_submission(self.db, self._submission(f"t{number}"))
        board = Board(self.db, self.intake)
        self.reader = QueueReader(board, ReviewService(board))

    def _submission(self, task: str) -> SubmissionRow:
        return SubmissionRow(
            task=task, number=1, attempt=1, commit_id="c", tree="t", base="b", state=SubmissionState.GREEN,
            created=self.now, needs_approval=True, request="r", checks=CHECKED, verified_on="tip",
        )  # fmt: skip

    def statements(self) -> int:
        """How many statements it takes to read the queue."""
        asked: list[str] = []
        self.db.connection.set_trace_callback(asked.append)
        self.reader.entries(self.now)
        self.db.connection.set_trace_callback(None)
        return len(asked)


@pytest.mark.parametrize("waiting", [2, 200])
def test_reading_the_queue_takes_the_same_statements_however_many_wait(tmp_path: Path, waiting: int) -> None:
    work = Reviews(tmp_path, waiting)
    assert work.statements() == 5
    assert len(work.reader.entries(work.now)) == waiting
    assert work.statements() == 0, "nothing has changed"
    work.save("---\nstatus: draft\npriority: high\n---\nDo it.\n", "tasks/t1.md")
    work.turns()
    assert work.statements() == 5
    work.db.close()


def test_what_changes_is_seen_at_once(tmp_path: Path) -> None:
    work = Reviews(tmp_path, 2)
    assert [entry.needs_approval for entry in work.reader.entries(work.now)] == [True, True]
    with work.db.write():
        row = work.db.one(SubmissionRow, "task = ?", "t0")
        assert row is not None
        update_submission(work.db, row, approved=True)
    approved = {entry.key: entry.approved for entry in work.reader.entries(work.now)}
    assert approved == {SubmissionKey("t0", 1): True, SubmissionKey("t1", 1): False}
    work.save('version: 1\napprove: []\nverify: ["true"]\n', CONFIG)
    work.turns()
    assert [entry.needs_approval for entry in work.reader.entries(work.now)] == [False, False]
    work.db.close()


def test_a_turn_costs_the_same_statements_however_many_wait_for_a_person(tmp_path: Path) -> None:
    few, many = (_statements_of_a_turn(tmp_path / str(waiting), waiting) for waiting in (2, 200))
    assert few == many


def _statements_of_a_turn(folder: Path, waiting: int) -> int:
    """How many statements a turn of the merge queue takes in which nothing has happened."""
    user = checkout(folder / "project")
    user.commit("first", {"a.txt": "a\n", ".gitignore": ".cowork/\ntrash/\nstate.db*\nepoch\n"})
    base = user.git("rev-parse", "main")
    with Repo.open(user.root) as repo:
        queue = Queue(user, repo)
        queue.save('version: 1\nverify: ["true"]\n', CONFIG)
        for number in range(waiting):
            queue.save("---\nstatus: draft\n---\nDo it.\n", f"tasks/t{number}.md")
        queue.turns()
        with queue.db.write():
            for number in range(waiting):
                queue.db.set(TaskRow, f"t{number}", status=Status.REVIEW)
                row = queue.submit(base, "tree", base, f"t{number}")
                queue.db.set(
                    SubmissionRow, row.key, state=SubmissionState.GREEN, needs_approval=True, request="r",
                    checks=CHECKED,
                )  # fmt: skip
        queue.pass_time()
        asked: list[str] = []
        queue.db.connection.set_trace_callback(asked.append)
        queue.merger.step(queue.now, start=True)
        queue.db.connection.set_trace_callback(None)
        queue.jobs.close()
        queue.db.close()
    return len(asked)
