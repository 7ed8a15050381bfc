"""The target branch moves under the daemon's feet, and nothing but `coworkd land` ever moves it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.acceptance.landing.site import Site

EDIT = 'cat > /dev/null; echo "$COWORK_TASK" > made.$COWORK_TASK; ls > seen.$COWORK_TASK; echo ok'


def _alone(w: Site, verify: str = "test -e app.py") -> None:
    w.agent("ed", EDIT)
    w.config(f'approve: []\nverify: ["{verify}"]\n')


def test_a_persons_commits_come_in_verified_before_the_next_landing(w: Site) -> None:
    _alone(w, f"ls >> {w.scratch}/verified; test ! -e bad")
    w.task("a")
    w.up()
    w.until("a", "done")
    w.write("mine.txt", "mine\n")
    w.commit("mine")
    w.task("b", "max_attempts: 1\n")
    w.until("b", "done")
    assert {"mine.txt", "made.a", "made.b"} <= w.tree()
    assert "mine.txt" in (w.scratch / "verified").read_text()
    assert w.git("merge-base", "main", "cowork/integration") == w.git("rev-parse", "main")
    assert "2 landed changes are not in your branch yet: `coworkd land`" in w.cmd("status").stdout
    assert w.cmd("land").stdout
    w.wait("nothing left to land", lambda: "not in your branch yet" not in w.cmd("status").stdout)
    assert {"mine.txt", "made.a", "made.b"} <= w.tree("main")
    assert (w.repo / "made.b").exists()
    assert w.git("status", "--porcelain", "--untracked-files=no") == ""
    assert "nothing to land" in w.cmd("land").stdout
    w.task("c")
    w.until("c", "done")
    w.cmd("land")
    assert "made.c" in w.tree("main")


def test_commits_of_the_workspace_alone_need_no_verification(w: Site) -> None:
    counted = w.scratch / "count"
    _alone(w, f"echo x >> {counted}")
    w.task("a")
    w.up()
    w.until("a", "done")
    before = counted.read_text()
    w.git("add", ".cowork")
    w.git("commit", "-qm", "the workspace")
    w.task("b")
    w.until("b", "done")
    assert counted.read_text().count("x") == before.count("x") + 1
    w.down()
    w.cmd("land")
    assert {"made.a", "made.b"} <= w.tree("main")


def test_after_a_squash_integration_starts_again_from_the_target(w: Site) -> None:
    _alone(w)
    w.task("a")
    w.up()
    w.until("a", "done")
    w.git("merge", "--squash", "-q", "cowork/integration")
    w.git("commit", "-qm", "squashed")
    w.task("b")
    w.until("b", "done")
    assert w.git("rev-list", "--first-parent", "--count", "main..cowork/integration") == "1"
    w.cmd("land")
    assert {"made.a", "made.b"} <= w.tree("main")


def test_integration_moved_by_hand_during_a_verification_is_verified_again(w: Site) -> None:
    go, started = w.scratch / "go", w.scratch / "started"
    w.agent("ed", EDIT)
    w.config("approve: []\n")
    w.task("first", 'verify: ["true"]\n')
    w.up()
    w.until("first", "done")
    w.task("t", f'verify: ["ls >> {w.scratch}/seen; touch {started}; until test -e {go}; do sleep 0.1; done"]\n')
    w.wait("the verification", started.exists)
    w.git("worktree", "add", "-q", "--detach", str(w.root / "other"), "cowork/integration")
    w.git("-C", str(w.root / "other"), "commit", "-q", "--allow-empty", "-m", "by hand")
    moved = w.git("-C", str(w.root / "other"), "rev-parse", "HEAD")
    w.git("update-ref", "refs/heads/cowork/integration", moved)
    go.touch()
    w.until("t", "done")
    assert w.git("merge-base", moved, "cowork/integration") == moved
    assert {"made.first", "made.t"} <= w.tree()


def test_a_checked_out_integration_branch_is_left_alone_and_said_so(w: Site) -> None:
    _alone(w)
    w.task("a")
    w.up()
    w.until("a", "done")
    w.git("switch", "-q", "cowork/integration")
    at = w.git("rev-parse", "cowork/integration")
    w.task("b")
    w.wait("a word about it", lambda: "checked out" in w.problems())
    assert w.git("rev-parse", "cowork/integration") == at
    w.git("switch", "-q", "main")
    w.until("b", "done")
    assert "checked out" not in w.problems()


def test_other_names_for_integration_and_target(w: Site) -> None:
    w.git("branch", "develop")
    w.agent("ed", EDIT)
    w.config('approve: []\nverify: ["true"]\nintegration: {branch: agents/next, target: develop}\n')
    w.task("a")
    w.up()
    w.until("a", "done")
    assert "made.a" in w.tree("agents/next")
    assert w.tree("cowork/integration") == set()
    refused = w.cmd("land", check=False)
    assert refused.returncode == 1
    assert "develop" in refused.stderr
    w.git("switch", "-q", "develop")
    w.cmd("land")
    assert "made.a" in w.tree("develop")
    assert "made.a" not in w.tree("main")


def test_land_refuses_where_it_would_be_in_the_way(w: Site) -> None:
    w.agent("ed", "cat > /dev/null; echo 2 > app.py; echo new > new.txt; echo ok")
    w.config('approve: []\nverify: ["true"]\n')
    w.task("a")
    w.up()
    w.until("a", "done")
    main = w.git("rev-parse", "main")

    def refused(*words: str) -> None:
        done = w.cmd("land", check=False)
        assert done.returncode == 1
        assert all(word in done.stderr for word in words), done.stderr
        assert w.git("rev-parse", "main") == main

    w.write("app.py", "mine\n")
    refused("app.py")
    w.git("add", "app.py")
    refused("app.py")
    w.git("reset", "-q", "--hard")
    w.write("new.txt", "mine\n")
    refused("new.txt")
    assert (w.repo / "new.txt").read_text() == "mine\n"
    (w.repo / "new.txt").unlink()
    w.git("switch", "-q", "--detach")
    refused("detached")
    w.git("switch", "-q", "-c", "topic")
    refused("topic", "main")
    w.git("switch", "-q", "main")
    w.git("switch", "-q", "-c", "side", "main")
    w.write("README.md", "side\n")
    w.git("commit", "-qam", "side")
    w.git("switch", "-q", "main")
    w.git("merge", "--no-commit", "--no-ff", "-q", "side")
    refused("merge")
    w.git("merge", "--abort")
    w.write("README.md", "kept\n")
    w.write("untracked.txt", "kept\n")
    w.cmd("land")
    assert (w.repo / "app.py").read_text() == "2\n"
    assert (w.repo / "README.md").read_text() == "kept\n"
    assert (w.repo / "untracked.txt").exists()


def test_land_says_when_target_and_landings_collide(w: Site) -> None:
    w.agent("ed", "cat > /dev/null; echo 2 > app.py; echo ok")
    w.config('approve: []\nverify: ["true"]\n')
    w.task("a")
    w.up()
    w.until("a", "done")
    w.write("app.py", "mine\n")
    w.git("commit", "-qam", "mine")
    done = w.cmd("land", check=False)
    assert done.returncode == 1
    assert "app.py" in done.stderr
    assert (w.repo / "app.py").read_text() == "mine\n"


def test_landing_while_a_verification_is_at_work_takes_no_files_from_it(w: Site) -> None:
    started, go = w.scratch / "started", w.scratch / "go"
    w.agent("ed", EDIT)
    w.config('approve: []\nmax_attempts: 1\nverify: ["test -e app.py"]\n')
    w.task("first")
    w.up()
    w.until("first", "done")
    w.task("t", f'verify: ["touch {started}; until test -e {go}; do sleep 0.1; done; test -e made.t"]\n')
    w.wait("the verification", started.exists)
    _commit(w, "mine.txt")
    w.cmd("land")
    assert {"mine.txt", "made.first"} <= w.tree("main")
    go.touch()
    w.until("t", "done")
    assert w.field("tasks/t.md", "attempt") == "1"
    assert {"mine.txt", "made.first", "made.t"} <= w.tree()


def test_land_names_the_check_that_is_red(w: Site) -> None:
    _alone(w, "test ! -e bad")
    w.task("a", 'verify: ["test -e made.a"]\n')
    w.up()
    w.until("a", "done")
    _commit(w, "bad")
    done = w.cmd("land", check=False)
    assert done.returncode == 1
    assert "checks are red" in done.stderr
    assert "`test ! -e bad`: exit 1" in done.stderr


def test_a_branch_that_moves_during_the_verification_of_the_target_is_not_called_red(w: Site) -> None:
    started, go = w.scratch / "started", w.scratch / "go"
    w.agent("ed", EDIT)
    w.config('approve: []\nverify: ["test -e app.py"]\n')
    w.task("a")
    w.up()
    w.until("a", "done")
    w.config(f'approve: []\nverify: ["touch {started}; until test -e {go}; do sleep 0.1; done"]\n')
    _commit(w, "mine.txt")
    with ThreadPoolExecutor(1) as pool:
        landing = pool.submit(w.cmd, "land")
        w.wait("the verification of the target", started.exists)
        tip = w.git("rev-parse", "cowork/integration")
        by_hand = w.git("commit-tree", f"{tip}^{{tree}}", "-p", tip, "-m", "by hand")
        w.git("update-ref", "refs/heads/cowork/integration", by_hand, tip)
        go.touch()
        landing.result()
    assert w.git("merge-base", by_hand, "main") == by_hand
    assert {"mine.txt", "made.a"} <= w.tree("main")


def _commit(w: Site, path: str) -> None:
    w.write(path, f"{path}\n")
    w.git("add", path)
    w.git("commit", "-qm", f"add {path}")
