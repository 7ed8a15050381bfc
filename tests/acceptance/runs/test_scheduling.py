"""What runs when, in what order, how often, and what is said of the rest."""

from __future__ import annotations

from tests.acceptance.workbench import EDIT, Workbench

LOG = 'echo "$COWORK_TASK" >> @SCRATCH@/order\n'


def order(w: Workbench) -> list[str]:
    file = w.scratch / "order"
    return file.read_text().split() if file.exists() else []


def test_a_diamond_lands_in_order(w: Workbench) -> None:
    w.agent("ed", LOG + "ls > seen.$COWORK_TASK\n" + EDIT)
    w.config("agent: ed\napprove: []\n")
    w.task("d", depends_on="[b, c]")
    w.task("b", depends_on="[a]")
    w.task("c", depends_on="[a]")
    w.task("a")
    w.up()
    w.until("d", "done")
    assert order(w)[0] == "a"
    assert order(w)[-1] == "d"
    assert sorted(order(w)) == ["a", "b", "c", "d"]
    assert {"done.a", "done.b", "done.c"} <= set(w.landed("seen.d").split())


def test_a_blocked_task_says_what_it_waits_for(w: Workbench) -> None:
    w.agent("slow", "while [ ! -e @SCRATCH@/go ]; do sleep 0.1; done; echo 1 > f.$COWORK_TASK")
    w.config("agent: slow\napprove: []\n")
    w.task("a")
    w.task("b", depends_on="[a]")
    w.up()
    w.until("a", "running")
    w.wait("b is blocked", lambda: w.card("b")["blocked_by"] == ["a"])
    assert "a" in w.card("b")["why"]
    assert "running" in w.card("b")["why"]
    assert w.status("b") == "ready"
    (w.scratch / "go").touch()
    w.until("b", "done")
    assert w.card("b")["blocked_by"] == []


def test_the_most_urgent_goes_first(w: Workbench) -> None:
    w.agent("ed", LOG + "echo 1 > f.$COWORK_TASK")
    w.config("agent: ed\napprove: []\nconcurrency: 1\n")
    for name, priority in (("l", "low"), ("m", "medium"), ("n", "0.5"), ("u", "urgent"), ("h", "high")):
        w.task(name, priority=priority)
    w.up()
    for name in "lmnuh":
        w.until(name, "done")
    assert order(w) == ["u", "n", "h", "m", "l"]


COUNT = (
    "mkdir -p @SCRATCH@/now; touch @SCRATCH@/now/$COWORK_TASK; ls @SCRATCH@/now | wc -l >> @SCRATCH@/peak; sleep 0.4;"
    " rm @SCRATCH@/now/$COWORK_TASK; echo 1 > f.$COWORK_TASK\n"
)


def peak(w: Workbench) -> int:
    return max(int(n) for n in (w.scratch / "peak").read_text().split())


def test_concurrency_is_never_exceeded(w: Workbench) -> None:
    w.agent("ed", LOG + COUNT)
    w.config("agent: ed\napprove: []\nconcurrency: 2\n")
    names = [f"t{i}" for i in range(7)]
    for name in names:
        w.task(name)
    w.up()
    for name in names:
        w.until(name, "done")
    assert peak(w) == 2
    assert sorted(order(w)) == names


def test_an_agent_has_its_own_limit(w: Workbench) -> None:
    w.agent("ed", COUNT, limits="{concurrency: 1}")
    w.config("agent: ed\napprove: []\nconcurrency: 4\n")
    for name in "abc":
        w.task(name)
    w.up()
    for name in "abc":
        w.until(name, "done")
    assert peak(w) == 1


def test_tasks_that_touch_the_same_files_do_not_overlap(w: Workbench) -> None:
    w.agent("ed", COUNT)
    w.config("agent: ed\napprove: []\n")
    w.task("a", touches='["src/**"]')
    w.task("b", touches='["src/ui/*.py"]')
    w.up()
    w.until("a", "done")
    w.until("b", "done")
    assert peak(w) == 1


def test_an_unknown_dependency_is_a_problem_until_it_is_there(w: Workbench) -> None:
    w.agent("ed", EDIT)
    w.config("agent: ed\napprove: []\n")
    w.task("b", depends_on="[nowhere]")
    w.task("other")
    w.up()
    w.until("other", "done")
    w.wait("the problem", lambda: "nowhere" in w.problems())
    w.task("nowhere")
    w.until("b", "done")
    assert "nowhere" not in w.problems()


def test_a_cycle_holds_only_its_own(w: Workbench) -> None:
    w.agent("ed", EDIT)
    w.config("agent: ed\napprove: []\n")
    w.task("a", depends_on="[b]")
    w.task("b", depends_on="[a]")
    w.task("me", depends_on="[me]")
    w.task("free")
    w.up()
    w.until("free", "done")
    w.wait("the problem", lambda: "tasks/a.md" in w.problems() and "tasks/me.md" in w.problems())
    w.task("b")
    w.until("a", "done")
    assert w.status("me") == "ready"


def test_failed_and_cancelled_dependencies_block_in_plain_sight(w: Workbench) -> None:
    w.agent("ed", EDIT)
    w.agent("bad", "exit 1")
    w.config("agent: ed\napprove: []\n")
    w.task("a", agent="bad", on_error="skip")
    w.task("b", depends_on="[a]")
    w.up()
    w.until("a", "failed")
    w.wait("b says so", lambda: "failed" in w.card("b")["why"] or "failed" in w.problems())
    w.set("tasks/a.md", "status", "done")
    w.until("b", "done")


def test_an_unknown_agent_is_named_and_its_file_starts_the_task(w: Workbench) -> None:
    w.agent("ed", EDIT)
    w.config("approve: []\n")
    w.task("t", agent="ghost")
    w.task("none")
    w.task("ok", agent="ed")
    w.up()
    w.until("ok", "done")
    w.wait("the problem", lambda: "ghost" in w.problems() and "tasks/none.md" in w.problems())
    w.agent("ghost", EDIT)
    w.until("t", "done")
    w.config("approve: []\nagent: ed\n")
    w.until("none", "done")


def test_a_broken_agent_file_that_is_repaired_starts_the_task(w: Workbench) -> None:
    w.config("agent: ed\napprove: []\n")
    w.write(".cowork/agents/ed.md", "---\ndriver: [\n---\n")
    w.task("t")
    w.up()
    w.wait("the problem", lambda: "agents/ed.md" in w.problems())
    w.agent("ed", EDIT)
    w.until("t", "done")


# ---- when it goes wrong


def test_a_failure_is_tried_again_and_told(w: Workbench) -> None:
    w.agent("ed", LOG + "cat > prompt.txt; [ $COWORK_ATTEMPT -ge 3 ] || { echo sorry-$COWORK_ATTEMPT >&2; exit 4; }")
    w.config("agent: ed\napprove: []\nbackoff: 0.3\n")
    w.task("t", max_attempts=3)
    w.up()
    w.until("t", "done")
    assert len(order(w)) == 3
    assert "sorry-2" in w.landed("prompt.txt")
    assert "attempt: 3" in w.text("tasks/t.md")


def test_attempts_run_out_and_ready_starts_afresh(w: Workbench) -> None:
    w.agent("ed", LOG + "[ -e @SCRATCH@/fixed ] || exit 4; echo 1 > f")
    w.config("agent: ed\napprove: []\nbackoff: 0.1\n")
    w.task("t", max_attempts=2)
    w.up()
    w.until("t", "failed")
    w.stays("no more", lambda: len(order(w)) == 2)
    (w.scratch / "fixed").touch()
    w.set("tasks/t.md", "status", "ready")
    w.until("t", "done")
    assert len(order(w)) == 3


def test_abort_starts_nothing_new(w: Workbench) -> None:
    w.agent("ed", EDIT)
    w.agent("bad", "exit 1")
    w.config("agent: ed\napprove: []\n")
    w.task("bad", agent="bad", on_error="abort")
    w.up()
    w.until("bad", "failed")
    w.task("t")
    w.stays("t waits", lambda: w.status("t") == "ready", 2.5)
    assert "bad" in w.card("t")["why"]
    w.set("tasks/bad.md", "status", "cancelled")
    w.until("t", "done")


def test_a_fallback_takes_over_and_the_first_choice_is_probed_again(w: Workbench) -> None:
    w.agent("main", "echo main >> @SCRATCH@/order; [ -e @SCRATCH@/well ] || exit 75; echo 1 > by-main.$COWORK_TASK",
            fallback="[ghost, spare]")  # fmt: skip
    w.agent("spare", "echo spare >> @SCRATCH@/order; echo $COWORK_ATTEMPT > by-spare.$COWORK_TASK")
    w.config("agent: main\napprove: []\nbackoff: 1\n")
    w.task("t", max_attempts=1)
    w.up()
    w.until("t", "done")
    assert order(w) == ["main", "spare"]
    assert w.landed("by-spare.t") == "1"
    assert [run["agent"] for run in w.json("show", "t")["runs"]] in (["main", "spare"], ["spare", "main"])
    assert "spare" in w.cmd("events").stdout
    (w.scratch / "well").touch()
    w.stays("it cools down", lambda: True, 2)
    w.task("u")
    w.until("u", "done")
    assert "by-main.u" in w.tree()
