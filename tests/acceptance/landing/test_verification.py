"""What lands has been verified as it lands: the merged result, by the workspace's and the task's own commands."""

from __future__ import annotations

import pytest

from tests.acceptance.landing.site import Site

EDIT = 'cat > prompt.$COWORK_TASK; echo "$COWORK_TASK" > made.$COWORK_TASK; echo "did $COWORK_TASK"'


def test_every_command_runs_on_the_merged_result_and_what_it_proves_is_ticked(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('approve: []\nverify: ["test -e made.a || test -e made.b", "git rev-parse HEAD^2"]\n')
    criteria = "- [ ] it is there (verify: test -e made.a)\n- [ ] it is beautiful\n"
    w.task("a", 'verify: ["test -e app.py"]\n', body=f"Make a.\n\n{criteria}")
    w.task("b", 'depends_on: [a]\nverify: ["test -e made.a", "test -e made.b"]\n')
    w.up()
    w.until("a", "done")
    w.until("b", "done")
    assert {"made.a", "made.b", "app.py"} <= w.tree()
    w.wait("the tick", lambda: "- [x] it is there (verify: test -e made.a)" in w.text("tasks/a.md"))
    assert "- [ ] it is beautiful" in w.text("tasks/a.md")
    checks = w.card("a")["reviews"][-1]["verify"]
    assert [check["command"] for check in checks] == [
        "test -e made.a || test -e made.b", "git rev-parse HEAD^2", "test -e app.py", "test -e made.a",
    ]  # fmt: skip
    assert w.git("log", "-1", "--format=%(trailers:key=Cowork-Task,valueonly)", "cowork/integration").strip() == "b"


def test_red_is_tried_again_with_the_failure_in_the_prompt_and_fails_in_the_end(w: Site) -> None:
    w.agent("ed", 'cp /dev/stdin "prompt.$COWORK_ATTEMPT"; echo ok')
    w.agent("deaf", EDIT)
    w.config('approve: []\nverify: ["test -e app.py"]\n')
    w.task("late", 'max_attempts: 3\nverify: ["echo the moon is missing >&2; test -e prompt.2"]\n')
    w.task("never", 'max_attempts: 2\nverify: ["echo no sun either; exit 7"]\n', agent="deaf")
    w.up()
    w.until("late", "done")
    assert "the moon is missing" in w.show("cowork/integration:prompt.2")
    assert w.field("tasks/late.md", "attempt") == "2"
    w.until("never", "failed")
    assert "made.never" not in w.tree()
    why = w.card("never")["why"]
    assert "exit 7" in why or "no sun either" in why or "verification" in why, why
    assert "the whole output: .cowork/reviews/never.d/check-2.log" in why
    assert "no sun either" in w.text("reviews/never.d/check-2.log")
    assert w.git("for-each-ref", "refs/cowork/sub/never"), "the work of a failed task is kept"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("test ! -e made.t || echo 2 > app.py", "app.py"),
        ("test ! -e made.t || (echo 2 > app.py && git commit -qam sneaky)", "HEAD"),
        ("test ! -e made.t || exec sleep 100", "too long"),
        ("test ! -e made.t || no-such-program-here", "127"),
    ],
)
def test_a_verification_that_does_something_else_is_red(w: Site, command: str, said: str) -> None:
    w.agent("ed", EDIT)
    w.config(f'approve: []\nverify_timeout: 2\nmax_attempts: 1\nverify: ["{command}"]\n')
    w.task("t")
    w.up()
    w.until("t", "failed")
    assert "made.t" not in w.tree()
    assert w.tree() <= w.tree("main")
    seen = w.card("t")["why"] + "".join(review["notice"] for review in w.card("t")["reviews"])
    assert said in seen, seen


def test_untracked_files_of_a_verification_neither_harm_nor_land(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('approve: []\nverify: ["test ! -e left.over && mkdir -p cache && touch left.over cache/x"]\n')
    w.task("a")
    w.task("b", "depends_on: [a]\n")
    w.up()
    w.until("a", "done")
    w.until("b", "done")
    assert w.tree() == {"README.md", "app.py", "made.a", "made.b", "prompt.a", "prompt.b"}


def test_without_a_command_and_without_a_change_a_person_is_asked(w: Site) -> None:
    w.agent("ed", EDIT)
    w.agent("idle", "echo nothing to do")
    w.config("approve: []\n")
    w.task("unproven")
    w.task("idle", 'verify: ["true"]\n', agent="idle")
    w.up()
    review = w.reviewed("unproven")
    body = review.split("---", 2)[2].strip()
    assert "Not verified" in body.splitlines()[0] or "Not verified" in review.splitlines()[0]
    assert "othing changed" in w.reviewed("idle")
    assert "made.unproven" not in w.tree()
    w.approve("unproven")
    w.approve("idle")
    w.until("unproven", "done")
    w.until("idle", "done")
    assert "made.unproven" in w.tree()


def test_the_tasks_own_word_on_approval_wins(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('approve: [merge]\nverify: ["true"]\n')
    w.task("alone", "approve: []\n")
    w.task("asked")
    w.up()
    w.until("alone", "done")
    w.reviewed("asked")
    assert "made.alone" in w.tree()
    assert "made.asked" not in w.tree()


def test_a_hanging_verification_ends_with_its_tasks_time_or_its_cancelling(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config("approve: []\nmax_attempts: 1\n")
    w.task("slow", 'timeout: 3\nverify: ["sleep 1000"]\n')
    w.up()
    w.until("slow", "failed")
    started = w.scratch / "started"
    w.task("endless", f'verify: ["touch {started}; sleep 1000"]\n')
    w.wait("the verification", started.exists)
    w.cmd("cancel", "endless")
    w.task("next", 'verify: ["true"]\n')
    w.until("next", "done", seconds=30)
    assert w.status("endless") == "cancelled"
    w.task("last", f'verify: ["rm {started}; touch {started}.2; sleep 1000"]\n')
    w.wait("another", (w.scratch / "started.2").exists)
    w.down()
    assert w.daemon is not None
    assert w.daemon.returncode == 0


def test_a_change_that_adds_a_filter_is_its_authors_and_keeps_no_one_else(w: Site) -> None:
    w.agent("bad", "cat > /dev/null; echo '*.bin filter=lfs' > .gitattributes; echo ok")
    w.agent("ed", "cat > /dev/null; echo x > made.$COWORK_TASK; echo ok")
    w.config('approve: []\nmax_attempts: 1\nverify: ["true"]\n')
    w.task("a", agent="bad")
    w.up()
    w.until("a", "failed")
    w.task("b")
    w.until("b", "done")
    assert "filter 'lfs'" in w.card("a")["why"]


def test_submissions_are_verified_for_their_reviews_at_the_same_time_in_gates_of_their_own(w: Site) -> None:
    """The command is green only while another verification is at work in another folder."""
    places = f"{w.scratch}/at.*"
    meet = (
        f"pwd > $(mktemp {w.scratch}/at.XXXXXX); until test $(cat {places} | sort -u | wc -l) = 2; do sleep 0.1; done"
    )
    w.agent("ed", EDIT)
    w.config(
        "approve: [merge]\nparallel_verifications: 2\nverify_timeout: 50\n"
        f'sandbox: {{allow_paths: [{w.scratch}]}}\nverify: ["{meet}"]\n'
    )
    w.task("a")
    w.task("b")
    w.up()
    w.reviewed("a")
    w.reviewed("b")
    w.finish("b")
    w.finish("a")
    assert {"made.a", "made.b"} <= w.tree()


def test_what_lands_together_is_verified_together_and_one_that_is_bad_keeps_no_one_else(w: Site) -> None:
    w.agent("ed", EDIT)
    w.agent("bad", "cat > /dev/null; echo broken > made.$COWORK_TASK; echo ok")
    w.config('approve: []\nmax_attempts: 1\nverify: ["! grep -q broken made.*"]\n')
    tasks = ("a", "b", "c", "d", "e")
    for task in tasks:
        w.task(task, agent="bad" if task == "c" else "ed")
    w.up()
    w.until("c", "failed")
    for task in ("a", "b", "d", "e"):
        w.until(task, "done")
    assert {f"made.{task}" for task in "abde"} <= w.tree()
    assert "made.c" not in w.tree()
    assert "grep -q broken" in w.card("c")["why"]
    landed = w.git(
        "log", "--first-parent", "--format=%(trailers:key=Cowork-Task,valueonly)", "main..cowork/integration"
    )
    assert sorted(landed.split()) == ["a", "b", "d", "e"]
