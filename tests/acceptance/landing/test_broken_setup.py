"""A set-up that fails is a problem of the workspace: no agent is started for it, and no attempt is used."""

from __future__ import annotations

from tests.acceptance.landing.site import Site

EDIT = 'echo x >> @/runs; cat > /dev/null; echo "$COWORK_TASK" > made.$COWORK_TASK; echo ok'
TASKS = [f"t{number}" for number in range(1, 6)]


def _agent(w: Site) -> None:
    w.agent("ed", EDIT.replace("@", str(w.scratch)))


def _runs(w: Site) -> int:
    file = w.scratch / "runs"
    return len(file.read_text().splitlines()) if file.exists() else 0


def _setup_problems(w: Site) -> list[dict[str, object]]:
    return [problem for problem in w.board()["problems"] if "no slot can be made ready" in problem["message"]]


def test_a_broken_set_up_starts_no_agent_and_goes_on_when_it_is_repaired(w: Site) -> None:
    _agent(w)
    head = 'approve: [merge]\nmax_attempts: 1\nconcurrency: 3\nverify: ["test -e app.py"]\n'
    w.config(head + 'setup: ["echo no such package >&2; exit 9"]\n')
    for task in TASKS:
        w.task(task)
    w.up()
    for task in TASKS:
        w.wait(f"{task} waits", lambda task=task: "no slot can be made ready" in w.card(task)["why"])
    (problem,) = _setup_problems(w)
    assert problem["path"] == "config.yaml"
    assert "exit 9" in str(problem["message"])
    assert "no such package" in str(problem["message"])
    w.wait("the output", lambda: "no such package" in w.text("reports/setup.log"))
    assert {w.status(task) for task in TASKS} == {"ready"}
    assert _runs(w) == 0
    w.config(head + 'setup: ["touch fine.log"]\n')
    for task in TASKS:
        w.reviewed(task)
    assert _runs(w) == len(TASKS)
    assert not _setup_problems(w)
    assert {w.field(f"tasks/{task}.md", "attempt") for task in TASKS} == {"1"}


def test_a_commit_on_the_target_repairs_a_set_up(w: Site) -> None:
    _agent(w)
    w.config('approve: []\nmax_attempts: 1\nverify: ["test -e app.py"]\nsetup: ["test -e needed"]\n')
    w.task("t")
    w.up()
    w.wait("it waits", lambda: "no slot can be made ready" in w.card("t")["why"])
    w.write("needed", "yes\n")
    w.git("add", "needed")
    w.git("commit", "-qm", "what set-up needs")
    w.until("t", "done")
    assert _runs(w) == 1


def test_a_set_up_that_only_a_change_breaks_is_its_authors(w: Site) -> None:
    w.write("requirements.txt", "fine\n")
    w.commit("requirements")
    w.agent(
        "ed", "cat > prompt; echo broken > requirements.txt; test $COWORK_ATTEMPT = 1 || git checkout requirements.txt"
    )
    w.config('approve: []\nmax_attempts: 2\nverify: ["true"]\nsetup: ["grep fine requirements.txt"]\n')
    w.task("t")
    w.up()
    w.until("t", "done")
    assert w.field("tasks/t.md", "attempt") == "2"
    assert "grep fine requirements.txt" in w.show("cowork/integration:prompt")


def test_set_up_finds_no_program_of_the_users_checkout(w: Site) -> None:
    """Of an activated environment in the checkout, such a program would change that environment, not the slot's."""
    _agent(w)
    program = w.write("bin/their-pip", "#!/bin/sh\ntouch changed-by-set-up\n")
    program.chmod(0o755)
    w.git("add", "-A")
    w.git("commit", "-qm", "a program")
    w.env["PATH"] = f"{program.parent}:{w.env['PATH']}"
    w.config('approve: []\nmax_attempts: 1\nverify: ["test -e app.py"]\nsetup: ["their-pip"]\n')
    w.task("t")
    w.up()
    w.wait("it waits", lambda: "no slot can be made ready" in w.card("t")["why"])
    assert "their-pip" in str(_setup_problems(w)[0]["message"])
    assert _runs(w) == 0
