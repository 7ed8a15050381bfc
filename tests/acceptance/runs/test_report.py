"""`coworkd report`: what happened since a time."""

from __future__ import annotations

from tests.acceptance.workbench import Workbench

WORKS = """
case "$COWORK_TASK" in
  bad) echo "no idea how"; exit 1 ;;
esac
echo "$COWORK_TASK" > "$COWORK_TASK.txt"
echo "Done."
echo
echo "## Assumptions"
echo "- $COWORK_TASK is in English"
"""


def test_what_landed_failed_waits_and_did_not_start(w: Workbench) -> None:
    w.agent("ed", WORKS)
    w.config("agent: ed\napprove: []\nmax_attempts: 1\n")
    w.task("good")
    w.task("bad")
    w.task("asks", approve="[merge]")
    w.task("later", depends_on="[bad]")
    w.up()
    w.until("good", "done")
    w.until("bad", "failed")
    w.until("asks", "review")

    report = w.json("report")
    (landed,) = report["landed"]
    tip = w.git("rev-parse", "cowork/integration")
    assert (landed["task"], landed["title"], landed["undo"]) == ("good", "good", "coworkd revert good")
    assert tip.startswith(landed["commit"])
    (failed,) = report["failed"]
    assert failed["task"] == "bad"
    assert "failed" in failed["why"]
    assert ("asks", "reviews/asks.md") in [(one["task"], one["path"]) for one in report["waiting"]]
    assert "bad" not in [one["task"] for one in report["waiting"]], "what failed stands in a list of its own"
    (waits,) = report["not_started"]
    assert waits["task"] == "later"
    assert waits["why"].startswith("waits for bad (failed since")
    assumed = {(one["task"], one["why"]) for one in report["assumptions"]}
    assert assumed == {("good", "good is in English"), ("asks", "asks is in English")}
    assert (report["cost_usd"], report["cost"]["unknown"]) == (None, 3)

    shown = w.cmd("report").stdout
    for part in ("Landed\n", "`coworkd revert good` takes it back", "Did not start\n", "of 3 runs is not known"):
        assert part in shown
    assert max(map(len, shown.splitlines())) <= 80

    w.cmd("revert", "good")
    w.wait("it was taken back", lambda: w.field("reviews/good.md", "status") == "reverted")
    assert w.json("report")["landed"] == [], "the command of the report has taken it back"


def test_a_time_that_is_none_is_refused(w: Workbench) -> None:
    refused = w.cmd("report", "--since", "soon", check=False)
    assert refused.returncode == 2
    assert "--since: `soon` is not a length of time; write `45m`, `2h`" in refused.stderr
