"""`coworkd commit`: the workspace is committed, and nothing else of the user's moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.system.git.folder_commit import Committed, commit_folder
from tests.integration.gitkit import Checkout, checkout
from tests.integration.product import coworkd, done, told

TASK = ".cowork/tasks/one.md"


@pytest.fixture
def at(tmp_path: Path) -> Checkout:
    made = checkout(tmp_path / "repo")
    done(made.root, "init")
    made.commit("workspace", {TASK: "---\ntitle: One\n---\nFirst.\n"})
    return made


def status(at: Checkout) -> list[str]:
    return at.git("status", "--porcelain=v1", "-uall").splitlines()


def test_commits_the_workspace_alone(at: Checkout) -> None:
    at.write("src/one.txt", "staged\n")
    at.git("add", "src/one.txt")
    at.write("src/one.txt", "staged, then changed\n")
    at.write("src/two.txt", "changed\n")
    at.write("new.txt", "new\n")
    before, index = status(at), at.git("ls-files", "--stage", "--", "src")
    at.write(TASK, "---\ntitle: Two\n---\nFirst.\n")
    at.write(".cowork/tasks/deep/two.md", "---\ntitle: 2\n---\nDo.\n")
    (at.root / ".cowork/config.yaml").unlink()
    made = told(at.root, "commit", "-m", "The board\n\nWith words.")
    assert made["paths"] == [".cowork/config.yaml", ".cowork/tasks/deep/two.md", TASK]
    assert (status(at), at.git("ls-files", "--stage", "--", "src")) == (before, index)
    assert at.git("rev-parse", "HEAD", "main").split() == [made["commit"]] * 2
    assert at.git("log", "-1", "--format=%B%an") == "The board\n\nWith words.\nAnna"
    assert at.git("show", "HEAD:src/one.txt") == "one"
    assert at.git("fsck", "--no-dangling") == ""


def test_is_a_commit_in_the_reflog_so_that_its_text_counts_as_typed_here(at: Checkout) -> None:
    at.write(TASK, "---\ntitle: Two\n---\nFirst.\n")
    done(at.root, "commit")
    for name in ("HEAD", "main"):
        assert at.git("reflog", "-1", "--format=%gs", name) == "commit: Update .cowork: tasks/one.md"


def test_a_task_that_was_committed_here_is_not_taken_for_a_pulled_one(at: Checkout) -> None:
    at.write(".cowork/tasks/mine.md", "---\nstatus: ready\n---\nDo it.\n")
    at.git("add", "-A")
    at.git("commit", "-qm", "theirs, as a pull would bring it")
    at.git("reflog", "delete", "HEAD@{0}")
    at.write(".cowork/tasks/other.md", "---\nstatus: ready\n---\nDo it, too.\n")
    done(at.root, "commit")
    waiting = {item["task"] for item in told(at.root, "status")["waiting"] if item["kind"] == "pulled"}
    assert waiting == {"mine"}


def test_what_was_staged_of_the_workspace_is_committed_as_it_is_on_disk(at: Checkout) -> None:
    at.write(TASK, "staged\n")
    at.git("add", TASK)
    at.write(TASK, "on disk\n")
    done(at.root, "commit")
    assert (at.git("show", f"HEAD:{TASK}"), status(at)) == ("on disk", [])


def test_ignored_and_temporary_files_stay_out(at: Checkout) -> None:
    for name in ("inbox.md", "approvals/one-1.md", "tasks/.one.md.3f2a~", "messages/one/x.live.md", "tasks/a.log"):
        at.write(f".cowork/{name}", "not for git\n")
    assert told(at.root, "commit") == {"commit": None, "paths": []}
    assert done(at.root, "commit") == "nothing to commit: .cowork/ is as in HEAD\n"


def test_a_failing_hook_of_the_users_is_not_run(at: Checkout) -> None:
    hook = at.root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    at.write(TASK, "x\n")
    done(at.root, "commit")
    assert status(at) == []


def detach(at: Checkout) -> None:
    at.git("checkout", "-q", "--detach")


def merge_half(at: Checkout) -> None:
    at.branch("topic", "main", {"src/one.txt": "theirs\n"})
    at.git("merge", "-q", "--no-commit", "--no-ff", "topic")


def unborn(at: Checkout) -> None:
    at.git("checkout", "-q", "--orphan", "fresh")


def lock(at: Checkout) -> None:
    (at.root / ".git/index.lock").touch()


def sparse(at: Checkout) -> None:
    at.git("update-index", "--skip-worktree", ".cowork/config.yaml")
    (at.root / ".cowork/config.yaml").unlink()


def sparse_from_the_start(at: Checkout) -> None:
    at.git("rm", "-r", "-q", "--cached", ".cowork")
    at.git("commit", "-q", "-m", "not tracked yet")
    at.git("sparse-checkout", "set", "--cone", "src")


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (detach, "HEAD is detached"),
        (merge_half, "a merge is under way"),
        (unborn, "no commit yet"),
        (lock, "another git command is at work"),
        (sparse, "sparse checkout"),
        (sparse_from_the_start, "`git sparse-checkout add .cowork` first"),
    ],
)
def test_refuses_and_touches_nothing(at: Checkout, state: object, reason: str) -> None:
    assert callable(state)
    state(at)
    at.write(TASK, "changed\n")
    before = at.state()
    found = coworkd(at.root, "commit")
    assert (found.returncode, reason in found.stderr) == (1, True), found.stderr
    (at.root / ".git/index.lock").unlink(missing_ok=True)
    assert at.state() == before


def test_an_index_that_lacks_the_last_commit_is_brought_along(at: Checkout) -> None:
    index = at.root / ".git/index"
    at.write(".cowork/tasks/gone.md", "gone\n")
    done(at.root, "commit")
    at.git("rm", "-q", "--cached", ".cowork/config.yaml")
    kept = index.read_bytes()
    at.write(TASK, "changed\n")
    at.write(".cowork/tasks/new.md", "new\n")
    (at.root / ".cowork/tasks/gone.md").unlink()
    done(at.root, "commit")
    index.write_bytes(kept)
    at.write("src/one.txt", "elsewhere\n")
    at.git("commit", "-q", "-m", "elsewhere", "src/one.txt")
    assert done(at.root, "commit") == "nothing to commit: .cowork/ is as in HEAD\n"
    assert status(at) == ["D  .cowork/config.yaml", "?? .cowork/config.yaml"], "what a person staged stays staged"


def test_in_a_linked_worktree_its_own_branch_is_committed_to(at: Checkout) -> None:
    at.git("worktree", "add", "-q", "../linked", "-b", "side")
    linked = Checkout(at.root.parent / "linked")
    linked.write(TASK, "linked\n")
    before = at.git("rev-parse", "main"), status(at)
    with linked.open() as repo:
        made = commit_folder(repo, ".cowork", "")
    assert isinstance(made, Committed)
    assert made.branch == "side"
    assert linked.git("show", f"side:{TASK}") == "linked"
    assert (at.git("rev-parse", "main"), status(at), status(linked)) == (*before, [])
