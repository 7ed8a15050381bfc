"""What a person does to main and to the integration branch between landings: nothing is lost, nothing comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.landing.site import Site

EDIT = 'cat > /dev/null; ls > seen.$COWORK_TASK; echo "$COWORK_TASK" > $COWORK_TASK.txt; echo ok'
INTEGRATION = "cowork/integration"


def begin(w: Site, approve: str = "[]", *tasks: str) -> None:
    w.agent("ed", EDIT)
    w.config(f'approve: {approve}\nverify: ["true"]\n')
    w.up()
    for task in tasks:
        w.task(task)
        w.until(task, "done")


def by_person(w: Site, path: str, text: str = "mine\n") -> str:
    w.write(path, text)
    w.git("add", path)
    w.git("commit", "-qm", f"add {path}", "--", path)
    return w.git("rev-parse", "HEAD")


def told(w: Site) -> str:
    """Everything that status and inbox say of problems."""
    status = w.board()
    return json.dumps([status["problems"], status["waiting"]]) + w.text("inbox.md")


def why(w: Site, task: str) -> str:
    """Why a task waits; empty while the board does not have it yet."""
    return next((card["why"] or "" for card in w.board()["tasks"] if card["id"] == task), "")


def landed(w: Site, task: str) -> str:
    return w.field(f"tasks/{task}.md", "landed")


def seen(w: Site, task: str, ref: str = INTEGRATION) -> set[str]:
    """What the agent of a task found in its checkout."""
    return set(w.git("show", f"{ref}:seen.{task}").split())


def test_a_target_that_moves_twice_takes_no_landing_away(w: Site) -> None:
    begin(w, "[merge]")
    w.task("a")
    w.finish("a")
    by_person(w, "one.txt")
    w.task("b")
    w.reviewed("b")
    by_person(w, "two.txt")
    w.task("c")
    w.reviewed("c")
    assert "a.txt" in w.tree(INTEGRATION)
    for task in ("b", "c"):
        w.finish(task)
    assert seen(w, "c") >= {"a.txt", "one.txt", "two.txt"}
    w.cmd("land")
    assert w.tree("main") >= {"a.txt", "b.txt", "c.txt", "one.txt", "two.txt"}


def test_two_commits_of_the_workspace_take_no_landing_away(w: Site) -> None:
    begin(w, "[]", "a")
    for name in ("x", "y"):
        w.write(f".cowork/tasks/{name}.md", "---\nstatus: draft\n---\nLater.\n")
        w.cmd("commit")
        w.task(f"after-{name}")
        w.until(f"after-{name}", "done")
    w.cmd("land")
    assert w.tree("main") >= {"a.txt", "after-x.txt", "after-y.txt"}


def test_a_run_starts_with_commits_that_are_on_main_already(w: Site) -> None:
    begin(w, "[]", "a")
    by_person(w, "mine.txt")
    w.task("b", "depends_on: [a]\n")
    w.until("b", "done")
    assert seen(w, "b") >= {"a.txt", "mine.txt"}


def test_a_deleted_branch_comes_back_with_what_landed(w: Site) -> None:
    begin(w, "[]", "a")
    w.git("branch", "-q", "-D", INTEGRATION)
    w.wait("the branch", lambda: w.git("branch", "--list", INTEGRATION))
    w.task("b", "depends_on: [a]\n")
    w.until("b", "done")
    assert "a.txt" in seen(w, "b")
    w.cmd("land")
    assert w.tree("main") >= {"a.txt", "b.txt"}


def test_a_branch_that_is_moved_back_is_told_at_once_and_dependants_wait(w: Site) -> None:
    begin(w, "[]", "a")
    tip = w.git("rev-parse", INTEGRATION)
    w.git("branch", "-q", "-f", INTEGRATION, "main")
    w.wait("the problem", lambda: "is in neither cowork/integration nor main any more" in told(w))
    assert f"`git branch -f {INTEGRATION} {tip[:12]}`" in told(w)
    assert "in neither" in w.card("a")["why"]
    w.task("b", "depends_on: [a]\n")
    w.task("free")
    w.until("free", "done")
    card = w.card("b")
    assert (card["status"], card["blocked_by"]) == ("ready", ["a"])
    assert "landed and lost" in card["why"]
    assert "not in it, though landed: a (see" in w.cmd("land").stdout
    w.git("branch", "-q", "-f", INTEGRATION, tip)
    w.until("b", "done")
    assert "in neither" not in w.card("a")["why"]


def test_what_is_advised_for_a_lost_landing_loses_nothing_that_landed_since(w: Site) -> None:
    begin(w, "[]", "a")
    w.git("branch", "-q", "-f", INTEGRATION, "main")
    w.wait("the problem", lambda: "`git branch -f" in told(w))
    w.task("b")
    w.until("b", "done")
    w.wait("the other advice", lambda: f"`git branch -D {INTEGRATION}` has the branch made again" in told(w))
    assert "`git branch -f" not in told(w)
    w.git("branch", "-q", "-D", INTEGRATION)
    w.wait("both", lambda: w.tree(INTEGRATION) >= {"a.txt", "b.txt"})
    w.wait("the end of it", lambda: "in neither" not in told(w))


def test_a_branch_that_cannot_be_moved_holds_runs_and_uses_no_attempt(w: Site, tmp_path: Path) -> None:
    begin(w, "[]", "a")
    w.git("worktree", "add", "-q", str(tmp_path / "elsewhere"), INTEGRATION)
    w.write(".cowork/tasks/later.md", "---\nstatus: draft\n---\nLater.\n")
    w.cmd("commit")
    w.task("b")
    w.wait("the reason", lambda: "is checked out in a worktree" in why(w, "b"))
    assert (w.card("b")["status"], w.field("tasks/b.md", "attempt")) == ("ready", "0")
    w.git("worktree", "remove", "-f", str(tmp_path / "elsewhere"))
    w.until("b", "done")
    assert w.field("tasks/b.md", "attempt") == "1"


def test_a_branch_moved_to_a_history_of_its_own_is_told_and_uses_no_attempt(w: Site) -> None:
    begin(w, "[]", "a")
    w.git("update-ref", f"refs/heads/{INTEGRATION}", w.git("commit-tree", "-m", "by hand", "HEAD^{tree}"))
    w.wait("the problem", lambda: "no commit in common with main" in told(w))
    w.task("b")
    w.wait("the reason", lambda: "no commit in common" in why(w, "b"))
    assert w.card("b")["status"] == "ready"
    w.git("branch", "-q", "-D", INTEGRATION)
    w.until("b", "done")
    assert w.tree(INTEGRATION) >= {"a.txt", "b.txt"}
    assert "no commit in common" not in told(w)


def test_a_task_whose_landing_fell_out_can_be_done_again(w: Site) -> None:
    begin(w, "[]", "a")
    w.git("branch", "-q", "-f", INTEGRATION, "main")
    w.wait("the problem", lambda: "in neither" in told(w))
    w.cmd("ready", "a")
    w.wait("the second attempt", lambda: "a.txt" in w.tree(INTEGRATION))
    w.until("a", "done")
    assert "in neither" not in told(w)


def test_what_a_person_dropped_from_main_does_not_come_back(w: Site) -> None:
    begin(w, "[]", "a")
    dropped = by_person(w, "bad.txt")
    w.task("b")
    w.until("b", "done")
    assert "bad.txt" in w.tree(INTEGRATION)
    old = w.git("rev-parse", INTEGRATION)
    w.git("reset", "-q", "--hard", "HEAD~1")
    w.wait("the branch made again", lambda: "bad.txt" not in w.tree(INTEGRATION))
    w.wait("the new landing", lambda: not old.startswith(landed(w, "b")))
    w.git("merge-base", "--is-ancestor", landed(w, "b"), INTEGRATION)
    assert old in w.git("for-each-ref", "--format=%(objectname)", "refs/cowork/land").split()
    w.task("c", "depends_on: [b]\n")
    w.until("c", "done")
    w.cmd("land")
    assert w.tree("main") >= {"a.txt", "b.txt", "c.txt"}
    assert "bad.txt" not in w.tree("main")
    assert dropped not in w.git("rev-list", "main").split()


def test_landing_is_refused_until_the_branch_is_made_again(w: Site) -> None:
    begin(w, "[]", "a")
    by_person(w, "bad.txt")
    w.task("b")
    w.until("b", "done")
    w.config('approve: []\nverify: ["test -e bad.txt"]\n')
    w.git("reset", "-q", "--hard", "HEAD~1")
    w.wait("the problem", lambda: "is red as merged again" in told(w))
    done = w.cmd("land", check=False)
    assert done.returncode == 1
    assert "main lost commits that had been taken from it" in done.stderr
    assert "add bad.txt" in done.stderr
    w.config('approve: []\nverify: ["true"]\n')
    w.wait("the branch made again", lambda: "bad.txt" not in w.tree(INTEGRATION))
    w.wait("no problem any more", lambda: "lost commits" not in told(w))
    w.cmd("land")
    assert w.tree("main") >= {"a.txt", "b.txt"}


def test_a_landing_that_no_longer_merges_is_told_and_its_dependants_wait(w: Site) -> None:
    begin(w, "[]", "a")
    by_person(w, "app.py", "taken\n")
    w.agent("over", 'cat > /dev/null; echo "over it" > app.py; echo ok')
    w.task("b", agent="over")
    w.until("b", "done")
    w.git("reset", "-q", "--hard", "HEAD~1")
    w.wait("the problem", lambda: "could not be merged again" in told(w))
    assert "conflict in app.py" in told(w)
    assert "`coworkd ready b`" in told(w)
    w.task("c", "depends_on: [b]\n")
    w.task("d", "depends_on: [a]\n")
    w.until("d", "done")
    assert w.status("c") == "ready"


def test_a_collision_with_main_is_told_at_once_and_so_is_what_a_run_lacks(w: Site) -> None:
    w.agent("over", 'cat > /dev/null; echo "over it" > app.py; echo ok')
    begin(w, "[merge]")
    w.task("a", agent="over")
    w.finish("a")
    by_person(w, "app.py", "collides\n")
    w.wait("the problem", lambda: "main collides with what has landed, in app.py" in told(w))
    assert f"`git merge {INTEGRATION}`" in told(w)
    w.task("b")
    assert "add app.py" in w.reviewed("b")
    assert "add app.py" in w.cmd("show", "b").stdout
    w.git("merge", "-q", "-X", "ours", "-m", "resolved", INTEGRATION)
    w.wait("no problem any more", lambda: "collides" not in told(w))


@pytest.mark.parametrize("how", ["squash", "rebase", "merge", "fast-forward", "cherry-pick"])
def test_what_landed_by_hand_is_neither_lost_nor_brought_twice(w: Site, how: str) -> None:
    begin(w, "[]", "a")
    by_person(w, "mine.txt")
    w.task("b")
    w.until("b", "done")
    match how:
        case "squash":
            w.git("merge", "-q", "--squash", INTEGRATION)
            w.git("commit", "-qm", "squashed")
        case "rebase":
            w.git("rebase", "-q", INTEGRATION)
        case "merge":
            w.git("merge", "-q", "--no-ff", "-m", "by hand", INTEGRATION)
        case "fast-forward":
            w.git("merge", "-q", "--ff-only", INTEGRATION)
        case _:
            w.git("cherry-pick", "-m", "1", f"{INTEGRATION}")
    by_person(w, "more.txt")
    w.task("c", "depends_on: [a, b]\n")
    w.until("c", "done")
    assert seen(w, "c") >= {"a.txt", "b.txt", "mine.txt", "more.txt"}
    w.cmd("land")
    assert w.tree("main") >= {"a.txt", "b.txt", "c.txt", "mine.txt", "more.txt"}
    assert "in neither" not in told(w)


def test_landed_tasks_are_still_known_after_the_database_is_lost(w: Site, tmp_path: Path) -> None:
    begin(w, "[]", "a")
    w.down()
    for file in (w.repo / ".git" / "cowork").glob("*.db*"):
        file.rename(tmp_path / file.name)
    w.git("branch", "-q", "-f", INTEGRATION, "main")
    w.up()
    w.wait("the problem", lambda: "in neither" in told(w))
    w.task("b", "depends_on: [a]\n")
    w.task("free")
    w.until("free", "done")
    assert w.status("b") == "ready"


def test_a_target_that_is_red_with_what_landed_is_told_and_a_task_may_repair_it(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('approve: []\nmax_attempts: 1\nverify: ["test ! -e bad.txt || test -e repaired.txt"]\n')
    w.up()
    w.task("a")
    w.until("a", "done")
    by_person(w, "bad.txt")
    w.task("b")
    w.wait("the problem", lambda: "the checks are red on main merged with what has landed" in told(w))
    w.wait("b waits", lambda: w.status("b") == "merging" and "no attempt" in w.card("b")["why"])
    w.agent("mender", "cat > /dev/null; touch repaired.txt; echo ok")
    w.task("c", agent="mender")
    w.until("c", "done")
    w.until("b", "done")
    w.wait("no problem any more", lambda: "red on main" not in told(w))
    w.cmd("land")
    assert w.tree("main") >= {"a.txt", "b.txt", "bad.txt", "repaired.txt"}
