"""What has landed can be taken back and brought again, by a word in its review."""

from __future__ import annotations

from tests.acceptance.landing.site import Site

EDIT = 'cat > /dev/null; echo "$COWORK_TASK" > made.$COWORK_TASK; echo "$COWORK_TASK" >> log.txt; echo ok'


def _landed(w: Site, *tasks: str, verify: str = "true", needs: str = "") -> None:
    w.agent("ed", EDIT)
    w.config(f'approve: []\nverify: ["{verify}"]\n')
    w.up()
    for task in tasks:
        w.task(task, needs if task != tasks[0] else "")
        w.until(task, "done")


def _says(w: Site, task: str, status: str) -> None:
    w.wait(f"the review of {task} says {status}", lambda: w.field(f"reviews/{task}.md", "status") == status)


def test_revert_then_apply_gives_the_same_tree(w: Site) -> None:
    w.agent("ed", 'cat > /dev/null; echo "$COWORK_TASK" > made.$COWORK_TASK; echo ok')
    w.config('approve: [merge]\nverify: ["true"]\n')
    w.up()
    w.task("a", body="Do it.\n\n- [ ] it is there (verify: test -e made.a)\n")
    w.finish("a")
    w.task("b")
    w.finish("b")
    tree = w.git("rev-parse", "cowork/integration^{tree}")
    landed = w.field("tasks/a.md", "landed")
    w.set("reviews/a.md", "status", "revert")
    _says(w, "a", "reverted")
    assert "made.a" not in w.tree()
    assert {"made.b", "app.py"} <= w.tree()
    w.wait("the task says so", lambda: w.field("tasks/a.md", "reverted") and not w.field("tasks/a.md", "landed"))
    assert w.status("a") == "done"
    assert "taken back" in w.card("a")["why"]
    w.cmd("apply", "a")
    _says(w, "a", "landed")
    assert w.git("rev-parse", "cowork/integration^{tree}") == tree
    w.wait("the task says so", lambda: w.field("tasks/a.md", "landed") not in ("", landed))
    assert w.field("tasks/a.md", "reverted") == ""
    w.cmd("revert", "a")
    _says(w, "a", "reverted")
    assert "made.a" not in w.tree()
    w.cmd("land")
    assert "made.a" not in w.tree("main")
    assert w.problems() == ""


def test_what_depends_on_a_reverted_task_waits_for_it(w: Site) -> None:
    _landed(w, "a")
    w.cmd("revert", "a")
    _says(w, "a", "reverted")
    w.task("b", "depends_on: [a]\n")
    w.wait("b waits", lambda: any(t["id"] == "b" and "waits for a" in t["why"] for t in w.board()["tasks"]))
    w.cmd("apply", "a")
    w.until("b", "done")


def test_a_revert_that_collides_is_put_back_with_the_reason(w: Site) -> None:
    _landed(w, "a", "b", needs="depends_on: [a]\n")
    before = w.git("rev-parse", "cowork/integration")
    w.cmd("revert", "a")
    w.wait("the reason", lambda: "log.txt" in w.problems())
    _says(w, "a", "landed")
    assert w.git("rev-parse", "cowork/integration") == before
    w.cmd("revert", "b")
    _says(w, "b", "reverted")
    w.cmd("revert", "a")
    _says(w, "a", "reverted")
    assert not {"made.a", "made.b", "log.txt"} & w.tree()
    assert w.problems() == ""


def test_a_revert_that_would_be_red_is_put_back(w: Site) -> None:
    _landed(w, "a", verify=f"test -e made.a || test ! -e {w.scratch}/strict")
    (w.scratch / "strict").touch()
    w.cmd("revert", "a")
    w.wait("the reason", lambda: "red" in w.problems())
    _says(w, "a", "landed")
    assert "made.a" in w.tree()


def test_what_cannot_be_taken_back_is_said_at_once(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('verify: ["true"]\n')
    w.up()
    w.task("a")
    w.reviewed("a")
    for word in ("revert", "apply"):
        done = w.cmd(word, "a", check=False)
        assert done.returncode == 1
        assert "review" in done.stderr
    _says(w, "a", "open")
    w.approve("a")
    w.until("a", "done")
    done = w.cmd("apply", "a", check=False)
    assert done.returncode == 1
    assert "not taken back" in done.stderr
    _says(w, "a", "landed")


def test_a_revert_after_a_squash_takes_just_that_change_back(w: Site) -> None:
    w.agent("ed", 'cat > /dev/null; echo "$COWORK_TASK" > made.$COWORK_TASK; echo ok')
    w.config('approve: []\nverify: ["true"]\n')
    w.up()
    for task in ("a", "b"):
        w.task(task)
        w.until(task, "done")
    w.git("merge", "--squash", "-q", "cowork/integration")
    w.git("commit", "-qm", "squashed")
    w.cmd("revert", "a")
    _says(w, "a", "reverted")
    assert "made.a" not in w.tree()
    assert "made.b" in w.tree()
    w.cmd("land")
    assert "made.a" not in w.tree("main")


def test_a_revert_is_carried_out_once_over_a_kill(w: Site) -> None:
    _landed(w, "a")
    w.down()
    w.set("reviews/a.md", "status", "revert")
    w.up()
    _says(w, "a", "reverted")
    landings = w.git("rev-list", "--count", "--first-parent", "cowork/integration")
    w.down()
    w.up()
    w.task("z")
    w.until("z", "done")
    assert int(w.git("rev-list", "--count", "--first-parent", "cowork/integration")) == int(landings) + 1


def test_land_auto_moves_the_target_by_itself(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('approve: []\nverify: ["true"]\nintegration: {land: auto}\n')
    w.task("a")
    w.up()
    w.until("a", "done")
    w.wait("the target has it", lambda: "made.a" in w.tree("main"))
    assert (w.repo / "made.a").exists()
    w.write("log.txt", "mine\n")
    w.task("b")
    w.until("b", "done")
    w.wait("the reason", lambda: "log.txt" in w.problems())
    assert (w.repo / "log.txt").read_text() == "mine\n"
    assert "made.b" not in w.tree("main")


def test_landing_onto_a_target_that_is_not_checked_out(w: Site) -> None:
    _landed(w, "a")
    w.git("switch", "-q", "-c", "topic")
    assert w.cmd("land", check=False).returncode == 1
    assert "main" in w.cmd("land", "--onto", "topic", check=False).stderr
    w.cmd("land", "--onto", "main")
    assert "made.a" in w.tree("main")
    assert w.git("symbolic-ref", "--short", "HEAD") == "topic"


def test_of_a_task_that_was_done_twice_the_latest_change_is_taken_back_and_the_first_is_named(w: Site) -> None:
    w.agent("ed", 'cat > /dev/null; echo x > "made.$COWORK_ATTEMPT"; echo ok')
    w.config('approve: []\nverify: ["true"]\n')
    w.up()
    w.task("a")
    w.until("a", "done")
    first = w.field("tasks/a.md", "landed")
    w.cmd("ready", "a")
    w.wait("the second change", lambda: {"made.1", "made.2"} <= w.tree())
    w.until("a", "done")
    w.cmd("revert", "a")
    w.wait("it is taken back", lambda: "made.2" not in w.tree())
    w.wait("the first is named", lambda: w.field("tasks/a.md", "landed") == first)
    assert f"what it landed before stands, as {first}" in w.card("a")["why"]
    assert "made.1" in w.tree()
    w.cmd("revert", "a")
    _says(w, "a", "reverted")
    assert w.tree().isdisjoint({"made.1", "made.2"})
