"""A task that starts from a change before that lands, and lands behind it."""

from __future__ import annotations

from tests.acceptance.landing.site import Site

EDIT = """
cat > "prompt.$COWORK_TASK"
ls made.* > "seen.$COWORK_TASK" 2>/dev/null
echo "$COWORK_ATTEMPT of $COWORK_TASK" > "made.$COWORK_TASK"
echo "did $COWORK_TASK"
"""


def test_a_stacked_task_starts_from_a_change_in_review_follows_it_and_lands_behind_it(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('approve: [merge]\nverify: ["test -e app.py"]\n')
    w.task("low")
    w.task("top", "depends_on: [low]\nstack: true\n")
    w.up()
    w.reviewed("low")
    review = w.reviewed("top")
    assert "stacked on low (submission 1), which lands first" in review
    assert "made.top" in review
    assert "made.low (" not in review, "the review is about the change of this task alone"
    assert "+++ b/made.low" not in review
    assert "stacked on low (submission 1), and lands behind that" in w.card("top")["why"]
    assert w.card("top")["stacked_on"] == [{"task": "low", "submission": 1}]
    assert any(line.split()[:3] == ["stacked", "on", "low"] for line in w.cmd("show", "top").stdout.splitlines())
    assert w.show("refs/cowork/sub/top/1:seen.top").split() == ["made.low"]
    assert "changes of other tasks that have not landed yet: low." in w.show("refs/cowork/sub/top/1:prompt.top")

    w.cmd("approve", "top")
    w.cmd("changes", "low", "--comment", "Once more.")
    w.wait("the next submission", lambda: w.field("reviews/low.md", "attempt") == "2")
    w.wait("the move", lambda: "low (submission 2)" in w.card("top")["why"])
    w.cmd("approve", "low")
    w.until("low", "done")
    w.until("top", "done")
    assert w.show("cowork/integration:made.low").strip() == "2 of low"
    assert w.show("cowork/integration:made.top").strip() == "1 of top"
    landed = w.git(
        "log", "--reverse", "--first-parent", "--format=%(trailers:key=Cowork-Task,valueonly)", "cowork/integration"
    )
    assert landed.split() == ["low", "top"]
    assert "is verified again" in w.cmd("log", "top").stdout

    w.task("base")
    w.task("upon", "depends_on: [base]\nstack: true\n")
    w.reviewed("upon")
    w.cmd("reject", "base")
    w.until("base", "failed")
    w.wait("the reason", lambda: "stacked on base, which is failed: it is blocked" in w.card("upon")["why"])
