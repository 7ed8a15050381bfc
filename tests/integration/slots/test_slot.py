from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coworkd.core.errors import ConfigError, RepoError
from coworkd.slots.command_runner import CommandContext
from coworkd.slots.setup_commands import copy_files, set_up
from coworkd.slots.slot import (
    Slot,
    SlotAssignment,
    SlotRun,
    find_slot,
    free_slot,
    keep_slot_work,
    offer_tip,
    open_slot,
    record_run,
    recorded_run,
    remove_slot,
)
from coworkd.slots.work_snapshots import SavedKind
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, refs_under, update_refs
from coworkd.system.process.commands import Exit, ProcessSpec
from tests.integration.gitkit import Checkout, checkout


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def order(user: Checkout, task: str = "t", **more: tuple[str, ...]) -> SlotAssignment:
    return SlotAssignment(task=task, agent="claude", base=user.git("rev-parse", "HEAD"), setup=more.get("setup", ()))


def opened(user: Checkout, state: Path, number: int = 1, task: str = "t") -> Slot:
    with user.open() as repo:
        return open_slot(repo, state, number, order(user, task))


def agent(slot: Slot) -> Checkout:
    return Checkout(slot.work)


def test_a_slot_looks_like_a_checkout_of_the_base_without_the_workspace(user: Checkout, state: Path) -> None:
    before = user.state()
    slot = opened(user, state)
    assert (slot.work / "src" / "one.txt").read_text() == "one\n"
    assert not (slot.work / ".cowork").exists()
    assert agent(slot).git("status", "--porcelain") == ""
    assert agent(slot).git("symbolic-ref", "HEAD") == "refs/heads/cowork/task/t"
    assert agent(slot).git("log", "-1", "--format=%s") == "start"
    made = agent(slot).commit("by the agent", {"new.txt": "new\n"})
    assert agent(slot).git("show", "--no-patch", "--format=%an %ae", made) == "claude claude@agents.invalid"
    assert agent(slot).git("ls-tree", "--name-only", "HEAD", ".cowork/") == ".cowork/config.yaml"
    assert user.state() == before


def test_worktree_accidents_in_a_slot_do_not_reach_the_user(user: Checkout, state: Path) -> None:
    user.write("app.py", "changed by the user\n")
    user.git("stash")
    before = user.state()
    work = agent(opened(user, state))
    assert work.git("stash", "list") == ""
    work.git("config", "user.name", "Mallory")
    work.git("update-ref", "refs/heads/main", "HEAD")
    work.git("branch", "-D", "main")
    work.write("app.py", "x\n")
    work.git("stash")
    work.git("gc", "-q", "--prune=now")
    assert user.state() == before


def test_recycling_forgets_the_last_task(user: Checkout, state: Path) -> None:
    work = agent(opened(user, state))
    work.commit("first", {"first.txt": "1\n", "build/out": "ignored\n"})
    work.git("update-index", "--assume-unchanged", "app.py")
    work.write("app.py", "hidden change\n")
    work.write(".Cowork/tasks/forged.md", "forged\n")
    work.write(".cowork/config.yaml", "verify: []\n")
    work.git("tag", "mine")
    slot = opened(user, state, task="second")
    assert agent(slot).git("status", "--porcelain", "--ignored") == ""
    assert (slot.work / "app.py").read_text().startswith("line 1\n")
    assert sorted(os.listdir(slot.work)) == [".git", ".gitignore", "app.py", "src"]
    assert agent(slot).git("for-each-ref", "--format=%(refname)") == "refs/heads/cowork/task/second"
    assert not list((slot.work / ".git" / "objects").glob("??"))


def test_recycling_follows_the_base(user: Checkout, state: Path) -> None:
    opened(user, state)
    user.commit("moved on", {"app.py": "new\n", "src/one.txt": None, "deep/er/file": "x\n"})
    slot = opened(user, state)
    assert agent(slot).git("status", "--porcelain") == ""
    assert (slot.work / "app.py").read_text() == "new\n"
    assert not (slot.work / "src" / "one.txt").exists()
    assert (slot.work / "deep" / "er" / "file").exists()


def test_everything_left_in_a_slot_is_kept_before_it_is_recycled(user: Checkout, state: Path) -> None:
    work = agent(opened(user, state))
    base = user.git("rev-parse", "HEAD")
    work.git("checkout", "-q", "-b", "idea")
    idea = work.commit("idea", {"idea.txt": "idea\n"})
    work.git("checkout", "-q", "--detach", base)
    lost = work.commit("on a detached head", {"lost.txt": "lost\n"})
    work.git("checkout", "-q", "cowork/task/t")
    work.write("app.py", "stashed\n")
    work.git("stash")
    work.git("checkout", "-q", "--detach", lost)
    work.write("untracked.txt", "never added\n")
    work.write("noise.log", "ignored\n")
    work.write("app.py", "edited\n")
    slot = opened(user, state, task="next")
    whats = {kept.what: kept for kept in slot.kept}
    assert set(whats) == {SavedKind.UNCOMMITTED, SavedKind.COMMITS, SavedKind.STASH}
    assert whats[SavedKind.COMMITS].commit == idea
    snapshot = whats[SavedKind.UNCOMMITTED].commit
    assert user.git("rev-parse", f"{snapshot}^") == lost
    assert user.git("show", f"{snapshot}:untracked.txt") == "never added"
    assert user.git("show", f"{snapshot}:app.py") == "edited"
    assert "noise.log" not in user.git("ls-tree", "-r", "--name-only", snapshot)
    assert user.git("show", f"{whats[SavedKind.STASH].commit}:app.py") == "stashed"
    assert [kept.ref for kept in slot.kept] == [f"refs/cowork/snap/t/{n}" for n in (1, 2, 3)]
    user.git("gc", "-q", "--prune=now")
    user.git("fsck", "--strict")
    assert not list((user.root / ".git" / "objects" / "pack").glob("*.keep"))


def test_keeping_changes_nothing_in_the_slot_and_repeats_nothing(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    work = agent(slot)
    with user.open() as repo:
        assert keep_slot_work(repo, slot) == ()
        work.write("app.py", "half done\n")
        work.git("add", "app.py")
        work.write("new.txt", "new\n")
        status, index = work.git("status", "--porcelain"), (slot.work / ".git" / "index").read_bytes()
        (first,) = keep_slot_work(repo, slot)
        assert keep_slot_work(repo, slot) == ()
        assert (slot.work / ".git" / "index").read_bytes() == index
        assert work.git("status", "--porcelain") == status
        work.write("new.txt", "newer\n")
        (second,) = keep_slot_work(repo, slot)
    assert (first.ref, second.ref) == ("refs/cowork/snap/t/1", "refs/cowork/snap/t/2")


def test_unresolved_conflicts_are_kept_as_they_stand(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    work = agent(slot)
    base = work.git("rev-parse", "HEAD")
    other = work.branch("other", base, {"app.py": "theirs\n"})
    work.commit("mine", {"app.py": "mine\n"})
    subprocess.run(["git", "merge", other], cwd=work.root, capture_output=True, check=False)
    with user.open() as repo:
        (kept,) = keep_slot_work(repo, slot)
    assert "<<<<<<<" in user.git("show", f"{kept.commit}:app.py")
    assert "UU app.py" in work.git("status", "--porcelain")


def test_a_broken_slot_is_set_aside_and_made_again(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    work = agent(slot)
    work.write("precious.txt", "precious\n")
    shutil.rmtree(slot.work / ".git" / "refs")
    again = opened(user, state)
    assert "set aside" in again.notice
    assert agent(again).git("status", "--porcelain") == ""
    assert (state / "slots" / "1.broken-1" / "work" / "precious.txt").exists()


def test_a_half_made_slot_is_made_again(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    (slot.private.folder / "slot.json").unlink()
    (slot.private.git_dir / "index.lock").write_text("")
    again = opened(user, state)
    assert again.notice == ""
    assert agent(again).git("status", "--porcelain") == ""


def test_a_lock_left_by_a_killed_git_does_not_stop_recycling(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    (slot.private.git_dir / "index.lock").write_text("")
    assert opened(user, state).notice == ""


def test_slots_are_found_again_and_removed_with_their_work_kept(user: Checkout, state: Path) -> None:
    slot = opened(user, state, number=3)
    assert find_slot(state, 3) == slot
    assert find_slot(state, 1) is None
    assert free_slot({1, 2, 4}) == 3
    agent(slot).write("left.txt", "left\n")
    with user.open() as repo:
        (kept,) = remove_slot(repo, state, 3)
    assert user.git("show", f"{kept.commit}:left.txt") == "left"
    assert not slot.private.folder.exists()


def test_the_run_is_on_disk_before_it_starts(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    assert recorded_run(state, 1) is None
    record = SlotRun(task="t", run="r-1", attempt=2, epoch=7)
    record_run(slot, record)
    assert recorded_run(state, 1) == record
    opened(user, state)
    assert recorded_run(state, 1) is None


def test_the_tip_to_merge_is_offered_as_a_ref(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    tip = user.commit("tip", {"tip.txt": "tip\n"})
    offer_tip(slot, tip)
    agent(slot).git("merge", "-q", "refs/cowork/tip")
    assert (slot.work / "tip.txt").exists()


def test_twelve_slots_open_at_once(user: Checkout, state: Path) -> None:
    before = user.state()
    with ThreadPoolExecutor(12) as pool:
        slots = list(pool.map(lambda number: opened(user, state, number, f"t{number}"), range(1, 13)))
    assert {agent(slot).git("status", "--porcelain", "--branch") for slot in slots} == {
        f"## cowork/task/t{number}" for number in range(1, 13)
    }
    assert user.state() == before


def test_a_gc_of_the_user_takes_nothing_a_slot_stands_on(user: Checkout, state: Path) -> None:
    gone = user.branch("gone", "main", {"gone.txt": "gone\n"})
    with user.open() as repo:
        assert update_refs(repo, [RefChange(name="refs/cowork/base/r1", old=None, new=gone)])
        slot = open_slot(repo, state, 1, SlotAssignment(task="t", agent="claude", base=gone))
    user.git("branch", "-q", "-D", "gone")
    user.git("reflog", "expire", "--expire=now", "--all")
    user.git("gc", "-q", "--prune=now")
    agent(slot).git("fsck", "--connectivity-only")
    assert agent(slot).git("status", "--porcelain") == ""


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_both_object_formats(tmp_path: Path, state: Path, object_format: str) -> None:
    user = checkout(tmp_path / "other", object_format=object_format)
    slot = opened(user, state)
    agent(slot).commit("work", {"new.txt": "new\n"})
    with user.open() as repo:
        assert len(keep_slot_work(repo, slot)) == 1


def test_a_shallow_clone_is_supported(user: Checkout, tmp_path: Path, state: Path) -> None:
    user.commit("second")
    user.git("clone", "-q", "--depth", "1", f"file://{user.root}", str(tmp_path / "shallow"))
    shallow = Checkout(tmp_path / "shallow")
    slot = opened(shallow, state)
    work = agent(slot)
    work.write("new.txt", "new\n")
    assert work.git("rev-list", "--count", "HEAD") == "1"
    with shallow.open() as repo:
        (kept,) = keep_slot_work(repo, slot)
    shallow.git("fsck")
    assert shallow.git("show", f"{kept.commit}:new.txt") == "new"


def test_a_partial_clone_is_refused_and_what_the_message_says_completes_it(
    user: Checkout, tmp_path: Path, state: Path
) -> None:
    user.git("config", "uploadpack.allowFilter", "true")
    user.git("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{user.root}", str(tmp_path / "partial"))
    partial = Checkout(tmp_path / "partial")
    with pytest.raises(RepoError, match="partial clone") as refused:
        opened(partial, state)
    command = str(refused.value).partition("`")[2].partition("`")[0]
    partial.git(*command.split()[1:])
    for name in ("promisor", "partialclonefilter"):
        partial.git("config", "--unset", f"remote.origin.{name}")
    assert (opened(partial, state).work / "app.py").exists()


def test_a_sparse_checkout_of_the_user_leaves_nothing_out_of_a_slot(user: Checkout, state: Path) -> None:
    user.commit("folders", {"src/a.py": "a\n", "docs/a.md": "a\n"})
    user.git("sparse-checkout", "set", "--cone", "src")
    assert not (user.root / "docs").exists()
    before = user.state()
    slot = opened(user, state)
    assert (slot.work / "docs/a.md").read_text() == "a\n"
    agent(slot).commit("work", {"docs/a.md": "b\n"})
    with user.open() as repo:
        (kept,) = keep_slot_work(repo, slot)
    assert user.git("show", f"{kept.commit}:docs/a.md") == "b"
    assert user.state() == before


def test_line_endings_and_ignores_of_the_user_hold_in_slots(user: Checkout, state: Path) -> None:
    user.git("config", "core.autocrlf", "true")
    user.write(".git/info/exclude", "*.secret\n")
    slot = opened(user, state)
    assert (slot.work / "src" / "one.txt").read_bytes() == b"one\r\n"
    agent(slot).write("my.secret", "s\n")
    assert agent(slot).git("status", "--porcelain") == ""


def test_what_the_users_git_converts_and_ignores_everywhere_holds_in_slots(user: Checkout, state: Path) -> None:
    user.commit("texts", {"wide.txt": "wide\n", "dos.txt": "dos\n", "src/dos.bat": "bat\n"})
    rules = user.root.parent / "rules"
    rules.mkdir()
    (rules / "attributes").write_text("*.txt eol=lf\n*.bat eol=crlf\n")
    (rules / "ignore").write_bytes(b"\xef\xbb\xbf*.swp\n.idea/")
    user.git("config", "core.attributesFile", str(rules / "attributes"))
    user.git("config", "core.excludesFile", "../rules/ignore")
    user.write(".git/info/attributes", "dos.txt eol=crlf\nwide.txt working-tree-encoding=UTF-16LE\n")
    slot = opened(user, state)
    assert (slot.work / "dos.txt").read_bytes() == b"dos\r\n"
    assert (slot.work / "src" / "dos.bat").read_bytes() == b"bat\r\n"
    assert (slot.work / "wide.txt").read_bytes() == "wide\n".encode("utf-16-le")
    work = agent(slot)
    for path in ("a.swp", ".idea/token", ".git/info/user-attributes", ".git/info/attributes"):
        work.write(path, "* -text\n")
    work.write("dos.txt", "edited\r\n")
    with user.open() as repo:
        (kept,) = keep_slot_work(repo, slot)
    assert user.git("diff", "--name-only", "HEAD", kept.commit) == "dos.txt"
    assert user.git("cat-file", "blob", f"{kept.commit}:dos.txt") == "edited"


def test_an_ignore_rule_of_the_repository_stands_above_one_for_all(user: Checkout, state: Path) -> None:
    everywhere = user.root.parent / "ignore"
    everywhere.write_text("*.out\n")
    user.git("config", "core.excludesFile", str(everywhere))
    user.write(".git/info/exclude", "!wanted.out\n")
    slot = opened(user, state)
    agent(slot).write("wanted.out", "w\n")
    agent(slot).write("other.out", "o\n")
    assert agent(slot).git("status", "--porcelain") == "?? wanted.out"


def test_a_filter_for_all_repositories_is_refused_where_a_file_needs_it(user: Checkout, state: Path) -> None:
    everywhere = user.root.parent / "attributes"
    everywhere.write_text("[attr]stored filter=lfs -text\n*.bin stored\n*.psd filter=lfs\n")
    user.git("config", "core.attributesFile", str(everywhere))
    assert opened(user, state).notice == ""
    user.commit("a pointer", {"folder with space/big.bin": "pointer\n"})
    with pytest.raises(RepoError, match=r"sends `folder with space/big\.bin` through the filter 'lfs'"):
        opened(user, state, 2)


def test_a_filter_of_git_info_is_refused(user: Checkout, state: Path) -> None:
    user.write(".git/info/attributes", "*.bin filter=lfs\n")
    with pytest.raises(RepoError, match=r"\.git/info/attributes sends files through the filter 'lfs'"):
        opened(user, state)


@pytest.mark.parametrize(
    ("files", "config", "said"),
    [
        ({".gitattributes": "*.bin filter=lfs diff=lfs\n"}, {}, "the filter 'lfs'"),
        ({".gitattributes": "*.key filter=crypt\n"}, {"filter.crypt.smudge": "decrypt"}, "the filter 'crypt'"),
        ({}, {"remote.origin.promisor": "true"}, "partial clone"),
    ],
)
def test_what_a_slot_could_not_show_whole_is_refused(
    user: Checkout, state: Path, files: dict[str, str | None], config: dict[str, str], said: str
) -> None:
    user.commit("unsupported", files)
    for key, value in config.items():
        user.git("config", key, value)
    with pytest.raises(RepoError, match=said):
        opened(user, state)
    assert not state.exists()


def test_submodules_are_refused(user: Checkout, state: Path) -> None:
    user.git("update-index", "--add", "--cacheinfo", f"160000,{user.git('rev-parse', 'HEAD')},vendor/lib")
    user.git("commit", "-q", "-m", "a submodule")
    with pytest.raises(RepoError, match="submodules are not supported: vendor/lib"):
        opened(user, state)


def test_a_filter_that_only_cleans_is_accepted(user: Checkout, state: Path) -> None:
    user.commit("attributes", {".gitattributes": "*.ipynb filter=strip\n"})
    user.git("config", "filter.strip.clean", "cat")
    assert opened(user, state).notice == ""


def _hostile(slot: Slot, proof: Path) -> None:
    """Everything by which a worktree makes git start a program."""
    git_dir = slot.private.git_dir
    run = f"touch {proof}"
    script = slot.private.folder / "evil.sh"
    script.write_text(f"#!/bin/sh\n{run}\ncat\n")
    script.chmod(0o755)
    config = f"""[core]
    fsmonitor = {script}
    hooksPath = {git_dir}/evil-hooks
    worktree = /
    pager = {script}
[filter "evil"]
    clean = {script}
    smudge = {script}
    required = true
[gpg]
    program = {script}
[commit]
    gpgSign = true
[extensions]
    worktreeConfig = true
"""
    (git_dir / "config").write_text(config)
    (git_dir / "config.worktree").write_text(config)
    (git_dir / "info" / "attributes").write_text("* filter=evil\n")
    (slot.work / ".gitattributes").write_text("* filter=evil\n")
    for folder in ("hooks", "evil-hooks"):
        (git_dir / folder).mkdir(exist_ok=True)
        for hook in ("post-checkout", "post-commit", "pre-commit", "reference-transaction", "post-index-change"):
            shutil.copy2(script, git_dir / folder / hook)
    nested = Checkout(slot.work / "nested")
    nested.root.mkdir()
    nested.git("init", "-q")
    nested.write("f", "f\n")
    nested.git("add", "f")
    nested.git("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "-m", "nested")
    shutil.copy2(git_dir / "config", nested.root / ".git" / "config")
    (nested.root / ".gitattributes").write_text("* filter=evil\n")
    nested.write("f", "changed\n")
    (slot.work / "app.py").write_text("work\n")


def test_a_hostile_slot_runs_nothing_on_the_host(user: Checkout, state: Path, tmp_path: Path) -> None:
    slot = opened(user, state)
    # The nested repository is in the index too, so that a status would look into it.
    link = f"160000,{user.git('rev-parse', 'HEAD')},nested"
    agent(slot).git("update-index", "--add", "--cacheinfo", link)
    proof = tmp_path / "executed"
    _hostile(slot, proof)
    with user.open() as repo:
        (kept,) = keep_slot_work(repo, slot)
        assert user.git("show", f"{kept.commit}:app.py") == "work"
        again = open_slot(repo, state, 1, order(user, "next"))
    assert not proof.exists()
    assert agent(again).git("status", "--porcelain", "--ignored") == ""


@pytest.mark.parametrize(
    "victim", ["config", "HEAD", "index", "info/exclude", "packed-refs", "refs/heads", "refs/heads/cowork/task/t"]
)
def test_links_in_a_slot_are_not_followed_out_of_it(user: Checkout, state: Path, tmp_path: Path, victim: str) -> None:
    slot = opened(user, state)
    agent(slot).write("app.py", "work\n")
    before = user.state()
    target = tmp_path / "outside"
    place = slot.private.git_dir / victim
    if place.is_dir():
        shutil.rmtree(place)
        target = user.root / ".git" / "refs" / "heads"
    else:
        place.unlink(missing_ok=True)
        target.write_text("mine\n")
    place.symlink_to(target)
    with user.open() as repo:
        open_slot(repo, state, 1, order(user, "next"))
    assert target.is_dir() or target.read_text() == "mine\n"
    assert user.state() == before


@pytest.mark.parametrize("folder", ["", "objects", "info"])
def test_a_git_directory_that_points_elsewhere_is_not_used(user: Checkout, state: Path, folder: str) -> None:
    slot = opened(user, state)
    before = user.state()
    place = slot.private.git_dir / folder
    shutil.rmtree(place)
    place.symlink_to(user.root / ".git" / folder)
    again = opened(user, state)
    assert "set aside" in again.notice
    assert user.state() == before


def around(tmp_path: Path, runs: list[str]) -> CommandContext:
    def run(spec: ProcessSpec) -> Exit:
        runs.append(spec.argv[-1])
        done = subprocess.run(spec.argv, cwd=spec.cwd, env=dict(spec.env), capture_output=True, text=True, check=False)
        return Exit(code=done.returncode, seconds=0.0, tail=done.stdout)

    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    return CommandContext(env=env, marker=f"setup-{os.getpid()}", timeout=60.0, run=run)


def test_set_up_runs_once_per_lock_file(user: Checkout, state: Path, tmp_path: Path) -> None:
    user.commit("lock", {"package-lock.json": "1\n"})
    runs: list[str] = []
    commands = ("mkdir -p build && cp package-lock.json build/installed", "true")

    def go() -> Slot:
        with user.open() as repo:
            slot = open_slot(repo, state, 1, order(user, setup=commands))
        assert all(check.green for check in set_up(slot, around(tmp_path, runs)))
        return slot

    user.write(".git/info/exclude", ".cowork/approvals/\n")
    slot = go()
    agent(slot).write("scratch.txt", "gone next time\n")
    agent(slot).write(".cowork/approvals/t-1.md", "forged\n")
    assert go().work.joinpath("build", "installed").read_text() == "1\n"
    assert not (slot.work / "scratch.txt").exists()
    assert not (slot.work / ".cowork").exists()
    assert runs == list(commands)
    user.commit("new lock", {"package-lock.json": "2\n"})
    assert go().work.joinpath("build", "installed").read_text() == "2\n"
    assert runs == list(commands) * 2


def test_a_red_set_up_stops_and_is_tried_again(user: Checkout, state: Path, tmp_path: Path) -> None:
    runs: list[str] = []
    for _ in range(2):
        with user.open() as repo:
            slot = open_slot(repo, state, 1, order(user, setup=("false", "true")))
        checks = set_up(slot, around(tmp_path, runs))
        assert [check.exit for check in checks] == [1]
    assert runs == ["false", "false"]


def test_copied_files_are_there_and_in_no_submission(user: Checkout, state: Path) -> None:
    user.write(".env.test", "KEY=1\n")
    user.write("deep/[odd] name.txt", "odd\n")
    slot = opened(user, state)
    wanted = [".env.test", "deep/[odd] name.txt", "none"]
    assert copy_files(user.root, slot.private, wanted) == ("none",)
    assert (slot.work / ".env.test").read_text() == "KEY=1\n"
    assert agent(slot).git("status", "--porcelain") == ""
    with user.open() as repo:
        assert keep_slot_work(repo, slot) == ()


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "~/x", ".cowork/config.yaml", ".git/config", ""])
def test_a_path_to_copy_stays_in_the_tree(user: Checkout, state: Path, path: str) -> None:
    slot = opened(user, state)
    with pytest.raises(ConfigError, match="copy: "):
        copy_files(user.root, slot.private, [path])


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_path_to_copy_does_not_follow_links_out(user: Checkout, state: Path, tmp_path: Path, side: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("secret\n")
    slot = opened(user, state)
    if side == "source":
        (user.root / "out").symlink_to(outside)
    else:
        user.write("out/file", "mine\n")
        (slot.work / "out").symlink_to(outside)
    with pytest.raises(ConfigError, match="leads out"):
        copy_files(user.root, slot.private, ["out/file"])
    assert (outside / "file").read_text() == "secret\n"


def test_keeping_again_after_a_kill_in_the_middle(user: Checkout, state: Path) -> None:
    slot = opened(user, state)
    agent(slot).commit("work", {"new.txt": "new\n"})
    with user.open() as repo:
        assert len(keep_slot_work(repo, slot)) == 1
        assert refs_under(repo, "refs/cowork/snap/t").keys() == {"refs/cowork/snap/t/1"}
    with Repo.open(user.root) as repo:
        assert keep_slot_work(repo, slot) == ()
