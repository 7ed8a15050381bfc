from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coworkd.core.errors import RepoError
from coworkd.slots.pack_import import admitted, export, forget_interrupted, quarantined
from coworkd.slots.slot import Slot, SlotAssignment, keep_slot_work, offer_tip, open_slot
from coworkd.slots.submission import (
    ImportedCommit,
    NothingChanged,
    Rejected,
    SubmissionOutcome,
    SubmissionRequest,
    submit,
)
from coworkd.slots.work_snapshots import SavedKind
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, update_refs
from tests.integration.gitkit import Checkout, checkout


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def repo(user: Checkout) -> Iterator[Repo]:
    with user.open() as repo:
        yield repo


@pytest.fixture
def slot(user: Checkout, repo: Repo, tmp_path: Path) -> Slot:
    order = SlotAssignment(task="t", agent="claude", base=user.git("rev-parse", "HEAD"))
    return open_slot(repo, tmp_path / "state", 1, order)


@pytest.fixture
def work(slot: Slot) -> Checkout:
    return Checkout(slot.work)


def sent(repo: Repo, slot: Slot, number: int = 1, tip: str = "") -> ImportedCommit:
    outcome = submit(repo, slot, SubmissionRequest(number=number, message="Do the task\n", tip=tip))
    assert isinstance(outcome, ImportedCommit), outcome
    return outcome


def outcome(repo: Repo, slot: Slot) -> SubmissionOutcome:
    return submit(repo, slot, SubmissionRequest(number=1, message="Do the task\n"))


def files(user: Checkout, commit: str, base: str = "main") -> list[str]:
    return user.git("diff", "--name-only", base, commit).splitlines()


def test_what_is_uncommitted_is_committed_on_the_branch(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    before = user.state()
    work.write("app.py", "edited\n")
    work.write("new/file.txt", "new\n")
    work.write("noise.log", "ignored\n")
    (work.root / "src" / "two.txt").unlink()
    got = sent(repo, slot)
    assert files(user, got.commit) == ["app.py", "new/file.txt", "src/two.txt"]
    assert (got.notice, got.dropped_paths) == ("", ())
    assert got.tree == user.git("rev-parse", f"{got.commit}^{{tree}}")
    assert user.git("show", "--no-patch", "--format=%an <%ae> %s", got.commit) == (
        "claude <claude@agents.invalid> Do the task"
    )
    assert user.git("rev-parse", "refs/cowork/sub/t/1", "refs/heads/cowork/task/t").split() == [got.commit] * 2
    assert work.git("rev-parse", "cowork/task/t") == got.commit
    assert work.git("status", "--porcelain") == ""
    assert user.state() == before


def test_a_commit_of_uncommitted_work_is_the_agents_whoever_started_the_daemon(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Anna")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "anna@example.org")
    work.write("app.py", "edited\n")
    work.write(".cowork/config.yaml", "version: 2\n")
    kept = keep_slot_work(repo, slot)
    assert len(kept) == 1
    for commit in (kept[0].commit, sent(repo, slot).commit):
        who = user.git("show", "--no-patch", "--format=%an <%ae>, %cn <%ce>", commit)
        assert who == "claude <claude@agents.invalid>, claude <claude@agents.invalid>"


def test_the_agents_own_commits_come_out_as_they_are(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    first = work.commit("first", {"a.txt": "a\n"})
    second = work.commit("second", {"b.txt": "b\n"})
    got = sent(repo, slot)
    assert got.commit == second
    assert user.git("rev-list", "--reverse", f"main..{got.commit}").split() == [first, second]


def test_a_second_submission_leaves_the_first(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    work.write("a.txt", "a\n")
    first = sent(repo, slot)
    work.write("a.txt", "better\n")
    second = sent(repo, slot, number=2)
    assert user.git("rev-parse", "refs/cowork/sub/t/1") == first.commit
    assert user.git("rev-parse", "refs/cowork/sub/t/2", "cowork/task/t").split() == [second.commit] * 2
    assert sent(repo, slot, number=2) == second
    work.write("a.txt", "best\n")
    with pytest.raises(RepoError, match="a submission is never replaced"):
        sent(repo, slot, number=1)


def test_nothing_changed_is_said(repo: Repo, slot: Slot, work: Checkout) -> None:
    work.write("noise.log", "ignored\n")
    assert outcome(repo, slot) == NothingChanged(dropped_paths=(), notice="")
    work.commit("there", {"a.txt": "a\n"})
    work.commit("and back", {"a.txt": None})
    assert isinstance(outcome(repo, slot), NothingChanged)
    assert repo.commit("refs/cowork/sub/t/1") is None


def test_head_elsewhere_is_submitted_with_a_notice(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    on_branch = work.commit("on the branch", {"a.txt": "a\n"})
    work.git("checkout", "-q", "-b", "better", "HEAD~1")
    work.write("b.txt", "b\n")
    got = sent(repo, slot)
    assert files(user, got.commit) == ["b.txt"]
    assert got.notice == (
        "submitted from better instead of cowork/task/t; the commits of cowork/task/t are not in it and stay kept"
    )
    (kept,) = keep_slot_work(repo, slot)
    assert (kept.commit, kept.what) == (on_branch, SavedKind.COMMITS)


def test_a_detached_head_is_submitted_with_a_notice(repo: Repo, slot: Slot, work: Checkout) -> None:
    work.git("checkout", "-q", "--detach")
    made = work.commit("detached", {"a.txt": "a\n"})
    got = sent(repo, slot)
    assert got.commit == made
    assert got.notice == "submitted from a detached HEAD instead of cowork/task/t"


@pytest.mark.parametrize("left_at", ["--detach main", "--orphan fresh"])
def test_a_head_without_the_work_yields_to_the_branch(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout, left_at: str
) -> None:
    made = work.commit("work", {"a.txt": "a\n"})
    work.git("checkout", "-q", *left_at.replace("main", user.git("rev-parse", "main")).split())
    got = sent(repo, slot)
    assert got.commit == made
    assert "HEAD did not stand on the work" in got.notice


def test_unrelated_history_is_unfit_and_kept(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    work.git("checkout", "-q", "--orphan", "fresh")
    strange = work.commit("a new world", {"world.txt": "w\n"})
    got = outcome(repo, slot)
    assert isinstance(got, Rejected)
    assert "nothing in the slot builds on" in got.reason
    assert [kept.commit for kept in keep_slot_work(repo, slot)] == [strange]
    assert "world.txt" in user.git("ls-tree", "--name-only", "refs/cowork/snap/t/1")


def test_unresolved_conflicts_and_unfinished_rebases_are_unfit(repo: Repo, slot: Slot, work: Checkout) -> None:
    base = work.git("rev-parse", "HEAD")
    other = work.branch("other", base, {"app.py": "theirs\n"})
    work.commit("mine", {"app.py": "mine\n"})
    subprocess.run(["git", "rebase", other], cwd=work.root, capture_output=True, check=False)
    assert outcome(repo, slot) == Rejected(reason="conflicts were left unresolved in app.py")
    work.git("add", "app.py")
    assert outcome(repo, slot) == Rejected(reason="a rebase was left unfinished")


def test_a_merge_of_the_tip_is_finished_for_the_agent(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    tip = user.commit("tip", {"app.py": "tip\n", ".cowork/tasks/new.md": "typed by a person\n"})
    work.commit("mine", {"app.py": "mine\n"})
    offer_tip(slot, tip)
    subprocess.run(["git", "merge", "refs/cowork/tip"], cwd=work.root, capture_output=True, check=False)
    work.write("app.py", "both\n")
    work.git("add", "app.py")
    got = sent(repo, slot, tip=tip)
    assert (got.dropped_paths, got.notice) == ((), "")
    assert files(user, got.commit, tip) == ["app.py"]
    assert user.git("rev-parse", f"{got.commit}^2") == tip


def test_a_resolution_with_markers_in_it_is_no_submission(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout
) -> None:
    doc = "A conflict looks so:\n<<<<<<< HEAD\n"
    tip = user.commit("tip", {"app.py": "tip\n", "doc.txt": doc})
    work.commit("mine", {"app.py": "mine\n"})
    offer_tip(slot, tip)
    subprocess.run(["git", "merge", "refs/cowork/tip"], cwd=work.root, capture_output=True, check=False)
    work.git("commit", "-qam", "merged without a look")
    rejected = submit(repo, slot, SubmissionRequest(number=1, message="m", tip=tip))
    assert isinstance(rejected, Rejected)
    assert rejected.reason.startswith("the conflict was not resolved: app.py:1: a conflict marker, app.py:3: ")
    work.write("app.py", "both\n")
    sent(repo, slot, tip=tip)


def test_a_merge_that_throws_the_tips_workspace_away_gets_it_back(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout
) -> None:
    tip = user.commit("tip", {"other.txt": "o\n", ".cowork/tasks/new.md": "typed by a person\n"})
    work.commit("mine", {"app.py": "mine\n"})
    offer_tip(slot, tip)
    work.git("merge", "-q", "--no-commit", "refs/cowork/tip")
    work.git("update-index", "--force-remove", ".cowork/tasks/new.md")
    work.git("commit", "-q", "-m", "merged badly")
    got = sent(repo, slot, tip=tip)
    assert got.dropped_paths == (".cowork/tasks/new.md",)
    assert files(user, got.commit, tip) == ["app.py"]
    assert repo.is_ancestor(tip, got.commit)


@pytest.mark.parametrize(
    "path", [".cowork/config.yaml", ".cowork/tasks/forged.md", ".CoWork/x", ".cowork./x", ".\uff43owork/x", ".cowork"]
)
def test_the_workspace_is_taken_out_and_reported(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout, path: str
) -> None:
    blob = work.git("hash-object", "-w", "--stdin", stdin="forged\n")
    if path == ".cowork":
        work.git("rm", "-r", "-q", "--cached", "--sparse", ".cowork")
    work.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    work.git("commit", "-q", "-m", "sneaky")
    work.commit("honest", {"a.txt": "a\n"})
    got = sent(repo, slot)
    assert path in got.dropped_paths
    assert files(user, got.commit) == ["a.txt"]
    assert user.git("rev-list", f"main..{got.commit}").split() == [got.commit]


def test_a_change_of_the_workspace_that_was_undone_is_not_in_the_history(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout
) -> None:
    blob = work.git("hash-object", "-w", "--stdin", stdin="forged\n")
    work.git("update-index", "--add", "--cacheinfo", f"100644,{blob},.cowork/config.yaml")
    work.git("commit", "-q", "-m", "sneaky")
    work.git("revert", "--no-edit", "HEAD")
    work.commit("honest", {"a.txt": "a\n"})
    got = sent(repo, slot)
    assert got.dropped_paths == (".cowork/config.yaml",)
    assert user.git("log", "--format=%H", f"main..{got.commit}", "--", ".cowork") == ""


def test_uncommitted_changes_of_the_workspace_are_left_out(repo: Repo, slot: Slot, work: Checkout) -> None:
    work.write(".cowork/tasks/new.md", "forged\n")
    assert outcome(repo, slot) == NothingChanged(dropped_paths=(".cowork/tasks/new.md",), notice="")


def commit_all(nested: Path) -> Checkout:
    """Make `nested` a repository of its own with a commit of what lies in it."""
    made = Checkout(nested)
    made.git("init", "-q")
    made.git("config", "user.name", "Scaffolder")
    made.git("config", "user.email", "s@example.org")
    made.commit("scaffolded")
    return made


def test_a_nested_repository_is_submitted_as_ordinary_files(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout
) -> None:
    work.write("app/main.js", "main\n")
    work.write("app/.gitignore", "node_modules/\n")
    work.write("app/node_modules/x.js", "ignored\n")
    work.write("app/deep/lib/lib.js", "lib\n")
    work.write("ünusual name/ü.txt", "ü\n")
    commit_all(work.root / "app" / "deep" / "lib")
    commit_all(work.root / "app")
    Checkout(work.root / "ünusual name").git("init", "-q")
    work.write("app/late.js", "late\n")
    got = sent(repo, slot)
    listed = user.git("ls-tree", "-r", "-z", "--name-only", got.commit).split("\0")
    new = {path for path in listed if path.startswith(("app/", "ü"))}
    assert new == {"app/main.js", "app/.gitignore", "app/deep/lib/lib.js", "app/late.js", "ünusual name/ü.txt"}
    assert got.nested == ("app/", "app/deep/lib/", "ünusual name/")
    assert got.dropped_paths == ()
    assert Checkout(work.root / "app").git("status", "--porcelain") == "?? late.js"


def test_a_nested_repository_that_was_committed_as_a_link_comes_in_with_its_files(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout
) -> None:
    work.write("app/main.js", "main\n")
    commit_all(work.root / "app")
    work.commit("scaffolded", {"a.txt": "a\n"})
    assert "160000" in work.git("ls-tree", "HEAD", "app")
    work.commit("more", {"b.txt": "b\n"})
    got = sent(repo, slot)
    assert files(user, got.commit) == ["a.txt", "app/main.js", "b.txt"]
    assert got.nested == ("app/",)
    assert "160000" not in user.git("log", "--raw", "--format=", f"main..{got.commit}")


def test_folders_that_became_repositories_or_replace_files_are_ordinary_changes(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout
) -> None:
    work.write("src/one.txt", "edited\n")
    work.write("src/three.txt", "three\n")
    commit_all(work.root / "src")
    (work.root / "app.py").unlink()
    work.write("app.py/main.py", "main\n")
    commit_all(work.root / "app.py")
    (work.root / ".gitignore").unlink()
    work.write(".gitignore/plain folder", "in the place of a file\n")
    got = sent(repo, slot)
    assert files(user, got.commit) == [
        *(".gitignore", ".gitignore/plain folder", "app.py", "app.py/main.py", "src/one.txt", "src/three.txt")
    ]
    assert got.nested == ("app.py/",)


def test_a_worktree_inside_the_worktree_is_submitted_as_files(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout
) -> None:
    work.git("worktree", "add", "-q", "-b", "side", "inner")
    work.write("inner/app.py", "edited\n")
    got = sent(repo, slot)
    assert user.git("show", f"{got.commit}:inner/app.py") == "edited"
    assert got.nested == ("inner/",)


def _submodule(work: Checkout, library: Checkout) -> None:
    work.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.root), "vendor/lib")


def _clone(work: Checkout, library: Checkout) -> None:
    work.git("clone", "-q", str(library.root), "vendor/lib")


def _committed_clone(work: Checkout, library: Checkout) -> None:
    _clone(work, library)
    work.commit("vendored")


def _committed_submodule(work: Checkout, library: Checkout) -> None:
    _submodule(work, library)
    work.commit("vendored")


def _submodule_half_removed(work: Checkout, library: Checkout) -> None:
    _submodule(work, library)
    shutil.rmtree(work.root / "vendor")


def _bare(work: Checkout, library: Checkout) -> None:
    work.git("clone", "-q", "--bare", str(library.root), "vendor/lib.git")


@pytest.mark.parametrize(
    ("make", "said", "kept_path"),
    [
        (_submodule, "adds or changes a submodule", "vendor/lib/app.py"),
        (_committed_submodule, "adds or changes a submodule", "vendor/lib/app.py"),
        (_submodule_half_removed, "adds or changes a submodule", ".gitmodules"),
        (_clone, "a clone of another repository cannot be submitted (`vendor/lib/`)", "vendor/lib/app.py"),
        (_committed_clone, "a clone of another repository cannot be submitted", "vendor/lib/app.py"),
        (_bare, "`vendor/lib.git/` is a bare git repository", "vendor/lib.git/HEAD"),
    ],
)
def test_the_work_of_others_comes_in_whole_or_is_refused_and_kept(
    user: Checkout, repo: Repo, slot: Slot, make: Callable[[Checkout, Checkout], None], said: str, kept_path: str
) -> None:
    work = Checkout(slot.work)
    make(work, checkout(user.root.parent / "library"))
    work.write("own.txt", "own\n")
    refused = outcome(repo, slot)
    assert isinstance(refused, Rejected)
    assert said in refused.reason
    assert user.git("for-each-ref", "refs/cowork/sub") == ""
    refs = [kept.ref for kept in keep_slot_work(repo, slot)]
    trees = [user.git("ls-tree", "-r", "--name-only", ref).splitlines() for ref in refs]
    assert any("own.txt" in tree and kept_path in tree for tree in trees)


def test_a_link_without_files_is_no_submission(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    link = f"160000,{user.git('rev-parse', 'HEAD')},vendor/lib"
    work.git("update-index", "--add", "--cacheinfo", link)
    work.git("commit", "-qm", "a link")
    work.git("checkout", "-q", "--detach", "HEAD~1")
    refused = outcome(repo, slot)
    assert isinstance(refused, Rejected)
    assert "recorded as a link, without its files (`vendor/lib`)" in refused.reason


def test_what_a_tag_alone_holds_is_kept(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    tagged = work.commit("tagged", {"a.txt": "a\n"})
    work.git("tag", "-a", "-m", "annotated", "milestone")
    work.git("reset", "-q", "--hard", "HEAD~1")
    (kept,) = keep_slot_work(repo, slot)
    assert (kept.commit, kept.what) == (tagged, SavedKind.COMMITS)


def test_the_branch_the_user_looks_at_is_not_moved(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    work.write("a.txt", "a\n")
    first = sent(repo, slot)
    user.git("checkout", "-q", "cowork/task/t")
    before = user.state()
    work.write("a.txt", "better\n")
    second = sent(repo, slot, number=2)
    assert user.git("rev-parse", "HEAD") == first.commit
    assert user.git("rev-parse", "refs/cowork/sub/t/2") == second.commit
    assert user.state() == before


def test_a_submission_stands_on_its_own_after_every_gc(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    # A blob that only an unreachable commit of the user's has: the slot sees it through the alternates.
    lost = user.branch("lost", "main", {"lost.bin": "lost but not forgotten\n"})
    blob = user.git("rev-parse", f"{lost}:lost.bin")
    user.git("branch", "-q", "-D", "lost")
    work.git("update-index", "--add", "--cacheinfo", f"100644,{blob},found.bin")
    work.git("commit", "-q", "-m", "found")
    work.git("checkout", "-q", "HEAD", "--", "found.bin")
    got = sent(repo, slot)
    user.git("reflog", "expire", "--expire=now", "--all")
    user.git("gc", "-q", "--prune=now")
    shutil.rmtree(slot.private.folder)
    user.git("fsck", "--strict")
    assert user.git("show", f"{got.commit}:found.bin") == "lost but not forgotten"


def test_gc_between_the_import_and_the_refs_takes_nothing(user: Checkout, slot: Slot, work: Checkout) -> None:
    made = work.commit("work", {"a.txt": "a\n"})
    base = user.git("rev-parse", "main")
    with (
        user.open() as repo,
        quarantined(repo, export(slot.private, [made], [base]), [made], [base]) as seen,
        admitted(seen),
    ):
        user.git("reflog", "expire", "--expire=now", "--all")
        user.git("gc", "-q", "--prune=now")
        assert update_refs(repo, [RefChange(name="refs/cowork/sub/t/1", old=None, new=made)])
    user.git("gc", "-q", "--prune=now")
    user.git("fsck", "--strict")
    assert user.git("show", f"{made}:a.txt") == "a"
    assert not list((user.root / ".git" / "objects" / "pack").glob("*.keep"))


def test_what_fails_in_quarantine_leaves_no_object(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    made = work.commit("work", {"a.txt": "a\n"})
    base = user.git("rev-parse", "main")
    pack = export(slot.private, [made], [base])
    damaged = pack[:-30] + bytes(10) + pack[-20:]
    with pytest.raises(RepoError), quarantined(repo, damaged, [made], [base]):
        pass
    missing = "1" * 40
    with pytest.raises(RepoError), quarantined(repo, pack, [missing], [base]):
        pass
    assert repo.commit(made) is None
    assert not list((user.root / ".git" / "objects").glob("coworkd-*"))


def test_leftovers_of_a_killed_import_are_cleared(user: Checkout, repo: Repo) -> None:
    user.git("gc", "-q")
    pack = next((user.root / ".git" / "objects" / "pack").glob("*.pack"))
    pack.with_suffix(".keep").write_text("coworkd: until its refs are written\n")
    (user.root / ".git" / "objects" / "pack" / "pack-mine.keep").write_text("mine\n")
    (user.root / ".git" / "objects" / "coworkd-incoming-x" / "pack").mkdir(parents=True)
    assert forget_interrupted(repo) == 2
    assert [keep_slot_work.name for keep_slot_work in pack.parent.glob("*.keep")] == ["pack-mine.keep"]


def test_links_among_a_slots_refs_do_not_move_the_users_branches(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout
) -> None:
    work.write("a.txt", "a\n")
    before = user.state()
    heads = slot.private.git_dir / "refs" / "heads"
    shutil.rmtree(heads)
    heads.symlink_to(user.root / ".git" / "refs" / "heads")
    (slot.private.git_dir / "HEAD").write_text("ref: refs/heads/main\n")
    assert isinstance(outcome(repo, slot), Rejected)
    assert user.state() == before


def test_replace_refs_and_grafts_do_not_deceive(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    base = user.git("rev-parse", "main")
    work.git("checkout", "-q", "--orphan", "fresh")
    strange = work.commit("a new world", {"world.txt": "w\n"})
    disguised = work.git("commit-tree", "-p", base, "-m", "looks related", f"{strange}^{{tree}}")
    work.git("replace", strange, disguised)
    work.git("pack-refs", "--all")
    assert work.git("merge-base", base, strange) == base
    assert isinstance(outcome(repo, slot), Rejected)


def test_locks_of_a_git_that_was_killed_do_not_stop_a_submission(repo: Repo, slot: Slot, work: Checkout) -> None:
    work.write("a.txt", "a\n")
    for name in ("index.lock", "HEAD.lock", "refs/heads/cowork/task/t.lock"):
        (slot.private.git_dir / name).write_text("")
    sent(repo, slot)


def test_the_users_own_hooks_and_filters_do_not_run(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    proof = user.root / "ran.log"
    for name in ("pre-commit", "post-commit", "reference-transaction", "post-update"):
        hook = user.write(f".git/hooks/{name}", f"#!/bin/sh\ntouch '{proof}'\n")
        hook.chmod(0o755)
    work.write("a.txt", "a\n")
    sent(repo, slot)
    assert not proof.exists()


def test_a_dirty_checkout_of_the_user_plays_no_part(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    user.write("app.py", "the user's edit\n")
    user.write("a.txt", "the user's file\n")
    user.git("add", "a.txt")
    before = user.state()
    work.write("a.txt", "the agent's file\n")
    got = sent(repo, slot)
    assert files(user, got.commit) == ["a.txt"]
    assert user.state() == before


def test_names_that_are_not_text_come_through(user: Checkout, repo: Repo, slot: Slot, work: Checkout) -> None:
    for name in (b"new\nline", b"tab\there", b"gr\xfc\xdf", b'quote"d'):
        Path(os.fsdecode(os.fsencode(work.root) + b"/" + name)).write_text("x\n")
    got = sent(repo, slot)
    assert len(user.git("diff", "--name-only", "main", got.commit).splitlines()) == 4


def test_more_than_memory_should_hold_is_not_brought_in(slot: Slot, work: Checkout) -> None:
    base = slot.assignment.base
    work.write("noise.bin", os.urandom(50_000).hex())
    commit = work.commit("large")
    with pytest.raises(RepoError, match="more than the 0 that are brought in at once"):
        export(slot.private, [commit], [base], max_bytes=10_000)
    assert export(slot.private, [commit], [base])


def test_a_repository_made_in_the_place_of_the_slots_own_is_refused_and_kept(
    user: Checkout, repo: Repo, slot: Slot, work: Checkout
) -> None:
    shutil.rmtree(work.root / ".git")
    work.git("init", "-q", "-b", "main")
    work.write("new.txt", "new\n")
    work.git("add", "-A")
    work.git("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "all of it")
    refused = outcome(repo, slot)
    assert isinstance(refused, Rejected)
    assert "commit on top of it, and leave `.git` alone" in refused.reason
    (kept,) = keep_slot_work(repo, slot)
    assert user.git("show", f"{kept.ref}:new.txt") == "new"
