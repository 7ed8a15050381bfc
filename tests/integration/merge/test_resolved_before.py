"""The merge queue and conflicts that were resolved before: used again, verified again, forgotten where they are red."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.core.conflict_facts import read_conflict_facts
from coworkd.core.model import Status
from coworkd.store import SubmissionKey, SubmissionRow
from coworkd.store.submissions import get_submission, retire_submission, update_submission
from coworkd.system.git import Repo
from coworkd.system.git.refs import RESOLUTIONS, refs_under
from tests.integration.gitkit import Checkout, checkout
from tests.integration.queuekit import Queue

Files = dict[str, str | None]
OURS: Files = {"f": "x\nours\n"}
THEIRS: Files = {"f": "x\ntheirs\n"}
BOTH: Files = {"f": "x\nours\ntheirs\n"}
REMEMBERED = "f by the resolution remembered from submission 2 of b"


class Conflicts:
    """Tasks that write the same file, and whose verification is red where `bad` is."""

    def __init__(self, queue: Queue, user: Checkout, repo: Repo) -> None:
        self.queue, self.user, self.repo = queue, user, repo
        self.base = user.git("rev-parse", "main")

    def configure(self, approve: str = "") -> None:
        self.queue.save(
            f"version: 1\napprove: [{approve}]\nverify: ['! grep -r bad f']\nparallel_verifications: 1\n", "config.yaml"
        )

    def submit(self, task: str, files: Files, number: int = 1, base: str = "") -> SubmissionKey:
        if number == 1:
            self.queue.save("---\nstatus: draft\n---\nDo it.\n", f"tasks/{task}.md")
            self.queue.turns()
            self.queue.set_status(task, Status.MERGING)
        base = base or self.base
        commit = self.user.branch(f"work-{task}-{number}", base, files)
        tree = self.user.git("rev-parse", f"{commit}^{{tree}}")
        self.queue.now += 1
        return self.queue.submit(commit, tree, base, task, number).key

    def resolve(self, conflict: SubmissionKey, files: Files) -> SubmissionKey:
        """Its author merges in what it conflicts with."""
        row = self.row(conflict)
        with self.queue.db.write():
            retire_submission(self.queue.db, row, "its author resolves it", self.queue.now)
        self.queue.set_status(row.task, Status.MERGING)
        key = self.submit(row.task, files, row.number + 1, row.tip_to_merge)
        update_submission(self.queue.db, self.row(key), conflict=row.conflict)
        return key

    def settle(self, *keys: SubmissionKey) -> str:
        self.queue.pass_time()
        return " ".join(self.row(key).state for key in keys)

    def row(self, key: SubmissionKey) -> SubmissionRow:
        return get_submission(self.queue.db, key)

    def resolve_once(self, result: Files) -> None:
        """`a` lands, `b` conflicts with it and is resolved; then both are taken back by hand, as if nothing had been."""
        assert self.settle(self.submit("a", OURS)) == "landed"
        conflict = self.submit("b", THEIRS)
        assert self.settle(conflict) == "conflicted"
        assert self.settle(self.resolve(conflict, result)) == "landed"
        self.user.git("branch", "-q", "-f", "cowork/integration", "main")
        self.queue.pass_time()

    def approve(self, task: str) -> None:
        path = f"reviews/{task}.md"
        text = self.queue.text(path)
        assert "approval: pending" in text
        self.queue.save(text.replace("approval: pending", "approval: approved"), path)
        self.queue.turns()

    def commit_ours_by_hand(self) -> None:
        made = self.user.branch("by-hand", "cowork/integration", OURS)
        self.user.git("update-ref", "refs/heads/cowork/integration", made)

    def file(self) -> str:
        return self.user.git("show", "cowork/integration:f")

    @property
    def refs(self) -> list[str]:
        return list(refs_under(self.repo, RESOLUTIONS))


@pytest.fixture
def conflicts(tmp_path: Path) -> Iterator[Conflicts]:
    user = checkout(tmp_path / "project")
    ignored = ".cowork/\ntrash/\nstate.db*\nepoch\n"
    user.commit("base", {"f": "x\n", ".gitignore": ignored, ".cowork/config.yaml": None})
    user.git("branch", "-q", "cowork/integration")
    with user.open() as repo:
        queue = Queue(user, repo)
        made = Conflicts(queue, user, repo)
        made.configure()
        yield made
        queue.jobs.close()
        queue.db.close()


def test_the_same_conflict_costs_no_second_round(conflicts: Conflicts) -> None:
    conflicts.resolve_once(BOTH)
    first, second = conflicts.submit("c", OURS), conflicts.submit("d", {**THEIRS, "d": "d\n"})
    assert conflicts.settle(first, second) == "landed landed"
    assert conflicts.file() == "x\nours\ntheirs"
    assert REMEMBERED in conflicts.row(second).merge_proof
    assert "remembered" not in conflicts.row(first).merge_proof


def test_what_is_red_with_it_goes_to_its_author_and_it_is_forgotten(conflicts: Conflicts) -> None:
    conflicts.resolve_once(BOTH)
    conflicts.queue.save("version: 1\napprove: []\nverify: ['! grep theirs f || ! grep ours f']\n", "config.yaml")
    first, second = conflicts.submit("c", OURS), conflicts.submit("d", THEIRS)
    assert conflicts.settle(first, second) == "landed conflicted"
    row = conflicts.row(second)
    assert row.message == ("conflict in f; with the resolution of submission 2 of b it is red, and that is forgotten")
    assert read_conflict_facts(row.conflict).paths == ("f",)
    assert conflicts.refs == []
    assert conflicts.file() == "x\nours"


def test_what_was_approved_without_it_is_shown_once_more(conflicts: Conflicts) -> None:
    conflicts.resolve_once(BOTH)
    conflicts.configure("merge")
    key = conflicts.submit("d", THEIRS)
    update_submission(conflicts.queue.db, conflicts.row(key), needs_approval=True)
    assert conflicts.settle(key) == "green"
    conflicts.queue.integration.before_landing = conflicts.commit_ours_by_hand
    conflicts.approve("d")
    assert conflicts.settle(key) == "green"
    assert conflicts.file() == "x\nours"
    assert f"Nothing lost: {REMEMBERED}" in conflicts.queue.text("reviews/d.md")
    conflicts.approve("d")
    assert conflicts.settle(key) == "landed"
    assert conflicts.file() == "x\nours\ntheirs"


def test_a_resolution_that_is_not_approved_is_not_remembered(conflicts: Conflicts) -> None:
    assert conflicts.settle(conflicts.submit("a", OURS)) == "landed"
    conflict = conflicts.submit("b", THEIRS)
    assert conflicts.settle(conflict) == "conflicted"
    conflicts.configure("merge")
    resolved = conflicts.resolve(conflict, BOTH)
    update_submission(conflicts.queue.db, conflicts.row(resolved), needs_approval=True)
    assert conflicts.settle(resolved) == "green"
    assert conflicts.refs == []


def test_work_that_did_not_merge_in_what_it_conflicts_with_teaches_nothing(conflicts: Conflicts) -> None:
    assert conflicts.settle(conflicts.submit("a", OURS)) == "landed"
    conflict = conflicts.submit("b", THEIRS)
    assert conflicts.settle(conflict) == "conflicted"
    row = conflicts.row(conflict)
    with conflicts.queue.db.write():
        retire_submission(conflicts.queue.db, row, "its author resolves it", conflicts.queue.now)
    conflicts.queue.set_status("b", Status.MERGING)
    again = conflicts.submit("b", OURS, 2)
    update_submission(conflicts.queue.db, conflicts.row(again), conflict=row.conflict)
    assert conflicts.settle(again) == "landed"
    assert conflicts.refs == []
