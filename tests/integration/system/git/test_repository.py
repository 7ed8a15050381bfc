from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from coworkd.core.errors import NotAWorkspaceError, RepoError
from coworkd.system.git import Repo, check_git
from coworkd.system.git.blob_origin import committed_here, exclude, head_has, index_lists, known_blobs, repo_id
from coworkd.system.git.object_stores import alternates, object_stores, stores_named
from coworkd.system.git.refs import (
    RefChange,
    base_ref,
    checked_out,
    operation_under_way,
    refs_under,
    submission_ref,
    task_branch,
    update_refs,
)
from tests.integration.gitkit import Checkout, checkout, process_starts


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


def test_opens_from_a_folder_inside(user: Checkout) -> None:
    with Repo.open(user.root / "src") as repo:
        assert repo.root == user.root
        assert repo.git_dir == repo.common_dir == user.root / ".git"
        assert repo.object_format == "sha1"


def test_a_linked_worktree_knows_its_common_directory(user: Checkout, tmp_path: Path) -> None:
    user.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    with Repo.open(tmp_path / "side") as repo:
        assert repo.root == tmp_path / "side"
        assert repo.common_dir == user.root / ".git"
        assert repo.git_dir.parent == user.root / ".git" / "worktrees"
        assert checked_out(repo) == {"refs/heads/main", "refs/heads/side"}


def test_outside_a_repository_is_not_a_workspace(tmp_path: Path) -> None:
    with pytest.raises(NotAWorkspaceError, match="not a git repository"):
        Repo.open(tmp_path)


def test_a_bare_repository_is_refused_with_a_way_out(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "bare.git")], check=True)
    with pytest.raises(RepoError, match="needs a checkout"):
        Repo.open(tmp_path / "bare.git")


def _in_a_process(code: str, cwd: Path, **env: str) -> str:
    search = os.pathsep.join([str(Path(__file__).parents[4]), *sys.path])
    environment = {**os.environ, "PYTHONPATH": search, **env}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).strip()


OPEN = """
import sys
from pathlib import Path
from coworkd.core.errors import RepoError
from coworkd.system.git import Repo
try:
    repo = Repo.open(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    listed = repo.run("ls-files").text.count("app")
    print(repo.root, repo.head().branch, repo.resolve("HEAD:app.py") is not None, listed)
    repo.close()
except RepoError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("git version 2.37.9", "git version 2.37.9 is too old: install git 2.38"),
        ("no idea", "does not answer: install git 2.38"),
    ],
)
def test_an_unfit_git_is_named_with_what_to_do(user: Checkout, tmp_path: Path, version: str, said: str) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho '{version}'\n")
    fake.chmod(0o755)
    assert said in _in_a_process(OPEN, user.root, PATH=f"{fake.parent}:{os.environ['PATH']}")


def test_a_missing_git_is_named_with_what_to_do(user: Checkout, tmp_path: Path) -> None:
    assert "git was not found or does not answer: install" in _in_a_process(OPEN, user.root, PATH=str(tmp_path))


def test_the_version_found_here_is_enough() -> None:
    assert check_git()[0].isdigit()


def test_importing_the_gateway_does_not_import_gitpython(tmp_path: Path) -> None:
    assert _in_a_process("import sys, coworkd.system.git; print('git' in sys.modules)", tmp_path) == "False"


def test_inherited_git_variables_are_not_believed(user: Checkout, tmp_path: Path) -> None:
    elsewhere = checkout(tmp_path / "elsewhere")
    said = _in_a_process(
        OPEN, user.root, GIT_DIR=str(elsewhere.root / ".git"), GIT_INDEX_FILE=str(tmp_path / "none"), GIT_WORK_TREE="/"
    )
    assert said == f"{user.root} refs/heads/main True 1"


SETTINGS = """
from pathlib import Path
from coworkd.system.git import Repo
from coworkd.system.git.untrusted_config import wary_env
repo = Repo.open(Path("."))
print(repo.setting("user.nickname"), repo.setting("filter.x.clean"), end=" ")
print(repo.run("config", "--get", "user.nickname", env=wary_env(repo)).text, end=" ")
print(repo.run("config", "--get", "filter.x.clean", env=wary_env(repo)).text or "disarmed", end=" ")
print(Repo.isolated(Path(".").absolute(), "sha1").setting("user.nickname") or "sealed")
"""


def test_settings_that_the_environment_holds_count_but_where_an_agent_writes(user: Checkout) -> None:
    pairs = {"user.nickname": "Anni", "filter.x.clean": "cat"}
    env = {f"GIT_CONFIG_KEY_{n}": key for n, key in enumerate(pairs)}
    env |= {f"GIT_CONFIG_VALUE_{n}": value for n, value in enumerate(pairs.values())}
    assert _in_a_process(SETTINGS, user.root, GIT_CONFIG_COUNT="2", **env) == "Anni cat Anni disarmed sealed"


ODD = ["ls\u2028x\x85", "latin \udce9", "line\nbreak\n", "co:lon \"q' $x", "-dash", " "]


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_a_repository_may_have_any_name(tmp_path: Path, name: str) -> None:
    user = checkout(tmp_path / name)
    linked = tmp_path / f"{name}linked"
    user.git("worktree", "add", "-q", "--detach", str(linked))
    for root in (user.root, linked):
        with Repo.open(root / "src") as repo:
            assert repo.root == root
            assert repo.common_dir == user.root / ".git"
            assert repo.resolve("HEAD:app.py") is not None


STORES = ["plain", "line\nbreak", 'a "quote"', '"', "back\\slash\\101\n", "tab\t\udce9", "#x"]


@pytest.mark.parametrize("name", STORES, ids=range(len(STORES)))
def test_git_borrows_from_a_store_of_any_name(tmp_path: Path, name: str) -> None:
    lender = checkout(tmp_path / name)
    borrower = Checkout(tmp_path / "borrower")
    subprocess.run(["git", "init", "-q", str(borrower.root)], check=True)
    store = lender.root / ".git" / "objects"
    named = alternates(store)
    (borrower.root / ".git" / "objects" / "info" / "alternates").write_bytes(named)
    assert borrower.git("cat-file", "-t", lender.git("rev-parse", "HEAD")) == "commit"
    assert stores_named(named) == [str(store)]
    assert object_stores(borrower.root / ".git" / "objects")[1:] == (str(store),)


def test_a_command_fails_loudly_or_is_a_value(user: Checkout) -> None:
    with user.open() as repo:
        with pytest.raises(RepoError, match="git cat-file failed"):
            repo.run("cat-file", "blob", "0" * 40)
        assert repo.run("cat-file", "-e", "0" * 40, check=False).code != 0


def test_a_command_that_does_not_end_is_ended(user: Checkout) -> None:
    user.git("config", "alias.hang", "!sleep 60")
    with user.open() as repo, pytest.raises(RepoError, match="did not finish within"):
        repo.run("hang", timeout=0.2)


def test_a_root_that_vanished_is_an_error_not_another_place(user: Checkout, tmp_path: Path) -> None:
    with user.open() as repo:
        user.root.rename(tmp_path / "moved")
        with pytest.raises(RepoError):
            repo.run("rev-parse", "HEAD")


def test_hooks_of_the_user_do_not_run(user: Checkout) -> None:
    hook = user.write(".git/hooks/reference-transaction", "#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with user.open() as repo:
        head = repo.commit("HEAD")
        assert update_refs(repo, [RefChange(name="refs/cowork/land/1", old=None, new=head)])


def test_lookups_see_what_is_there_and_what_is_not(user: Checkout) -> None:
    with user.open() as repo:
        commit = user.git("rev-parse", "HEAD")
        assert repo.commit("refs/heads/main") == commit
        assert repo.commit("refs/heads/none") is None
        assert repo.resolve("HEAD:src") == user.git("rev-parse", "HEAD:src")
        assert repo.resolve("HEAD:no such\nfile") is None
        assert repo.tree_of(commit) == user.git("rev-parse", "HEAD^{tree}")
        later = user.commit("later")
        assert repo.commit("refs/heads/main") == later
        assert repo.is_ancestor(commit, later)
        assert not repo.is_ancestor(later, commit)


def test_a_path_with_a_line_break_is_looked_up_and_disturbs_no_other(user: Checkout) -> None:
    """An agent may choose any name: one that reads as two questions must not shift the answers to the rest."""
    blob = user.git("hash-object", "-w", "--stdin", stdin="hidden\n")
    user.git("update-index", "--add", "--cacheinfo", f"100644,{blob},two\nlines")
    user.git("commit", "-qm", "A name of two lines")
    with Repo.open(user.root) as repo:
        head = repo.resolve("HEAD")
        assert repo.resolve_all(["HEAD:two\nlines", "HEAD", "HEAD:none\nhere", "HEAD\0"]) == [blob, head, None, None]
        with pytest.raises(ValueError, match="line break"):
            repo._read(lambda reader: reader.infos(["HEAD\nHEAD"]))  # noqa: SLF001 - the gateway never asks that


def test_lookups_survive_the_end_of_their_process_and_a_gc(user: Checkout) -> None:
    with user.open() as repo:
        assert repo.resolve("HEAD")
        repo.close()
        user.commit("more", {"new.txt": "new\n"})
        user.git("gc", "-q", "--prune=now")
        assert repo.resolve("HEAD:new.txt") == user.git("rev-parse", "HEAD:new.txt")


def test_head_on_a_branch_detached_and_unborn(user: Checkout, tmp_path: Path) -> None:
    with user.open() as repo:
        commit = user.git("rev-parse", "HEAD")
        assert (repo.head().branch, repo.head().commit) == ("refs/heads/main", commit)
        user.git("checkout", "-q", "--detach")
        assert (repo.head().branch, repo.head().commit) == (None, commit)
    subprocess.run(["git", "init", "-q", "-b", "trunk", str(tmp_path / "new")], check=True)
    with Repo.open(tmp_path / "new") as repo:
        assert (repo.head().branch, repo.head().commit) == ("refs/heads/trunk", None)


def test_refs_move_together_or_not_at_all(user: Checkout) -> None:
    first, second = user.git("rev-parse", "HEAD"), user.commit("second")
    with user.open() as repo:
        assert update_refs(
            repo,
            [RefChange(name="refs/cowork/land/1", old=None, new=first), RefChange(name="refs/x", old=None, new=first)],
        )
        lost = [
            RefChange(name="refs/cowork/land/1", old=first, new=second),
            RefChange(name="refs/x", old=second, new=first),
        ]
        assert not update_refs(repo, lost)
        assert refs_under(repo, "refs/cowork/") == {"refs/cowork/land/1": first}
        assert not update_refs(repo, [RefChange(name="refs/x", old=None, new=second)])
        assert update_refs(repo, [RefChange(name="refs/x", old=first, new=None)])
        assert refs_under(repo, "refs/x") == {}
        assert not update_refs(repo, [RefChange(name="refs/x", old=first, new=None)])


def test_refs_of_coworkd_are_written_by_one_process_that_stays(user: Checkout) -> None:
    first, second = user.git("rev-parse", "HEAD"), user.commit("second")
    with user.open() as repo:
        repo.resolve("HEAD")
        assert update_refs(repo, [RefChange(name="refs/cowork/base/1", old=None, new=first)])
        user.git("pack-refs", "--all")
        later = user.commit("later")
        with process_starts() as started:
            assert update_refs(repo, [RefChange(name="refs/cowork/base/2", old=None, new=later)])
            assert update_refs(repo, [RefChange(name="refs/cowork/base/1", old=first, new=second)])
        assert started == []
        assert not update_refs(repo, [RefChange(name="refs/cowork/base/1", old=first, new=None)])
        assert update_refs(repo, [RefChange(name="refs/cowork/base/1", old=second, new=None)])
        assert list(refs_under(repo, "refs/cowork/")) == ["refs/cowork/base/2"]


def test_refs_are_written_where_the_process_that_stayed_is_gone(user: Checkout) -> None:
    head = user.git("rev-parse", "HEAD")
    with user.open() as repo:
        with process_starts() as started:
            assert update_refs(repo, [RefChange(name="refs/cowork/base/1", old=None, new=head)])
        assert [words[-1] for words in started] == ["--stdin"]
        (child,) = _children_with(b"update-ref")
        os.kill(child, signal.SIGKILL)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert update_refs(repo, [RefChange(name="refs/cowork/base/2", old=None, new=head)])
        assert sorted(refs_under(repo, "refs/cowork/")) == ["refs/cowork/base/1", "refs/cowork/base/2"]


def _children_with(word: bytes) -> list[int]:
    """Processes of this one that were started with such a word."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return [int(child) for child in children if word in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")]


def test_a_branch_is_logged_with_the_time_at_which_it_moved(user: Checkout) -> None:
    head = user.git("rev-parse", "HEAD")
    with user.open() as repo:
        for name in ("refs/heads/cowork/x", "refs/heads/cowork/y"):
            with process_starts() as started:
                assert update_refs(repo, [RefChange(name=name, old=None, new=head)])
            assert len(started) == 1


def test_a_name_git_refuses_is_an_error_not_a_lost_race(user: Checkout) -> None:
    with user.open() as repo, pytest.raises(RepoError, match="could not move"):
        update_refs(repo, [RefChange(name="refs/cowork/a..b", old=None, new=user.git("rev-parse", "HEAD"))])


def test_a_ref_that_is_another_name_never_moves_what_it_names(user: Checkout) -> None:
    first = user.git("rev-parse", "HEAD")
    second = user.git("commit-tree", "-p", first, "-m", "second", "HEAD^{tree}")
    user.git("symbolic-ref", "refs/cowork/alias", "refs/heads/main")
    with user.open() as repo:
        update_refs(repo, [RefChange(name="refs/cowork/alias", old=first, new=second)])
    assert user.git("rev-parse", "main") == first


@pytest.mark.parametrize("task", ["plain", ".hidden", "ends.", "a.lock", "grüße-æ", "v1.2_x"])
def test_every_id_makes_a_ref_that_git_takes(user: Checkout, task: str) -> None:
    head = user.git("rev-parse", "HEAD")
    names = [task_branch(task), submission_ref(task, 3), base_ref(task)]
    with user.open() as repo:
        assert update_refs(repo, [RefChange(name=name, old=None, new=head) for name in names])
        assert set(names) <= set(refs_under(repo, "refs"))


def test_a_rebasing_branch_counts_as_checked_out(user: Checkout) -> None:
    start = user.git("rev-parse", "HEAD")
    user.commit("mine", {"app.py": "mine\n"})
    other = user.branch("other", start, {"app.py": "theirs\n"})
    done = subprocess.run(["git", "rebase", other], cwd=user.root, capture_output=True, check=False)
    assert done.returncode != 0
    with user.open() as repo:
        assert repo.head().branch is None
        assert "refs/heads/main" in checked_out(repo)
        assert operation_under_way(repo) == "rebase"


def test_where_heads_are_not_files_git_is_asked(user: Checkout, tmp_path: Path) -> None:
    user.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    user.git("worktree", "add", "-q", "--detach", str(tmp_path / "tabled"))
    (user.root / ".git" / "worktrees" / "tabled" / "HEAD").write_text("ref: refs/heads/.invalid\n")
    with user.open() as repo:
        assert {"refs/heads/main", "refs/heads/side"} <= checked_out(repo)


@pytest.mark.parametrize("operation", ["merge", "cherry-pick", "revert"])
def test_an_unfinished_operation_is_seen(user: Checkout, operation: str) -> None:
    start = user.git("rev-parse", "HEAD")
    other = user.branch("other", start, {"app.py": "theirs\n"})
    user.commit("mine", {"app.py": "mine\n"})
    what = user.git("rev-parse", "HEAD~1") if operation == "revert" else other
    with user.open() as repo:
        assert operation_under_way(repo) == ""
        subprocess.run(["git", operation, what], cwd=user.root, capture_output=True, check=False)
        assert operation_under_way(repo) == operation


def test_a_bisect_is_seen(user: Checkout) -> None:
    user.commit("more")
    user.git("bisect", "start", "HEAD", "HEAD~1")
    with user.open() as repo:
        assert operation_under_way(repo) == "bisect"


def known_blob(repo: Repo, data: bytes, path: str) -> str | None:
    return known_blobs(repo, {path: data}).get(path)


def test_bytes_git_has_are_known_and_new_bytes_are_not(user: Checkout) -> None:
    with user.open() as repo:
        assert known_blob(repo, b"one\n", "src/one.txt") == user.git("rev-parse", "HEAD:src/one.txt")
        assert known_blob(repo, b"typed\n", "src/one.txt") is None


def test_more_blobs_are_asked_for_than_a_pipe_holds(user: Checkout) -> None:
    texts = {f"tasks/{number}.md": f"text {number}\n" for number in range(3000)}
    held = {path: text for path, text in texts.items() if path.endswith("7.md")}
    user.commit("some", dict(held))
    with user.open() as repo:
        known = known_blobs(repo, {path: text.encode() for path, text in texts.items()})
        assert known.keys() == held.keys()
        long = [f"HEAD:{'x' * 4000}{number}" for number in range(50)]
        assert repo.resolve_all([*long, "HEAD", "a\nb", ""]) == [None] * 50 + [repo.resolve("HEAD"), None, None]


def test_line_endings_are_seen_through(user: Checkout) -> None:
    with user.open() as repo:
        assert known_blob(repo, b"one\r\n", "src/one.txt") is None
        user.git("config", "core.autocrlf", "true")
        assert known_blob(repo, b"one\r\n", "src/one.txt") == user.git("rev-parse", "HEAD:src/one.txt")


def test_filters_are_seen_through(user: Checkout) -> None:
    user.git("config", "filter.upper.clean", "tr a-z A-Z")
    user.commit("filtered", {".gitattributes": "*.md filter=upper\n", "note.md": "shout\n"})
    with user.open() as repo:
        assert known_blob(repo, b"shout\n", "note.md") == user.git("rev-parse", "HEAD:note.md")
        assert known_blob(repo, b"whisper\n", "note.md") is None


def test_a_sha256_repository_is_asked_in_its_own_format(tmp_path: Path) -> None:
    user = checkout(tmp_path / "wide", object_format="sha256")
    with user.open() as repo:
        assert repo.object_format == "sha256"
        assert known_blob(repo, b"one\n", "src/one.txt") == user.git("rev-parse", "HEAD:src/one.txt")


def test_what_came_by_fetch_and_merge_was_not_committed_here(user: Checkout, tmp_path: Path) -> None:
    user.git("clone", "-q", str(user.root), str(tmp_path / "clone"))
    clone = Checkout(tmp_path / "clone")
    clone.git("config", "user.name", "Ben")
    clone.git("config", "user.email", "ben@example.org")
    user.commit("theirs", {".cowork/tasks/pulled.md": "pulled\n"})
    clone.commit("ours", {".cowork/tasks/own.md": "own\n"})
    clone.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")
    with clone.open() as repo:
        own, pulled = (clone.git("rev-parse", f"HEAD:.cowork/tasks/{name}.md") for name in ("own", "pulled"))
        made = committed_here(repo, ".cowork")
        assert (".cowork/tasks/own.md", own) in made
        assert (".cowork/tasks/other.md", own) not in made
        assert (".cowork/tasks/pulled.md", pulled) not in made


def test_closing_a_merge_or_amending_vouches_only_for_what_is_new(user: Checkout) -> None:
    start = user.git("rev-parse", "HEAD")
    user.git("branch", "-q", "theirs", start)
    foreign = user.git("commit-tree", "-p", start, "-m", "foreign", _tree_with(user, ".cowork/tasks/pulled.md", "p\n"))
    user.commit("ours", {"app.py": "ours\n"})
    user.git("merge", "-q", "--no-commit", foreign)
    user.git("commit", "-q", "-m", "closed by hand")
    with user.open() as repo:
        pulled = user.git("rev-parse", "HEAD:.cowork/tasks/pulled.md")
        assert (".cowork/tasks/pulled.md", pulled) not in committed_here(repo)
        user.git("reset", "-q", "--hard", foreign)
        user.write("mine.txt", "mine\n")
        user.git("add", "-A")
        user.git("commit", "-q", "--amend", "-m", "amended")
        made = committed_here(repo)
        assert (".cowork/tasks/pulled.md", pulled) not in made
        assert (".cowork/tasks/pulled.md", pulled) not in committed_here(repo, ".cowork")
        assert ("mine.txt", user.git("rev-parse", "HEAD:mine.txt")) in made


def _tree_with(user: Checkout, path: str, text: str) -> str:
    index = {"GIT_INDEX_FILE": str(user.root / ".git" / "other-index")}
    blob = user.git("hash-object", "-w", "--stdin", stdin=text)
    user.git("read-tree", "HEAD", env=index)
    user.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
    return user.git("write-tree", env=index)


def test_index_and_head_are_asked_by_path(user: Checkout) -> None:
    user.write("staged.txt", "staged\n")
    user.git("add", "staged.txt")
    with user.open() as repo:
        assert index_lists(repo, ["staged.txt", "app.py", "none", "src", "*.py"]) == {"staged.txt", "app.py"}
        assert head_has(repo, "app.py")
        assert not head_has(repo, "staged.txt")


def test_exclude_lines_are_appended_once(user: Checkout) -> None:
    file = user.root / ".git" / "info" / "exclude"
    file.write_bytes(b"# mine\n*.tmp")
    with user.open() as repo:
        for _ in range(2):
            exclude(repo, ["*.tmp", ".cowork/approvals/", ".cowork/approvals/"])
    assert file.read_bytes() == b"# mine\n*.tmp\n.cowork/approvals/\n"


def test_the_id_is_the_same_from_every_worktree(user: Checkout, tmp_path: Path) -> None:
    user.git("worktree", "add", "-q", "--detach", str(tmp_path / "side"))
    other = checkout(tmp_path / "other")
    with user.open() as repo, Repo.open(tmp_path / "side") as side, other.open() as elsewhere:
        assert repo_id(repo) == repo_id(side)
        assert repo_id(repo) != repo_id(elsewhere)
