"""Submissions that are verified together: one run of the commands, one move of the branch, and the right one blamed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.core.conflict_facts import read_conflict_facts
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.history.landing_refs import landing_commits
from coworkd.merge.active_verifications import VERIFY, VERIFY_BATCH
from coworkd.merge.job_values import Landed, LandRequest
from coworkd.merge.probes import PROBE
from coworkd.store import SubmissionKey, SubmissionRow, SubmissionState
from coworkd.store.submissions import get_submission, retire_submission
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout
from tests.integration.queuekit import Queue

Files = dict[str, str | None]


class Batch:
    """Tasks that need no approval, whose verification counts its runs and is green where `test` is."""

    def __init__(self, queue: Queue, user: Checkout, repo: Repo) -> None:
        self.queue, self.user, self.repo = queue, user, repo
        self.runs = user.root.parent / "runs"
        self.base = user.git("rev-parse", "main")

    def configure(self, test: str = "! grep -r bad .", gates: int = 1) -> None:
        """With one gate, whatever the machine has: others would probe, and count."""
        verify = f"echo run >> {self.runs}; {test}"
        self.queue.save(
            f"version: 1\napprove: []\nverify: [{verify!r}]\nparallel_verifications: {gates}\n", "config.yaml"
        )

    def submit(self, task: str, files: Files, head: str = "") -> SubmissionKey:
        """What a task made from the first commit, without running."""
        self.queue.save(f"---\nstatus: draft\n{head}---\nDo it.\n", f"tasks/{task}.md")
        self.queue.turns()
        self.queue.set_status(task, Status.MERGING)
        commit = self.user.branch(f"work-{task}", self.base, files)
        tree = self.user.git("rev-parse", f"{commit}^{{tree}}")
        self.queue.now += 1
        return self.queue.submit(commit, tree, self.base, task).key

    def begin(self) -> None:
        """Let the verification of a batch begin, and what follows in that turn."""
        self.queue.turns()
        while not self.queue.jobs.running(VERIFY_BATCH):
            self.queue.jobs.settle(self.queue.now)
            self.queue.merger.step(self.queue.now, start=True)

    def row(self, key: SubmissionKey) -> SubmissionRow:
        return get_submission(self.queue.db, key)

    def states(self, *keys: SubmissionKey) -> str:
        return " ".join(self.row(key).state for key in keys)

    @property
    def verifications(self) -> int:
        return len(self.runs.read_text().splitlines()) if self.runs.exists() else 0

    def landed(self) -> list[str]:
        """The tasks on the integration branch, the first one first."""
        log = self.user.git(
            "log", "--reverse", "--first-parent", "--format=%(trailers:key=Cowork-Task,valueonly,separator=)",
            f"{self.base}..cowork/integration",
        )  # fmt: skip
        return log.split()

    def tips(self) -> int:
        """How often the integration branch was moved, since it was made."""
        moves = self.user.git("log", "-g", "--format=%H", "cowork/integration").split()
        return len(moves) - 1

    def reasons(self, kind: EventKind) -> dict[str, str]:
        """What the events of a kind say, by task."""
        rows = self.queue.db.query("SELECT task, data FROM events WHERE kind = ?", kind)
        return {row["task"]: row["data"] for row in rows}


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[Batch]:
    user = checkout(tmp_path / "project")
    ignored = ".cowork/\ntrash/\nstate.db*\nepoch\n"
    user.commit("first", {"a.txt": "a\n", ".gitignore": ignored, ".cowork/config.yaml": None})
    user.git("config", "core.logAllRefUpdates", "always")
    with Repo.open(user.root) as repo:
        queue = Queue(user, repo)
        yield Batch(queue, user, repo)
        queue.jobs.close()
        queue.db.close()


def test_a_green_batch_is_verified_once_and_lands_in_one_move(batch: Batch) -> None:
    batch.configure()
    keys = [batch.submit(task, {f"{task}.txt": "x\n"}) for task in ("a", "b", "c")]
    batch.queue.pass_time()
    assert batch.states(*keys) == "landed landed landed"
    assert batch.landed() == ["a", "b", "c"]
    assert (batch.verifications, batch.tips()) == (1, 1)
    rows = [batch.row(key) for key in keys]
    assert list(landing_commits(batch.repo).values()) == [row.landing for row in rows]
    assert {row.batch.commit for row in rows if row.batch} == {rows[-1].landing}
    assert [row.batch.place for row in rows if row.batch] == [1, 2, 3]
    assert all(f"verified together with 2 others, as {rows[-1].landing[:12]}" in row.merge_proof for row in rows)
    assert "+1 -0" in rows[1].files, "a review shows the change of its own task alone"
    assert "a.txt" not in rows[1].files


def test_the_one_that_makes_a_batch_red_is_blamed_and_the_others_land(batch: Batch) -> None:
    batch.configure()
    keys = [batch.submit(task, {f"{task}.txt": "bad\n" if task == "c" else "x\n"}) for task in ("a", "b", "c", "d")]
    batch.queue.pass_time()
    assert batch.states(*keys) == "landed landed red landed"
    assert batch.landed() == ["a", "b", "d"]
    assert batch.verifications == 6, "all, the tip, two, three, the third by itself, the fourth"
    assert "is red with it and green without it" in batch.reasons(EventKind.NOT_BATCHED)["c"]


def test_of_two_that_are_red_only_together_the_later_is_blamed(batch: Batch) -> None:
    batch.configure("n=$(cat part.* | wc -l); echo $n parts; test $n -le 1")
    files: list[Files] = [{"x": "x\n"}, {"part.1": "1\n"}, {"y": "y\n"}, {"part.2": "2\n"}]
    batch.user.commit("parts", {"part.0": ""})
    batch.base = batch.user.git("rev-parse", "main")
    keys = [batch.submit(task, made) for task, made in zip("abcd", files, strict=True)]
    batch.queue.pass_time()
    assert batch.states(*keys) == "landed landed landed conflicted"
    assert batch.landed() == ["a", "b", "c"]
    row = batch.row(keys[3])
    assert "red together with what has landed since, and green without it" in row.message
    bundle = json.loads(Path(row.bundle).read_text())
    assert bundle["kind"] == "verify"
    assert "2 parts" in bundle["gate_log"]
    assert bundle["landed_since"] == ["c", "b", "a"]
    assert bundle["files"] == []
    facts = read_conflict_facts(row.conflict)
    assert "exit 1" in facts.red[0]
    assert "2 parts" in facts.red[1]
    assert facts.landed == ("c", "b", "a")


def test_what_conflicts_with_an_earlier_one_is_in_no_batch_with_it(batch: Batch) -> None:
    batch.configure()
    keys = [batch.submit(task, {"shared.txt" if task in "ac" else "own.txt": f"{task}\n"}) for task in ("a", "b", "c")]
    batch.queue.pass_time()
    assert batch.states(*keys) == "landed landed conflicted"
    assert "it conflicts in shared.txt with what lands before it" in batch.reasons(EventKind.NOT_BATCHED)["c"]
    assert batch.verifications == 1


def test_a_task_may_ask_to_be_verified_alone(batch: Batch) -> None:
    batch.configure("test $(ls made.* | wc -l) -ge 1")
    keys = [batch.submit(task, {f"made.{task}": "x\n"}, "batch: false\n" if task == "b" else "") for task in "abc"]
    batch.queue.pass_time()
    assert batch.states(*keys) == "landed landed landed"
    assert batch.row(keys[1]).batch is None
    assert batch.landed() == ["a", "c", "b"]


def test_a_member_that_left_takes_nobody_along(batch: Batch) -> None:
    batch.configure()
    first, second = (batch.submit(task, {f"made.{task}": "x\n"}) for task in "ab")
    batch.queue.step_until(lambda: batch.row(first).state is SubmissionState.GREEN)
    assert batch.row(first).batch is not None
    with batch.queue.db.write():
        retire_submission(batch.queue.db, batch.row(first), "cancelled", batch.queue.now)
    batch.queue.pass_time()
    assert batch.states(first, second) == "retired landed"
    assert batch.landed() == ["b"]
    assert "made.a" not in batch.user.git("ls-tree", "--name-only", "cowork/integration")


def test_what_landed_when_the_daemon_was_killed_is_recorded(batch: Batch) -> None:
    batch.configure()
    keys = [batch.submit(task, {f"{task}.txt": "x\n"}) for task in ("a", "b")]
    batch.queue.step_until(lambda: batch.row(keys[1]).state is SubmissionState.GREEN)
    first, last = (batch.row(key) for key in keys)
    land = LandRequest(tip=first.verified_on, candidates=(first.candidate, last.candidate), branch="cowork/integration")
    assert batch.queue.integration.land(land) == Landed(commit=last.candidate)
    batch.queue.restart_merger(batch.repo)
    batch.queue.pass_time()
    assert batch.states(*keys) == "landed landed"
    assert batch.landed() == ["a", "b"]


def test_a_batch_that_was_verified_before_a_restart_lands_whole(batch: Batch) -> None:
    batch.configure()
    keys = [batch.submit(task, {f"{task}.txt": "x\n"}) for task in ("a", "b")]
    batch.queue.step_until(lambda: batch.row(keys[1]).state is SubmissionState.GREEN)
    batch.queue.restart_merger(batch.repo)
    batch.queue.pass_time()
    assert batch.states(*keys) == "landed landed"
    assert (batch.verifications, batch.tips()) == (1, 1)


def test_what_was_red_once_is_recorded_as_flaky(batch: Batch) -> None:
    once = batch.user.root.parent / "once"
    batch.configure(f"test ! -e b.txt || test ! -e a.txt || test -e {once} || (touch {once}; exit 1)")
    keys = [batch.submit(task, {f"{task}.txt": "x\n"}) for task in ("a", "b")]
    batch.queue.pass_time()
    assert batch.states(*keys) == "landed landed"
    assert "green when it was run again on the same files" in batch.reasons(EventKind.VERIFICATION_FLAKY)["b"]


def test_what_is_red_without_any_change_holds_all_and_blames_nobody(batch: Batch) -> None:
    batch.configure("test -e repaired")
    keys = [batch.submit(task, {f"{task}.txt": "x\n"}) for task in ("a", "b", "c")]
    batch.queue.pass_time()
    assert batch.states(*keys) == "held held held"
    assert "is red without any change, too" in batch.reasons(EventKind.NOT_BATCHED)["a"]
    assert batch.verifications == 1 + 1 + 3, "the batch, the tip, each alone"


def test_approved_submissions_are_batched(batch: Batch) -> None:
    batch.configure()
    batch.queue.save(batch.queue.text("config.yaml").replace("approve: []", "approve: [merge]"), "config.yaml")
    keys = [batch.submit(task, {f"{task}.txt": "x\n"}) for task in ("a", "b", "c")]
    batch.queue.pass_time()
    assert batch.states(*keys) == "green green green"
    assert batch.verifications == 3
    for key in keys:
        batch.queue.save(
            batch.queue.text(f"reviews/{key.task}.md").replace("approval: pending", "approval: approved"),
            f"reviews/{key.task}.md",
        )
    batch.queue.pass_time(1)
    assert batch.states(*keys) == "landed landed landed"
    assert batch.verifications == 4, "the first is landed as it was verified, the others together"
    assert "the integration branch has moved from" in batch.reasons(EventKind.VERIFYING)["b"]


def test_fifty_submissions_of_which_five_are_bad_take_at_most_37_verifications(batch: Batch) -> None:
    batch.configure()
    bad = set(random.Random(1).sample(range(50), 5))
    keys = [batch.submit(f"t{n:02}", {f"t{n:02}.txt": "bad\n" if n in bad else "x\n"}) for n in range(50)]
    batch.queue.pass_time()
    assert {n for n, key in enumerate(keys) if batch.row(key).state is SubmissionState.RED} == bad
    assert batch.landed() == [key.task for n, key in enumerate(keys) if n not in bad]
    assert batch.verifications <= 37


def test_settings_that_were_saved_just_before_a_verification_count_for_it(batch: Batch) -> None:
    batch.configure("true")
    key = batch.submit("a", {"a.txt": "x\n"})
    batch.queue.pass_time()
    assert batch.states(key) == "landed"
    later = batch.submit("b", {"b.txt": "bad\n"})
    batch.queue.turns()
    batch.queue.write_unnoticed("config.yaml", "version: 1\napprove: []\nverify: ['! grep -r bad .']\n")
    batch.queue.merger.step(batch.queue.now, start=True)
    assert not batch.queue.jobs.busy(), "nothing begins with settings that are about to change"
    batch.queue.pass_time(5.0)
    assert batch.states(later) == "red"


def test_what_a_merge_driver_leaves_lines_out_of_waits_for_a_person(batch: Batch) -> None:
    lines = [f"{number}\n" for number in range(20)]
    batch.base = batch.user.commit("more", {"a.txt": "".join(lines), ".gitattributes": "a.txt merge=mine\n"})
    batch.user.git("config", "merge.mine.driver", "true")
    batch.configure("true")
    first = batch.submit("a", {"a.txt": "".join(["first\n", *lines[1:]])})
    second = batch.submit("b", {"a.txt": "".join([*lines[:-1], "last\n"])})
    batch.queue.pass_time()
    assert batch.states(first, second) == "landed green"
    assert batch.row(second).needs_approval
    assert batch.queue.task("b").status is Status.REVIEW
    review = batch.queue.text("reviews/b.md")
    assert "**Risk: high.** Look closely: the merge left lines out" in review
    assert "**Lines are missing**: a.txt without some of the lines that the change adds" in review
    batch.queue.pass_time(60.0)
    assert batch.landed() == ["a"], "nothing of it lands unasked"


def test_idle_gates_probe_prefixes_of_a_batch_and_spare_the_search_their_verification(batch: Batch) -> None:
    done = batch.user.root.parent / "done"
    waits = f"test $(ls t*.txt | wc -l) -lt 4 || while ! test -e {done}; do sleep 0.02; done; ! grep -r bad t*.txt"
    batch.configure(waits, gates=4)
    keys = [batch.submit(f"t{n}", {f"t{n}.txt": "bad\n" if n == 2 else "x\n"}) for n in range(4)]
    batch.begin()
    while batch.queue.jobs.running(PROBE) or batch.verifications < 4:
        batch.queue.jobs.settle(batch.queue.now)
    assert batch.verifications == 4, "the batch, its first two, its first three, its first"
    assert batch.states(*keys) == "queued queued queued queued", "a probe blames nobody"
    done.touch()
    batch.queue.pass_time()
    assert batch.states(*keys) == "landed landed red landed"
    assert batch.landed() == ["t0", "t1", "t3"]
    assert batch.verifications == 7, "the tip, the third once more, the fourth; the search needed none"


def test_probes_make_room_for_what_is_to_be_verified(batch: Batch) -> None:
    done = batch.user.root.parent / "done"
    waits = f"while ! test -e {done}; do sleep 0.02; done"
    batch.configure(waits, gates=2)
    for task in ("a", "b", "c"):
        batch.submit(task, {f"{task}.txt": "x\n"})
    batch.begin()
    assert len(batch.queue.jobs.running(PROBE)) == 1
    batch.submit("d", {"d.txt": "x\n"}, head="approve: [merge]\n")
    batch.queue.turns()
    batch.queue.merger.step(batch.queue.now, start=True)
    assert {key.task for key in batch.queue.jobs.running(VERIFY)} == {"d"}
    while batch.queue.jobs.running(PROBE):
        batch.queue.jobs.settle(batch.queue.now)
    done.touch()
    batch.queue.pass_time()
    assert batch.landed() == ["a", "b", "c"]


def test_a_branch_that_a_person_moves_in_the_last_moment_is_not_overwritten(batch: Batch) -> None:
    batch.configure()
    key = batch.submit("a", {"a.txt": "x\n"})

    def move() -> None:
        mine = batch.user.branch("mine", "cowork/integration", {"mine.txt": "x\n"})
        batch.user.git("update-ref", "refs/heads/cowork/integration", mine)

    batch.queue.integration.before_landing = move
    batch.queue.pass_time()
    assert batch.states(key) == "landed"
    assert "at that very moment" in batch.reasons(EventKind.NOT_LANDED)["a"]
    assert "the integration branch has moved from" in batch.reasons(EventKind.VERIFYING)["a"]
    assert batch.user.git("show", "cowork/integration:mine.txt") == "x"


def test_a_landing_that_waits_for_a_worktree_of_the_users_begins_once_and_goes_on_soon(batch: Batch) -> None:
    batch.configure()
    first = batch.submit("a", {"a.txt": "x\n"})
    batch.queue.pass_time()
    assert batch.states(first) == "landed"
    worktree = batch.user.root.parent / "elsewhere"
    batch.user.git("worktree", "add", "-q", str(worktree), "cowork/integration")
    key = batch.submit("b", {"b.txt": "x\n"})
    for _ in range(4):
        batch.queue.pass_time(400)
        assert "is checked out in a worktree" in batch.queue.problems("tasks/b.md")["queue"]
    assert batch.states(key) == "green"
    batch.user.git("worktree", "remove", "-f", str(worktree))
    batch.queue.pass_time(20)
    assert batch.states(key) == "landed"
    begun = batch.queue.db.query("SELECT task FROM events WHERE kind = ? AND task = 'b'", EventKind.LANDING)
    assert len(begun) == 1
    assert "queue" not in batch.queue.problems("tasks/b.md")
