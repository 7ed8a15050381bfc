"""Every state a repository can be in: it works, or it says in words what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance.landing.site import Site

EDIT = 'cat > /dev/null; echo "$COWORK_TASK" > made.$COWORK_TASK; echo ok'
COMMANDS = (
    ["up"], ["down"], ["status"], ["status", "--json"], ["new", "x"], ["list"], ["show", "x"], ["ready", "x"],
    ["pause", "x"], ["cancel", "x"], ["take", "x"], ["reply", "x", "y"], ["approve", "x"], ["reject", "x"], ["changes", "x"],
    ["diff", "x"], ["land"], ["confirm"], ["trust"], ["agents"], ["events"],
)  # fmt: skip


@pytest.fixture
def bare(tmp_path: Path) -> Generator[Site]:
    """A repository without a commit and without a workspace."""
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_outside_a_workspace_every_command_says_so(bare: Site, words: list[str]) -> None:
    for place in (bare.root, bare.repo):
        done = bare.cmd(*words, check=False, cwd=place)
        assert done.returncode == 3, (done.stdout, done.stderr)
        assert "coworkd init" in done.stderr


def test_a_bare_repository_has_no_place_for_a_workspace(bare: Site) -> None:
    place = bare.root / "bare.git"
    bare.git("init", "-q", "--bare", str(place))
    for words in (["init"], ["status"], ["up"]):
        done = bare.cmd(*words, check=False, cwd=place)
        assert done.returncode == 3
        assert "without a worktree" in done.stderr
    assert bare.cmd("init", check=False, cwd=bare.root).returncode == 3


def test_before_the_first_commit_tasks_wait_and_then_start(bare: Site) -> None:
    assert "commit" in bare.cmd("init").stdout
    bare.agent("ed", EDIT)
    bare.config('approve: []\nverify: ["true"]\n')
    bare.task("t")
    bare.up()
    bare.wait("a reason", lambda: "no commit" in bare.card("t")["why"])
    assert bare.status("t") == "ready"
    assert not bare.field("tasks/t.md", "attempt")
    bare.commit("the first")
    bare.until("t", "done")
    assert bare.field("tasks/t.md", "attempt") == "1"


def test_a_detached_head_needs_a_target_to_be_named(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('approve: []\nverify: ["true"]\n')
    w.git("switch", "-q", "--detach")
    w.task("t")
    w.up()
    w.wait("done, or a reason", lambda: w.status("t") == "done" or "target" in w.card("t")["why"])
    if w.status("t") != "done":
        w.config('approve: []\nverify: ["true"]\nintegration: {target: main}\n')
        w.until("t", "done")
    assert "made.t" in w.tree()
    assert w.git("rev-parse", "--abbrev-ref", "HEAD") == "HEAD"


def test_a_dirty_checkout_is_none_of_a_runs_business(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('approve: []\nverify: ["grep -q 1 app.py"]\n')
    w.write("app.py", "x = 7\n")
    w.write("new.py", "y\n")
    w.git("add", "new.py")
    before = w.git("status", "--porcelain")
    w.task("t")
    w.up()
    w.until("t", "done")
    assert [line for line in w.git("status", "--porcelain").splitlines() if ".cowork" not in line] == [
        line for line in before.splitlines() if ".cowork" not in line
    ]
    assert "new.py" not in w.tree()


def test_init_again_changes_nothing_and_a_branch_in_the_way_is_named(w: Site) -> None:
    w.config("approve: []\n")
    before = {file: file.read_bytes() for file in (w.repo / ".cowork").rglob("*") if file.is_file()}
    exclude = (w.repo / ".git/info/exclude").read_bytes()
    w.cmd("init")
    assert {file: file.read_bytes() for file in (w.repo / ".cowork").rglob("*") if file.is_file()} == before
    assert (w.repo / ".git/info/exclude").read_bytes() == exclude
    other = Site(w.root / "second")
    other.commit("start")
    other.git("branch", "cowork")
    done = other.cmd("init", check=False)
    assert done.returncode == 1
    assert "cowork" in done.stderr
    assert not (other.repo / ".cowork").exists()


def test_git_that_is_missing_or_too_old_is_named(w: Site) -> None:
    tools = w.root / "tools"
    tools.mkdir()
    bash = shutil.which("bash")
    assert bash
    (tools / "bash").symlink_to(bash)
    w.env["PATH"] = str(tools)
    for words in (["up"], ["init"], ["status"], ["land"]):
        done = w.cmd(*words, check=False)
        assert done.returncode == 1, (words, done.stdout, done.stderr)
        assert "git" in done.stderr
        assert "PATH" in done.stderr
    (tools / "git").write_text("#!/bin/bash\necho git version 2.20.1\n")
    (tools / "git").chmod(0o755)
    for words in (["up"], ["init"]):
        done = w.cmd(*words, check=False)
        assert done.returncode == 1
        assert "2.20.1" in done.stderr
        assert "2.38" in done.stderr


def test_one_daemon_for_a_repository_and_its_worktrees(w: Site) -> None:
    w.up()
    w.wait("the daemon", lambda: w.board()["daemon"]["running"])
    other = w.root / "linked"
    w.git("worktree", "add", "-q", "-b", "topic", str(other))
    for words in (["up"], ["init"], ["status"], ["new", "x"]):
        done = w.cmd(*words, check=False, cwd=other)
        assert done.returncode == 3, (words, done.stdout)
        assert f"in {w.repo}: run coworkd there" in done.stderr
    w.down()
    w.cmd("status", cwd=other, check=False)
    moved = w.root / "moved"
    w.repo.rename(moved)
    w.repo = moved
    w.git("worktree", "repair", str(other))
    assert "coworkd is down" in w.cmd("status").stdout


def test_unknown_and_ambiguous_names(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config("")
    w.task("api-one", "status: draft\n".replace("status", "labels").replace("draft", "[x]"))
    w.task("api-two")
    for words in (["show"], ["diff"], ["approve"], ["pause"], ["reply"]):
        extra = ["hello"] if words == ["reply"] else []
        assert w.cmd(*words, "nothing", *extra, check=False).returncode == 1
    for words in (["show"], ["pause"], ["diff"]):
        done = w.cmd(*words, "api", check=False)
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert "api-one" in done.stderr
        assert "api-two" in done.stderr


def test_a_workspace_in_git_and_read_only_files(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('approve: []\nverify: ["true"]\n')
    w.task("t", "labels: [x]\n")
    (w.repo / ".cowork/tasks/t.md").chmod(0o444)
    w.git("add", "-A")
    w.git("commit", "-qm", "the workspace, too")
    w.up()
    w.until("t", "done")
    assert not any(path.startswith(".cowork/approvals") for path in w.tree())
    assert ".cowork/tasks/t.md" in w.tree()
    w.cmd("land")
