"""`pattern: team`: several proposals, tried, and chosen by rules, a jury, or a person."""

from __future__ import annotations

import pytest

from tests.acceptance.workbench import Workbench

PROPOSALS = r"""
cat > prompt.$COWORK_STEP
case "$COWORK_STEP" in
propose.a) echo "x = 2" > app.py; echo broken > broken ;;
propose.b) echo "x = 3" > app.py; git rm -q tests/test_app.py ;;
propose.c) printf 'x = 4\n# more\n# lines\n' > app.py ;;
propose.*) ;;
esac
git rm -q --cached prompt.$COWORK_STEP 2>/dev/null; rm -f prompt.$COWORK_STEP
echo "proposal of $COWORK_STEP"
"""


def _repository(w: Workbench) -> None:
    w.write("tests/test_app.py", "def test_app():\n    assert True\n")
    w.git("add", "-A")
    w.git("commit", "-qm", "tests")


def test_a_proposal_that_deletes_a_test_never_wins_while_another_green_one_stands(w: Workbench) -> None:
    _repository(w)
    w.agent("bot", PROPOSALS)
    w.config("agent: bot\nverify: ['test ! -e broken']\n")
    w.task("better", pattern="team")
    w.up()
    w.until("better", "review")
    text = w.text("reviews/better.md")
    assert "propose.c (taken)" in text, text
    assert "leaves tests intact" in text
    assert w.json("show", "better")["verdict"]["of"] == "propose.c"
    assert sorted(run["step"] for run in w.json("show", "better")["runs"]) == ["propose.a", "propose.b", "propose.c"]
    assert w.git("show", "cowork/task/better:app.py").startswith("x = 4"), "the branch is the chosen change, no other"
    w.review("better")
    w.until("better", "done")
    assert w.landed("app.py").startswith("x = 4")


TIE = r"""
cat > /dev/null
case "$COWORK_ROLE" in
proposer) echo "x = $COWORK_STEP" > app.py; echo "it is $COWORK_STEP" ;;
*) echo "I cannot say" ;;
esac
"""


def test_where_no_rule_chooses_a_person_does(w: Workbench) -> None:
    w.agent("bot", TIE)
    w.config("agent: bot\nverify: ['true']\n")
    w.write(
        ".cowork/tasks/better.md",
        "---\nstatus: ready\npattern: {name: team, members: [bot, bot], risk: high}\n---\nDo it.\n",
    )
    w.up()
    w.until("better", "waiting")
    (item,) = [item for item in w.json("status")["waiting"] if item["task"] == "better"]
    assert (item["kind"], item["path"]) == ("choose", "reviews/better.md")
    text = w.text("reviews/better.md")
    assert "| a |" in text, text
    assert "How it was decided" in text
    assert w.cmd("choose", "better", "z", check=False).returncode != 0
    w.cmd("choose", "better", "b")
    w.until("better", "review")
    w.review("better")
    w.until("better", "done")
    assert w.landed("app.py") == "x = propose.b"


def test_a_daemon_that_is_killed_goes_on_with_the_steps_that_it_had_not_ended(w: Workbench) -> None:
    w.agent("bot", PROPOSALS + '[ "$COWORK_STEP" = propose.b ] && { [ -e ../../../stop ] || sleep 600; }; true\n')
    _repository(w)
    w.config("agent: bot\nverify: ['test ! -e broken']\n")
    w.task("better", pattern="team")
    w.up()
    w.wait("two proposals", lambda: _ended_steps(w) == ["propose.a", "propose.c"])
    w.kill9()
    w.agent("bot", PROPOSALS)
    w.up()
    w.until("better", "review")
    steps = [run["step"] for run in w.json("show", "better")["runs"]]
    assert steps.count("propose.a") == steps.count("propose.c") == 1, w.cmd("log", "better").stdout
    assert w.json("show", "better")["verdict"]["of"] == "propose.c"


def _ended_steps(w: Workbench) -> list[str]:
    return sorted(run["step"] for run in w.json("show", "better")["runs"] if run["state"] == "ended")


ASLEEP = "cat > /dev/null; sleep 600\n"


def _three_at_work(w: Workbench) -> None:
    w.agent("bot", ASLEEP)
    w.config("agent: bot\nverify: ['true']\n")
    w.task("better", pattern="team")
    w.up()
    w.wait("three runs", lambda: len([r for r in w.json("show", "better")["runs"] if r["state"] == "working"]) == 3)


def test_pause_ends_every_live_run_and_ready_goes_on(w: Workbench) -> None:
    _three_at_work(w)
    w.cmd("pause", "better")
    w.wait("no process left", lambda: not w.survivors(b"sleep 600") and w.status("better") == "paused")
    w.wait("every run over", lambda: {run["state"] for run in w.json("show", "better")["runs"]} == {"ended"})
    w.agent("bot", 'cat > /dev/null; echo "x = 2" > app.py\n')
    w.cmd("ready", "better")
    w.until("better", "review")
    assert {run["attempt"] for run in w.json("show", "better")["runs"]} == {1}


@pytest.mark.parametrize("end", ["cancel", "deletion"])
def test_the_end_of_a_task_ends_every_live_run(w: Workbench, end: str) -> None:
    _three_at_work(w)
    if end == "cancel":
        w.cmd("cancel", "better")
    else:
        w.cow("tasks/better.md").unlink()
    w.wait("no process left", lambda: not w.survivors(b"sleep 600"))
    w.wait("every run over", lambda: {run["state"] for run in w.json("show", "better")["runs"]} == {"ended"})


BIASED = r"""
cat > /dev/null
case "$COWORK_ROLE" in
proposer) echo "x = $COWORK_STEP" > app.py ;;
juror) printf '```ballot\nrank: [a, b]\nbecause: "the first one"\n```\n' ;;
esac
"""


def test_a_juror_that_prefers_a_place_counts_for_nobody(w: Workbench) -> None:
    w.agent("bot", BIASED)
    w.config("agent: bot\nverify: ['true']\n")
    w.write(
        ".cowork/tasks/better.md",
        "---\nstatus: ready\npattern: {name: team, members: [bot, bot]}\n---\nDo it.\n",
    )
    w.up()
    w.until("better", "review")
    tally = w.json("show", "better")["verdict"]["tally"]
    assert [line for line in tally if line.startswith("jury: ")] == [
        "jury: propose.a wins 0.5 of 1 pairs, margin +0", "jury: propose.b wins 0.5 of 1 pairs, margin +0",
    ]  # fmt: skip


CRITICISED = r"""
prompt=$(cat)
case "$COWORK_STEP" in
propose.*) echo "x = $COWORK_STEP" > app.py; echo "it is $COWORK_STEP" ;;
criticise.*) echo "CRITICISM by $COWORK_STEP: it has no comment"; printf '\n```findings\nfindings: []\n```\n' ;;
*) echo "I was shown $(grep -c "CRITICISM by criticise" <<< "$prompt") criticisms" ;;
esac
"""


def test_a_juror_is_shown_what_others_say_of_each_proposal(w: Workbench) -> None:
    w.agent("bot", CRITICISED)
    w.config("agent: bot\nverify: ['true']\n")
    w.write(
        ".cowork/tasks/better.md",
        "---\nstatus: ready\npattern: {name: team, members: [bot, bot], critique: 1, risk: high}\n---\nDo it.\n",
    )
    w.up()
    w.until("better", "waiting")
    said = [w.text(message["path"]) for message in w.json("show", "better")["messages"]]
    assert any("I was shown 2 criticisms" in text for text in said), said
    assert not any("I was shown 0 criticisms" in text for text in said)
