"""Repos are lent and taken back; what was remembered holds only while it is so."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from coworkd.core.errors import NotAWorkspaceError
from coworkd.system.git import Repo
from coworkd.system.git.file_versions import SETTLING, settled_version
from coworkd.system.git.numbered_refs import next_number_under, numbered_refs
from coworkd.system.git.refs import LANDINGS, RefChange, landing_ref, ref_names, update_refs
from coworkd.system.git.repo_pool import IDLE, MAX_KEPT, RepoPool
from coworkd.system.git.trailers import SUBMISSION, TASK, trailers_of
from tests.integration.gitkit import Checkout, checkout, process_starts


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


class Clock:
    """Seconds that pass when a test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def _readers(user: Checkout) -> int:
    """Gits that read this repository for this process."""
    found = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            words = (entry / "cmdline").read_bytes()
            ours = parent == str(os.getpid()) and os.fsencode(user.root) in words.split(b"\0")
            found += ours and b"--batch-command" in words
        except OSError:
            continue
    return found


def test_one_reader_serves_one_job_after_the_other_until_it_is_idle(user: Checkout) -> None:
    clock = Clock()
    pool = RepoPool(user.root, clock)
    for _ in range(3):
        with pool.lend() as repo:
            assert repo.commit("HEAD") == user.git("rev-parse", "HEAD")
    assert _readers(user) == 1
    clock.now += IDLE - 1
    pool.close_idle()
    assert _readers(user) == 1
    clock.now += 1
    pool.close_idle()
    assert _readers(user) == 0
    with pool.lend() as repo:
        assert repo.commit("HEAD")
    clock.now += IDLE
    pool.close_idle()


def test_jobs_at_the_same_time_have_readers_of_their_own_and_few_are_kept(user: Checkout) -> None:
    clock, head = Clock(), user.git("rev-parse", "HEAD")
    pool = RepoPool(user.root, clock)
    jobs = MAX_KEPT + 3
    together, found = threading.Barrier(jobs), list[tuple[int, str | None]]()

    def job() -> None:
        with pool.lend() as repo:
            together.wait(30)
            found.append((id(repo), repo.commit("HEAD")))
            together.wait(30)

    threads = [threading.Thread(target=job) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for one, _ in found}) == jobs
    assert {commit for _, commit in found} == {head}
    assert _readers(user) == MAX_KEPT
    clock.now += IDLE
    pool.close_idle()
    assert _readers(user) == 0


def test_a_job_that_fails_leaves_no_reader_in_the_middle_of_an_answer(user: Checkout) -> None:
    pool = RepoPool(user.root)

    def job() -> None:
        with pool.lend() as repo:
            assert repo.commit("HEAD")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        job()
    assert _readers(user) == 0


def test_another_repository_in_the_same_place_is_found(user: Checkout, tmp_path: Path) -> None:
    clock = Clock()
    pool = RepoPool(user.root, clock)
    with pool.lend() as repo:
        first = repo.commit("HEAD")
    shutil.move(user.root / ".git", tmp_path / "elsewhere")
    with pytest.raises(NotAWorkspaceError), pool.lend():
        pass
    user.git("init", "-q", "-b", "main")
    other = user.commit("another beginning")
    with pool.lend() as repo:
        assert repo.commit("HEAD") == other
        assert repo.commit(first or "") is None
        assert repo.settings()["core.bare"] == "false"
    user.git("config", "user.name", "Somebody Else")
    with pool.lend() as repo:
        assert repo.settings()["user.name"] == "Somebody Else"
    clock.now += IDLE
    pool.close_idle()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the user's, whose git has its settings there and in the machine's file."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    (tmp_path / "home" / ".config" / "git").mkdir(parents=True)
    return tmp_path / "home"


def test_settings_are_read_again_when_one_of_their_files_was_written(user: Checkout, home: Path) -> None:
    pool = RepoPool(user.root, Clock())
    files = [home / ".config" / "git" / "config", home / ".gitconfig", user.root / ".git" / "config"]
    for number, file in enumerate(files):
        user.git("config", "--file", str(file), "some.name", f"value {number}")
        _age(*(one for one in files if one.exists()))
        for started_at_most in (1, 0):
            with pool.lend() as repo, process_starts() as started:
                assert repo.settings()["some.name"] == f"value {number}"
            assert len([words for words in started if "--list" in words]) == started_at_most
    pool.close_idle()


def test_settings_that_include_others_are_always_read(user: Checkout, home: Path) -> None:
    (home / "more").write_text("[some]\n\tname = one\n")
    user.git("config", "--global", "include.path", str(home / "more"))
    _age(home / ".gitconfig", user.root / ".git" / "config")
    pool = RepoPool(user.root, Clock())
    with pool.lend() as repo:
        assert repo.settings()["some.name"] == "one"
    (home / "more").write_text("[some]\n\tname = other\n")
    with pool.lend() as repo:
        assert repo.settings()["some.name"] == "other"
    pool.close_idle()


def test_numbered_refs_are_listed_again_when_one_was_written(user: Checkout) -> None:
    head = user.git("rev-parse", "HEAD")
    with user.open() as repo:
        assert numbered_refs(repo, LANDINGS) == {}
        for number in (1, 2):
            assert next_number_under(repo, LANDINGS) == number
            update_refs(repo, [RefChange(name=landing_ref(number), old=None, new=head)])
            _let_settle(repo)
            assert numbered_refs(repo, LANDINGS) == dict.fromkeys(range(1, number + 1), head)
        user.git("update-ref", landing_ref(3), head)
        assert next_number_under(repo, LANDINGS) == 4
        user.git("pack-refs", "--all")
        user.git("update-ref", "-d", landing_ref(1))
        _let_settle(repo)
        assert sorted(numbered_refs(repo, LANDINGS)) == [2, 3]


def _let_settle(repo: Repo) -> None:
    """As if what was written had been written some time ago, each at a time of its own."""
    files = (*repo.common_dir.glob(f"{LANDINGS}/*"), repo.common_dir / "packed-refs")
    _age(*(file for file in files if file.exists()))


def _age(*files: Path) -> None:
    for file in files:
        earlier = file.stat().st_mtime_ns - 20 * SETTLING
        os.utime(file, ns=(earlier, earlier))


def test_numbered_refs_follow_from_gits_files_without_a_process(user: Checkout) -> None:
    head, other = user.git("rev-parse", "HEAD"), user.commit("other")
    with user.open() as repo:
        repo.resolve("HEAD")
        for number in (1, 2, 3):
            user.git("update-ref", landing_ref(number), head)
        user.git("pack-refs", "--all")
        user.git("update-ref", landing_ref(2), other)
        user.git("update-ref", landing_ref(10), other)
        (repo.common_dir / LANDINGS / "12.lock").write_text("")
        (repo.common_dir / LANDINGS / "11").write_text("no commit\n")
        with process_starts() as started:
            assert numbered_refs(repo, LANDINGS) == {1: head, 2: other, 3: head, 10: other}
        assert started == []


def test_numbered_refs_in_tables_are_listed_by_git(user: Checkout) -> None:
    head = user.git("rev-parse", "HEAD")
    user.git("update-ref", landing_ref(1), head)
    with user.open() as repo:
        (repo.common_dir / "reftable").mkdir()
        with process_starts() as started:
            assert numbered_refs(repo, LANDINGS) == {1: head}
        assert len(started) == 1


def test_what_was_written_a_moment_ago_has_no_version_yet(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("1")
    now = time.time_ns()
    os.utime(file, ns=(now, now))
    assert settled_version([file]) is None
    os.utime(file, ns=(now - 10 * SETTLING, now - 10 * SETTLING))
    assert settled_version([file]) == settled_version([file])
    assert settled_version([file]) != settled_version([tmp_path / "none"])


def test_the_names_of_refs_are_found_loose_and_packed(user: Checkout) -> None:
    user.git("branch", "a/b")
    user.git("tag", "-a", "-m", "said", "v1")
    user.git("pack-refs", "--all")
    user.git("branch", "later")
    names = ref_names(user.root / ".git", ("refs/heads", "refs/tags"))
    assert names == user.git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags").split("\n")


def test_trailers_are_those_that_git_reads(user: Checkout) -> None:
    message = (
        "title\n\nCowork-Task: no trailer, for text follows\n\nCowork-Task: a\nCowork-Task: b\nCowork-Submission: 1 x\n"
    )
    told = user.git("commit-tree", "HEAD^{tree}", stdin=message)
    plain = user.git("rev-parse", "HEAD")
    with user.open() as repo:
        for _ in range(2):
            said = trailers_of(repo, [told, plain])
            assert (said[told][TASK], said[told][SUBMISSION], said[plain][TASK]) == ("a,b", "1 x", "")
