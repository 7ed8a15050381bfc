"""Commits at quiet moments, notices, pruning: on a real repository, at times that the test says."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from coworkd.board.measured_disk import measured_disk
from coworkd.board.task_board import Board
from coworkd.board.views.attention import AttentionItem, AttentionKind
from coworkd.core.disk_use import DiskUse
from coworkd.core.model import Status
from coworkd.daemon.housekeeping.auto_commit import MAX_RETRY_PAUSE, AutoCommit, folder_committer
from coworkd.daemon.housekeeping.disk_bound import FIRST_AFTER, FULL_INTERVAL, INTERVAL, DiskBound, IdleRemoval
from coworkd.daemon.housekeeping.notifications import Notification, Notifications, notification_runner
from coworkd.daemon.housekeeping.pack_joining import MAX_PACKS, PackJoining
from coworkd.daemon.housekeeping.pruning import PrunedFolders, Pruning
from coworkd.merge.git.conflict_bundle import bundle_file
from coworkd.merge.git.remembered_resolutions import MAX_RESOLUTIONS
from coworkd.store import SubmissionRow, SubmissionState, TaskRow
from coworkd.sync.disk.folder import digest
from coworkd.system.background_jobs import Jobs
from coworkd.system.git import Repo
from coworkd.system.git.packs import count_packs
from coworkd.system.git.refs import resolution_ref
from coworkd.system.process.commands import clean_environment
from tests.integration.gitkit import Checkout, checkout
from tests.integration.system.git.test_packs import add_packs
from tests.integration.workspacekit import TASK, Workspace

DAY = 86400.0


class Place(Workspace):
    """A workspace in a repository, and the jobs of its chores."""

    def __init__(self, repo: Checkout) -> None:
        self.repo = repo
        super().__init__(repo.root)
        self.folder_root = repo.root / ".cowork"
        self.jobs = Jobs(lambda: None)
        self.jobs.require_committed(lambda: self.db.in_transaction)
        self.board = Board(self.db, self.intake)
        self.commits = AutoCommit(self.board, self.jobs, folder_committer(repo.root, ".cowork"))

    def rest(self) -> None:
        """Every job that runs comes to its end."""
        while self.jobs.busy():
            self.jobs.settle(self.now)

    def pruning(self) -> Pruning:
        places = PrunedFolders(
            root=self.repo.root, folder=self.root, trash=self.trash, state=self.root.parent / "state"
        )
        return Pruning(self.board, self.jobs, places)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.commits.step(self.now)
        self.rest()

    def count(self) -> int:
        return int(self.repo.git("rev-list", "--count", "HEAD"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    repo = checkout(tmp_path / "repo")
    repo.commit("start", {"a.txt": "a\n"})
    made = Place(repo)
    (repo.root / ".git/info/exclude").write_text("/trash\n/state.db*\n")
    return made


def automatic(place: Place, text: str = "---\nstatus: draft\n---\nDo it.\n") -> None:
    place.save("version: 1\nquiet: 10\ncommit: auto\n", "config.yaml")
    place.save(text)
    place.turns()


def test_a_workspace_at_rest_is_committed_alone(place: Place) -> None:
    before = place.count()
    place.repo.write("staged.txt", "mine\n")
    place.repo.git("add", "staged.txt")
    automatic(place)
    place.wait(0)
    place.wait(29)
    assert place.count() == before, "not before it has rested"
    place.wait(2)
    assert place.count() == before + 1
    assert place.repo.git("show", "--name-only", "--format=", "HEAD").split() == [
        ".cowork/config.yaml",
        f".cowork/{TASK}",
    ]
    assert place.repo.git("diff", "--cached", "--name-only") == "staged.txt"
    assert "commit: Update .cowork" in place.repo.git("reflog", "-1", "--format=%gs")
    for _ in range(3):
        place.wait(60)
    assert place.count() == before + 1, "nothing has changed since"
    place.save("---\nstatus: draft\n---\nDo it well.\n")
    place.turns()
    place.wait(0)
    place.wait(31)
    assert place.count() == before + 2


def test_each_change_begins_the_rest_again(place: Place) -> None:
    before = place.count()
    automatic(place)
    for number in range(3):
        place.save(f"---\nstatus: draft\n---\n{number}\n")
        place.turns(2)
        place.wait(0)
        place.wait(20)
    assert place.count() == before


@pytest.mark.parametrize("way", ["detached", "merge", "lock", "off"])
def test_what_is_in_the_way_is_waited_for(place: Place, way: str) -> None:
    git = place.repo.root / ".git"
    automatic(place)
    match way:
        case "detached":
            place.repo.git("checkout", "-q", "--detach")
        case "merge":
            (git / "MERGE_HEAD").write_text(place.repo.git("rev-parse", "HEAD") + "\n")
        case "lock":
            (git / "index.lock").write_text("")
        case _:
            place.save("version: 1\nquiet: 10\n", "config.yaml")
            place.turns()
    before = place.count()
    place.wait(0)
    place.wait(31)
    assert place.count() == before
    for name in ("MERGE_HEAD", "index.lock"):
        (git / name).unlink(missing_ok=True)
    if way == "detached":
        place.repo.git("checkout", "-q", "main")
    place.wait(MAX_RETRY_PAUSE + 1)
    assert place.count() == before + (way != "off")


def test_an_index_that_was_locked_when_the_branch_moved_is_brought_along_later(place: Place) -> None:
    before = place.count()
    lock = lock_while_committing(place.repo)
    automatic(place)
    place.wait(0)
    place.wait(31)
    assert place.count() == before + 1
    assert place.repo.git("--no-optional-locks", "status", "--porcelain", "--", ".cowork")
    assert "index.lock" in place.db.scalar("SELECT message FROM problems WHERE path = '.cowork/'")
    place.wait(MAX_RETRY_PAUSE + 1)
    assert place.db.scalar("SELECT count(*) FROM problems") == 1, "while it lasts"
    lock.unlink()
    place.wait(MAX_RETRY_PAUSE + 1)
    assert place.repo.git("status", "--porcelain", "--", ".cowork") == ""
    assert place.count() == before + 1
    assert place.db.scalar("SELECT count(*) FROM problems") == 0


def lock_while_committing(repo: Checkout) -> Path:
    """Another git command takes the index lock between the commit and its index: git asks a program to sign then."""
    lock, program = repo.root / ".git/index.lock", repo.root / ".git/sign"
    program.write_text(
        f"#!/bin/sh\ntouch '{lock}'\necho '[GNUPG:] SIG_CREATED ' >&2\n"
        "printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n'\n"
    )
    program.chmod(0o755)
    repo.git("config", "commit.gpgSign", "true")
    repo.git("config", "gpg.program", str(program))
    return lock


def test_nothing_is_committed_while_a_file_is_still_to_be_written(place: Place) -> None:
    automatic(place)
    before = place.count()
    place.move(status=Status.PAUSED, attempt=1)
    place.wait(0)
    place.wait(31)
    assert place.count() == before
    place.turns()
    place.wait(31)
    place.wait(31)
    assert place.count() == before + 1


# ---- notices


def item(kind: AttentionKind, path: str, since: float = 1000.0) -> AttentionItem:
    return AttentionItem(kind=kind, path=path, task="a", since=since, what="do it")


def told_of(place: Place, told: list[Notification], waiting: Sequence[AttentionItem]) -> None:
    notices = Notifications(place.db, place.jobs, ("one", "two"), told.append)
    notices.step(waiting, place.now)
    place.rest()


def test_each_item_is_told_once_to_each_command(place: Place) -> None:
    told: list[Notification] = []
    review, question = item(AttentionKind.REVIEW, "reviews/a.md"), item(AttentionKind.QUESTION, "messages/a/q.md")
    told_of(place, told, [review])
    told_of(place, told, [review])
    told_of(place, told, [review, question])
    assert [(n.command, json.loads(n.text)["kind"]) for n in told] == [
        ("one", "review"), ("two", "review"), ("one", "question"), ("two", "question"),
    ]  # fmt: skip
    assert json.loads(told[0].text) == {
        "kind": "review", "path": "reviews/a.md", "task": "a", "since": "1970-01-01T00:16:40Z", "what": "do it",
    }  # fmt: skip
    told.clear()
    told_of(place, told, [])
    told_of(place, told, [item(AttentionKind.REVIEW, "reviews/a.md", since=2000.0)])
    assert len(told) == 2, "asked anew, it is told anew"


def test_a_command_has_the_item_on_its_standard_input(tmp_path: Path) -> None:
    env = clean_environment(home=tmp_path, tmp=tmp_path, run="notify-x", repo="x", passed=("PATH",))
    tell = notification_runner(tmp_path, env, threading.Event().is_set)
    tell(Notification(command="cat > told.json; exit 3", text='{"kind": "review"}'))
    assert json.loads((tmp_path / "told.json").read_text()) == {"kind": "review"}


# ---- pruning


def landed(place: Place, **columns: object) -> None:
    """Task `a` landed twenty days ago, and has refs of every kind."""
    place.save("---\nstatus: done\n---\nDo it.\n")
    place.turns()
    head = place.repo.git("rev-parse", "HEAD")
    for name in ("cowork/sub/a/1", "cowork/snap/a/1", "cowork/base/r1", "cowork/cand/1", "heads/cowork/task/a"):
        place.repo.git("update-ref", f"refs/{name}", head)
    place.repo.git("update-ref", "refs/cowork/land/1", head)
    place.repo.git("update-ref", "refs/cowork/sub/other/1", head)
    place.db.execute("INSERT INTO runs (id, task, state, ended) VALUES ('r1', 'a', 'ended', 1.0)")
    place.db.set(TaskRow, "a", status=Status.DONE, landed=head[:12], since=place.now - 20 * DAY, requested_status="")
    place.db.put(
        SubmissionRow(
            task="a", number=1, run="r1", attempt=1, commit_id=head, tree="t", base=head, state=SubmissionState.LANDED,
            candidate="", candidate_tree="", verified_on="", checks="[]", request="", created=0.0, message="", needs_approval=True,
            approved=True, landing=head, text_sha="", bundle="",
        )
    )  # fmt: skip
    if columns:
        place.db.set(TaskRow, "a", **columns)


def refs(place: Place) -> list[str]:
    shown = place.repo.git("for-each-ref", "--format=%(refname)", "refs/cowork", "refs/heads/cowork").split()
    return [name.removeprefix("refs/") for name in shown]


KEPT = ["cowork/land/1", "cowork/sub/other/1"]


def prune(place: Place) -> None:
    place.pruning().step(place.now)
    place.rest()


def test_refs_of_a_task_go_some_time_after_it_landed(place: Place) -> None:
    landed(place)
    state = place.root.parent / "state"
    for task in ("a", "other", "a-1"):
        for folder in ("resolutions", "checks"):
            (state / folder / task / "work").mkdir(parents=True)
        bundle_file(state, task, 1).parent.mkdir(exist_ok=True)
        bundle_file(state, task, 1).write_text("{}")
    place.now += 30 * DAY
    prune(place)
    assert refs(place) == KEPT
    for folder in ("resolutions", "checks", "bundles"):
        assert sorted(path.name.removesuffix("-1.json") for path in (state / folder).iterdir()) == ["a-1", "other"]
    assert place.db.scalar("SELECT count(*) FROM events WHERE kind = 'pruned'") == 1


@pytest.mark.parametrize("why", ["a moment ago", "not landed", "another submission", "another run", "checked out"])
def test_what_may_still_be_wanted_stays(place: Place, why: str) -> None:
    landed(place)
    row = place.db.one(SubmissionRow, "task = 'a'")
    assert row is not None
    match why:
        case "a moment ago":
            place.db.set(TaskRow, "a", since=place.now)
        case "not landed":
            place.db.set(TaskRow, "a", status=Status.FAILED, landed="")
        case "another submission":
            place.db.execute("INSERT INTO submissions (task, number, state) VALUES ('a', 2, 'queued')")
        case "another run":
            place.db.execute("INSERT INTO runs (id, task, state) VALUES ('r2', 'a', 'working')")
        case _:
            place.repo.git("checkout", "-q", "cowork/task/a")
    prune(place)
    expected = {"cowork/sub/a/1", "cowork/snap/a/1", "cowork/base/r1"} if why != "checked out" else set()
    assert {"heads/cowork/task/a", *expected, *KEPT} <= set(refs(place))


def test_resolutions_are_kept_up_to_a_number(place: Place) -> None:
    head = place.repo.git("rev-parse", "HEAD")
    lines = (f"create {resolution_ref(str(number))} {head}\n" for number in range(MAX_RESOLUTIONS + 2))
    place.repo.git("update-ref", "--stdin", stdin="".join(lines))
    prune(place)
    assert len(refs(place)) == MAX_RESOLUTIONS


def test_displaced_versions_go_after_thirty_days(place: Place) -> None:
    place.trash.mkdir()
    names = {}
    for days in (40, 20):
        at = place.now - days * DAY
        file = place.trash / f"{int(at * 1000)}-a.md.00000000"
        file.write_text("words\n")
        os.utime(file, (at, at))
        names[days] = file
    late = place.trash / f"{int((place.now - 40 * DAY) * 1000)}-late.md.00000000"
    late.write_text("written into late\n")
    prune(place)
    assert (names[40].exists(), names[20].exists(), late.exists()) == (False, True, True)


def test_a_conflict_copy_goes_only_where_its_words_are_elsewhere(place: Place) -> None:
    place.save("---\nstatus: draft\n---\nOld words.\n")
    place.turns()
    folder = place.root / "conflicts"
    folder.mkdir()
    for name, text in (("known.md", "---\nstatus: draft\n---\nOld words.\n"), ("only.md", "only here\n"),
                       ("fresh.md", "---\nstatus: draft\n---\nOld words.\n")):  # fmt: skip
        (folder / name).write_text(text)
        at = place.now - (0 if name == "fresh.md" else 40 * DAY)
        os.utime(folder / name, (at, at))
    assert place.db.scalar("SELECT 1 FROM bases WHERE sha = ?", digest((folder / "known.md").read_bytes()))
    prune(place)
    assert sorted(path.name for path in folder.iterdir()) == ["fresh.md", "only.md"]


# ---- disk


def test_the_disk_is_measured_now_and_then_and_more_often_while_starts_wait(place: Place) -> None:
    state = place.root.parent / "state"
    (state / "gates/1/repo").mkdir(parents=True)
    (state / "gates/1/repo/big").write_bytes(b"x" * 1_000_000)
    (state / "homes").mkdir()
    (state / "homes/big").write_bytes(b"x" * 1_000_000)
    removal = IdleRemoval(slot=lambda _number, _run: False, gate=lambda _gate: False, caches=lambda: False)
    disk = DiskBound(place.board, place.jobs, state, removal)

    def after(seconds: float) -> DiskUse | None:
        place.now += seconds
        disk.step(place.now)
        place.rest()
        return measured_disk(place.db)

    assert after(0) is None
    first = after(FIRST_AFTER)
    assert first is not None
    assert (first.gates >= 1_000_000, first.other >= 1_000_000, first.caches) == (True, True, 0)
    assert after(FULL_INTERVAL) == first
    place.save("version: 1\nlimits: {disk: 1MB}\n", "config.yaml")
    place.turns()
    full = after(INTERVAL)
    assert full is not None
    assert full.at > first.at
    again = after(FULL_INTERVAL)
    assert again is not None
    assert again.at > full.at


# ---- packs


def test_packs_are_joined_after_as_many_runs(place: Place) -> None:
    add_packs(place.repo, MAX_PACKS + 1)
    joining = PackJoining(place.db, place.jobs, place.repo.root)

    def left_after(runs: int) -> int:
        for _ in range(runs):
            place.db.execute("INSERT INTO runs (id, task) VALUES (hex(randomblob(4)), 'a')")
        joining.step()
        place.rest()
        with Repo.open(place.repo.root) as repo:
            return count_packs(repo)

    assert left_after(MAX_PACKS - 1) > MAX_PACKS
    assert left_after(1) <= 3
    add_packs(place.repo, 5)
    assert left_after(MAX_PACKS) >= 5, "few packs stay as they are"
