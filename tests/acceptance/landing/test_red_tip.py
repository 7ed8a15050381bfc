"""What is red without the change is nobody's attempt: shown once, held, and gone on with when it is repaired."""

from __future__ import annotations

import pytest

from tests.acceptance.landing.site import Site

EDIT = 'echo x >> @/runs; cat > prompt.$COWORK_TASK; echo "$COWORK_TASK" > made.$COWORK_TASK; echo ok'
TASKS = [f"t{number}" for number in range(1, 9)]


def _agent(w: Site, script: str = EDIT, name: str = "ed") -> None:
    w.agent(name, script.replace("@", str(w.scratch)))


def _runs(w: Site) -> int:
    return len((w.scratch / "runs").read_text().splitlines())


def _held(w: Site, task: str) -> bool:
    return "without any change" in w.card(task)["why"]


def _verification_problems(w: Site) -> list[dict[str, object]]:
    return [problem for problem in w.board()["problems"] if "without any change" in problem["message"]]


def test_eight_tasks_and_a_broken_command_make_eight_runs_and_one_problem(w: Site) -> None:
    _agent(w)
    w.config('approve: [merge]\nconcurrency: 4\nverify: ["no-such-program-here --all"]\n')
    for task in TASKS:
        w.task(task)
    w.up()
    for task in TASKS:
        w.wait(f"{task} is held", lambda task=task: w.status(task) == "merging" and _held(w, task))
    (problem,) = _verification_problems(w)
    assert problem["path"] == "config.yaml"
    assert "command not found" in str(problem["message"])
    assert "no-such-program-here: command not found" in w.text("reports/verification.log")
    assert "command not found" in w.text("reviews/t1.d/check-1.log")
    untracked = w.git("status", "--porcelain", "--untracked-files=all")
    assert "reports/" not in untracked
    assert ".log" not in untracked
    w.wait("the inbox", lambda: w.text("inbox.md").count("without any change") == 1)
    assert "without any change" in w.cmd("show", "t1").stdout
    assert _runs(w) == len(TASKS)
    w.config('approve: [merge]\nconcurrency: 4\nverify: ["test -e app.py"]\n')
    for task in TASKS:
        w.finish(task)
    assert _runs(w) == len(TASKS)
    assert not _verification_problems(w)
    assert {w.field(f"tasks/{task}.md", "attempt") for task in TASKS} == {"1"}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("test ! -e app.py", "exit 1"),
        ("bash ./missing.sh", "exit 127"),
        ("./app.py", "exit 126"),
        ("kill -9 $$", "signal"),
        ("exec sleep 100", "too long"),
        ("echo 2 > app.py", "app.py"),
    ],
)
def test_what_is_red_on_the_tip_is_not_the_agents(w: Site, command: str, said: str) -> None:
    _agent(w)
    w.config(f'approve: []\nverify_timeout: 2\nmax_attempts: 1\nverify: ["{command}"]\n')
    w.task("t")
    w.up()
    w.wait("t is held", lambda: w.status("t") == "merging" and _held(w, "t"))
    (problem,) = _verification_problems(w)
    assert said in str(problem["message"]) or (said == "signal" and "exit 137" in str(problem["message"]))
    w.config('approve: []\nverify: ["true"]\n')
    w.until("t", "done")
    assert _runs(w) == 1


def test_a_change_that_is_green_lands_and_those_that_were_held_go_on(w: Site) -> None:
    _agent(w)
    _agent(w, "cat > /dev/null; touch repaired; echo ok", "repairer")
    w.config('approve: []\nverify: ["test -e repaired"]\n')
    w.task("held")
    w.up()
    w.wait("it is held", lambda: w.status("held") == "merging" and _held(w, "held"))
    w.task("repair", agent="repairer")
    w.until("repair", "done")
    w.until("held", "done")
    assert {"repaired", "made.held"} <= w.tree()
    assert _runs(w) == 1
    assert not _verification_problems(w)


def test_a_commit_of_the_users_on_the_target_repairs_it(w: Site) -> None:
    _agent(w)
    w.config('approve: []\nverify: ["test -e repaired"]\n')
    w.task("held")
    w.up()
    w.wait("it is held", lambda: w.status("held") == "merging" and _held(w, "held"))
    w.write("repaired", "yes\n")
    w.git("add", "repaired")
    w.git("commit", "-qm", "repair")
    w.until("held", "done")
    assert _runs(w) == 1


def test_a_change_that_breaks_what_was_green_is_its_authors(w: Site) -> None:
    w.write("check.sh", "true\n")
    w.commit("check")
    _agent(w, "echo x >> @/runs; cat > prompt; rm -f check.sh; test $COWORK_ATTEMPT = 1 || git checkout check.sh")
    w.config('approve: []\nmax_attempts: 2\nverify: ["bash check.sh"]\n')
    w.task("t")
    w.up()
    w.until("t", "done")
    assert w.field("tasks/t.md", "attempt") == "2"
    assert "check.sh" in w.show("cowork/integration:prompt")


def test_a_criterion_is_red_without_the_change_by_nature(w: Site) -> None:
    _agent(w)
    w.config('approve: []\nmax_attempts: 2\nverify: ["test -e app.py"]\n')
    w.task("t", body="Make it.\n\n- [ ] there (verify: test -e never)\n")
    w.up()
    w.until("t", "failed")
    assert _runs(w) == 2
    assert not _verification_problems(w)


def test_a_criterion_that_cannot_be_run_is_a_problem_of_its_task(w: Site) -> None:
    _agent(w)
    w.config('approve: []\nverify: ["test -e app.py"]\n')
    w.task("t", body="Make it.\n\n- [ ] there (verify: tesst -e made.t)\n")
    w.task("u")
    w.up()
    w.until("u", "done")
    w.wait("t is held", lambda: w.status("t") == "merging" and _held(w, "t"))
    (problem,) = _verification_problems(w)
    assert problem["path"] == "tasks/t.md"
    w.write(".cowork/tasks/t.md", w.text("tasks/t.md").replace("verify: tesst", "verify: test"))
    w.until("t", "done")
    assert _runs(w) == 2


def test_a_red_tip_holds_across_a_restart_and_a_held_task_can_be_cancelled(w: Site) -> None:
    _agent(w)
    w.config('approve: []\nverify: ["test -e repaired"]\n')
    w.task("a")
    w.task("b")
    w.up()
    for task in ("a", "b"):
        w.wait(f"{task} is held", lambda task=task: w.status(task) == "merging" and _held(w, task))
    w.down()
    assert len(_verification_problems(w)) == 1
    w.up()
    w.cmd("cancel", "a")
    w.until("a", "cancelled")
    assert len(_verification_problems(w)) == 1
    w.cmd("cancel", "b")
    w.wait("the problem is gone", lambda: not _verification_problems(w))
    assert _runs(w) == 2


def test_what_landed_red_is_handled_alike(w: Site) -> None:
    _agent(w)
    w.config("approve: [merge]\n")
    w.task("unverified")
    w.up()
    w.finish("unverified")
    w.config('approve: []\nverify: ["test ! -e made.unverified"]\n')
    w.task("t")
    w.wait("t is held", lambda: w.status("t") == "merging" and _held(w, "t"))
    w.set("reviews/unverified.md", "status", "revert")
    w.until("t", "done")
    assert _runs(w) == 2
    assert "made.unverified" not in w.tree()


def test_a_verifier_that_was_killed_once_is_started_again(w: Site) -> None:
    _agent(w)
    killed = w.scratch / "killed"
    w.config(f'approve: []\nmax_attempts: 1\nverify: ["test -e {killed} || {{ touch {killed}; kill -9 $$; }}"]\n')
    w.task("t")
    w.up()
    w.until("t", "done")
    assert _runs(w) == 1
    assert not _verification_problems(w)


def test_a_loop_goes_on_while_it_is_red_and_waits_where_nothing_can_be_verified(w: Site) -> None:
    _agent(w, "echo x >> @/runs; cat > /dev/null; echo x >> work.txt; echo '<promise>DONE</promise>'")
    w.config('approve: []\nmax_attempts: 1\nverify: ["no-such-program-here"]\n')
    w.task("t", "loop: {promise: <promise>DONE</promise>, max_iterations: 3}\n")
    w.up()
    w.wait("it is held", lambda: w.status("t") == "merging" and _held(w, "t"))
    assert _runs(w) == 1
    w.config('approve: []\nmax_attempts: 1\nverify: ["test $(wc -l < work.txt) -ge 2"]\n')
    w.until("t", "done")
    assert _runs(w) == 2


def test_a_review_names_the_whole_output(w: Site) -> None:
    _agent(w)
    w.config('verify: ["echo first of all", "echo second of all"]\n')
    w.task("t")
    w.up()
    assert "The whole output: `reviews/t.d/check-1.log` to `check-2.log`" in w.reviewed("t")
    assert w.text("reviews/t.d/check-2.log") == "second of all\n"
