"""Stacked tasks: verified on top of what has not landed, landed behind it, moved when it is sent again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.board.stacks import stack_of
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.merge.branch_jobs import NoBase, RunBase
from coworkd.merge.git.facts import BranchContext
from coworkd.store import SubmissionKey, SubmissionRow
from coworkd.store.landings import NOTHING_KNOWN
from coworkd.store.problems import problem_message
from coworkd.store.stacks import stacked_submissions
from coworkd.store.submissions import get_submission, retire_submission, update_submission
from coworkd.store.tasks import startable_tasks
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout
from tests.integration.queuekit import Queue

Files = dict[str, str | None]
LINES = "".join(f"{number}\n" for number in range(1, 21))
BRANCHES = BranchContext(branch="cowork/integration", target="main", known=NOTHING_KNOWN)


class Stacks:
    """Tasks that wait for a review, unless a test says otherwise, and such as are stacked on them."""

    def __init__(self, queue: Queue, user: Checkout, repo: Repo) -> None:
        self.queue, self.user, self.repo = queue, user, repo
        self.queue.save("version: 1\napprove: [merge]\nverify: ['! grep -r bad *.txt']\n", "config.yaml")

    def add(self, task: str, needs: str = "", head: str = "") -> None:
        stack = f"stack: true\ndepends_on: [{needs}]\n" if needs else ""
        self.queue.save(f"---\nstatus: draft\n{stack}{head}---\nDo it.\n", f"tasks/{task}.md")
        self.queue.turns()
        self.queue.set_status(task, Status.MERGING)

    def base(self, task: str) -> str:
        """The commit that a run of the task starts from now."""
        stack = stack_of(self.queue.db, task)
        found = self.queue.integration.base(BRANCHES, (), stacked_submissions(self.queue.db, stack.parents))
        assert isinstance(found, RunBase), found
        return found.commit

    def submit(self, task: str, files: Files, number: int = 1, base: str = "") -> SubmissionKey:
        """What a run of the task makes that starts now, or from `base`."""
        stacked_on = stack_of(self.queue.db, task).encoded
        base = base or self.base(task)
        commit = self.user.branch(f"work-{task}-{number}", base, files)
        tree = self.user.git("rev-parse", f"{commit}^{{tree}}")
        self.queue.now += 1
        row = self.queue.submit(commit, tree, base, task, number)
        update_submission(self.queue.db, row, needs_approval=True, stacked_on=stacked_on)
        self.queue.pass_time()
        return row.key

    def send_again(self, key: SubmissionKey, files: Files) -> SubmissionKey:
        """The parent's review asked for changes, and another attempt was made from the tip."""
        with self.queue.db.write():
            retire_submission(self.queue.db, self.row(key), "changes asked for", self.queue.now)
        self.queue.set_status(key.task, Status.RUNNING)
        self.queue.pass_time()
        return self.submit(key.task, files, key.number + 1)

    def release(self, *tasks: str) -> None:
        """From now on nobody is asked about these."""
        for task in tasks:
            text = self.queue.text(f"tasks/{task}.md").replace("---\n", "---\napprove: []\n", 1)
            self.queue.save(text, f"tasks/{task}.md")
        self.queue.turns()
        self.queue.pass_time()

    def row(self, key: SubmissionKey) -> SubmissionRow:
        return get_submission(self.queue.db, key)

    def states(self, *keys: SubmissionKey) -> str:
        return " ".join(self.row(key).state for key in keys)

    def files(self, commit: str = "cowork/integration") -> str:
        names = self.user.git("ls-tree", "-r", "--name-only", commit).split()
        return " ".join(name for name in names if name.endswith(".txt") and "/" not in name)

    def reason(self, task: str) -> str:
        return self.queue.task(task).reason

    def history(self, kind: EventKind, task: str) -> str:
        return str(
            [
                row["data"]
                for row in self.queue.db.query("SELECT data FROM events WHERE kind = ? AND task = ?", kind, task)
            ]
        )


@pytest.fixture
def stacks(tmp_path: Path) -> Iterator[Stacks]:
    user = checkout(tmp_path / "project")
    ignored = ".cowork/\ntrash/\nstate.db*\nepoch\n"
    user.commit("first", {"a.txt": LINES, ".gitignore": ignored, ".cowork/config.yaml": None})
    with Repo.open(user.root) as repo:
        queue = Queue(user, repo)
        queue.pass_time()
        yield Stacks(queue, user, repo)
        queue.jobs.close()
        queue.db.close()


def test_a_stacked_change_is_reviewed_by_itself_and_lands_behind_what_it_builds_on(stacks: Stacks) -> None:
    stacks.add("low")
    low = stacks.submit("low", {"low.txt": "x\n", "a.txt": LINES.replace("2\n", "two\n", 1)})
    stacks.add("top", "low")
    top = stacks.submit(
        "top", {"top.txt": "x\n", "a.txt": LINES.replace("2\n", "two\n", 1).replace("\n9\n", "\nnine\n")}
    )
    assert stacks.states(low, top) == "green green"
    assert stacks.row(top).stacked_on == "low/1"
    assert stacks.files(stacks.row(top).candidate).split() == ["a.txt", "low.txt", "top.txt"]
    assert "low.txt" not in stacks.row(top).files
    assert "a.txt (+1 -1)" in stacks.row(top).files
    stacks.release("top")
    assert stacks.states(low, top) == "green green", "it waits for what it builds on"
    stacks.release("low")
    assert stacks.states(low, top) == "landed landed"
    assert "1 of 2 changed files" not in stacks.row(top).merge_proof
    assert "all 2 changed files are in the result as submitted" in stacks.row(top).merge_proof
    landing = stacks.row(top).landing
    assert stacks.user.git("diff", "--name-only", f"{landing}^1", landing).split() == ["a.txt", "top.txt"]


def test_it_may_start_as_soon_as_what_it_builds_on_is_verified(stacks: Stacks) -> None:
    stacks.add("low")
    stacks.add("top", "low")
    stacks.add("plain", head="depends_on: [low]\n")
    for task in ("top", "plain"):
        stacks.queue.set_status(task, Status.READY)
        stacks.queue.db.execute("UPDATE tasks SET wanted = '' WHERE id = ?", task)
    assert startable_tasks(stacks.queue.db) == []
    stacks.submit("low", {"low.txt": "x\n"})
    assert [row.id for row in startable_tasks(stacks.queue.db)] == ["top"]
    assert stacks.files(stacks.base("top")).split() == ["a.txt", "low.txt"]


def test_it_is_moved_when_what_it_builds_on_is_sent_again(stacks: Stacks) -> None:
    stacks.add("low")
    low = stacks.submit("low", {"low.txt": "x\n", "old.txt": "x\n"})
    stacks.add("top", "low")
    top = stacks.submit("top", {"top.txt": "x\n"})
    again = stacks.send_again(low, {"low.txt": "y\n"})
    assert stacks.states(low, again, top) == "retired green green"
    assert stacks.row(top).stacked_on == "low/2"
    assert stacks.files(stacks.row(top).candidate).split() == ["a.txt", "low.txt", "top.txt"]
    assert "low/2, which was sent again" in stacks.history(EventKind.QUEUED_AGAIN, "top") or (
        "waits for its next submission" in stacks.history(EventKind.QUEUED_AGAIN, "top")
    )
    stacks.release("low", "top")
    assert stacks.states(again, top) == "landed landed"
    assert stacks.files().split() == ["a.txt", "low.txt", "top.txt"]
    log = stacks.user.git("log", "--format=%H", "cowork/integration")
    assert stacks.row(low).commit_id not in log, "what was sent again came along with nothing"


def test_while_there_is_nothing_to_build_on_it_waits_and_says_so(stacks: Stacks) -> None:
    stacks.add("low")
    low = stacks.submit("low", {"low.txt": "x\n"})
    stacks.add("top", "low")
    top = stacks.submit("top", {"top.txt": "x\n"})
    with stacks.queue.db.write():
        retire_submission(stacks.queue.db, stacks.row(low), "changes asked for", stacks.queue.now)
    stacks.queue.set_status("low", Status.RUNNING)
    stacks.queue.pass_time()
    assert stacks.states(top) == "queued"
    assert stacks.reason("top") == "stacked on low, which is running: waits for its next submission"
    stacks.queue.set_status("low", Status.FAILED)
    stacks.queue.pass_time()
    assert stacks.states(top) == "queued"
    assert stacks.reason("top").startswith("stacked on low, which is failed: it is blocked")
    assert "it is blocked" in problem_message(stacks.queue.db, "tasks/top.md", "stack")
    stacks.queue.set_status("low", Status.MERGING)
    again = stacks.submit("low", {"low.txt": "y\n"}, 2)
    assert stacks.states(again, top) == "green green"
    assert problem_message(stacks.queue.db, "tasks/top.md", "stack") == ""
    assert not stacks.reason("top").startswith("stacked on")


def test_what_does_not_merge_with_the_next_submission_goes_to_its_author(stacks: Stacks) -> None:
    stacks.add("low")
    low = stacks.submit("low", {"low.txt": "one\n"})
    stacks.add("top", "low")
    top = stacks.submit("top", {"low.txt": "one\nmore\n", "top.txt": "x\n"})
    stacks.send_again(low, {"low.txt": "two\n"})
    row = stacks.row(top)
    assert row.state == "conflicted"
    assert "submission 2 of low, which it builds on" in row.message
    assert stacks.user.git("show", f"{row.tip_to_merge}:low.txt") == "two"
    # Its author merges that in, and finds nothing of the submission before in the way.
    stacks.user.git("checkout", "-q", "--detach", row.commit_id)
    merge = ["merge", "-q", "-X", "ours", "--no-edit", row.tip_to_merge]
    stacks.user.git(*merge)
    stacks.user.git("checkout", "-q", "-")
    with stacks.queue.db.write():
        retire_submission(stacks.queue.db, row, "sent back", stacks.queue.now)
    resolved = stacks.user.git("rev-parse", "HEAD@{1}")
    assert stacks.files(resolved).split() == ["a.txt", "low.txt", "top.txt"]
    tree = stacks.user.git("rev-parse", f"{resolved}^{{tree}}")
    made = stacks.queue.submit(resolved, tree, row.tip_to_merge, "top", 2)
    update_submission(stacks.queue.db, made, needs_approval=True, stacked_on=row.stacked_on)
    stacks.queue.pass_time()
    assert stacks.states(made.key) == "green"
    assert stacks.user.git("show", f"{stacks.row(made.key).candidate}:low.txt") == "one\nmore"
    stacks.release("low", "top")
    assert stacks.states(made.key) == "landed"


def test_it_builds_on_several_where_they_merge(stacks: Stacks) -> None:
    stacks.add("left")
    stacks.add("right")
    stacks.submit("left", {"left.txt": "x\n"})
    right = stacks.submit("right", {"right.txt": "x\n"})
    stacks.add("top", "left, right")
    top = stacks.submit("top", {"top.txt": "x\n"})
    assert stacks.row(top).stacked_on == "left/1 right/1"
    stacks.release("left", "top")
    assert stacks.states(right, top) == "green green", "one of them has landed"
    stacks.release("right")
    assert stacks.states(right, top) == "landed landed"
    assert stacks.user.git("diff", "--name-only", "cowork/integration^1", "cowork/integration") == "top.txt"


def test_it_does_not_start_where_they_do_not_merge(stacks: Stacks) -> None:
    stacks.add("left")
    stacks.add("right")
    stacks.submit("left", {"both.txt": "x\n"})
    stacks.submit("right", {"both.txt": "y\n"})
    stacks.add("top", "left, right")
    stack = stacked_submissions(stacks.queue.db, stack_of(stacks.queue.db, "top").parents)
    found = stacks.queue.integration.base(BRANCHES, (), stack)
    assert found == NoBase(
        reason="waits: stacked on right, which conflicts in both.txt with what is below it", lasting=True
    )


def test_a_chain_follows_what_is_at_its_end(stacks: Stacks) -> None:
    stacks.add("low")
    low = stacks.submit("low", {"low.txt": "x\n"})
    stacks.add("mid", "low")
    mid = stacks.submit("mid", {"mid.txt": "x\n"})
    stacks.add("top", "mid")
    top = stacks.submit("top", {"top.txt": "x\n"})
    assert stacks.row(top).stacked_on == "low/1 mid/1"
    stacks.send_again(low, {"low.txt": "y\n"})
    assert [stacks.row(key).stacked_on for key in (mid, top)] == ["low/2", "low/2 mid/1"]
    stacks.release("low", "mid", "top")
    assert stacks.states(mid, top) == "landed landed"
    names = [stacks.row(key).landing for key in (mid, top)]
    assert [stacks.user.git("diff", "--name-only", f"{name}^1", name) for name in names] == ["mid.txt", "top.txt"]


def test_closed_by_hand_what_it_built_on_does_not_come_along(stacks: Stacks) -> None:
    stacks.add("low")
    low = stacks.submit("low", {"low.txt": "x\n"})
    stacks.add("top", "low")
    top = stacks.submit("top", {"top.txt": "x\n"})
    stacks.release("top")
    with stacks.queue.db.write():
        retire_submission(stacks.queue.db, stacks.row(low), "closed", stacks.queue.now)
    stacks.queue.db.execute("UPDATE tasks SET status = 'done', closed = 1 WHERE id = 'low'")
    stacks.queue.pass_time()
    assert stacks.states(top) == "landed"
    assert stacks.files().split() == ["a.txt", "top.txt"]


def test_red_on_what_it_builds_on_is_not_blamed_on_its_author(stacks: Stacks) -> None:
    stacks.queue.save("version: 1\napprove: [merge]\nverify: ['test ! -e l.txt -o ! -e r.txt']\n", "config.yaml")
    stacks.queue.turns()
    stacks.add("left")
    stacks.add("right")
    stacks.submit("left", {"l.txt": "x\n"})
    stacks.submit("right", {"r.txt": "x\n"})
    stacks.add("top", "left, right")
    top = stacks.submit("top", {"top.txt": "x\n"})
    assert stacks.states(top) == "queued"
    assert stacks.reason("top").startswith("waits: stacked on left, right: `test ! -e l.txt")
