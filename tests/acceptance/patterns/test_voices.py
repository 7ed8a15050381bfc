"""`pattern: consensus`: one voice per model family, and a task that cannot have enough of them waits and says so."""

from __future__ import annotations

from tests.acceptance.workbench import Workbench

SCRIPT = r"""
cat > /dev/null
case "$COWORK_ROLE" in
validator) printf '```verdict\ndecision: pass\nfindings: []\nbecause: "fine"\n```\n' ;;
*) echo "x = 2" > app.py ;;
esac
"""


def _task(w: Workbench, judges: str, risk: str = "low", decide: str = "auto") -> None:
    w.write(
        ".cowork/tasks/better.md",
        f"---\nstatus: ready\npattern: {{name: consensus, judges: {judges}, risk: {risk}, decide: {decide}}}\n---\nDo it.\n",
    )


def _agents(w: Workbench) -> None:
    for name, model in (("bot", "x/alpha-1"), ("beta", "x/beta-2"), ("gamma", "y/gamma-3")):
        w.agent(name, SCRIPT, model=model)
    w.config("agent: bot\nverify: ['true']\n")


def test_three_families_agree(w: Workbench) -> None:
    _agents(w)
    _task(w, "[bot, beta, gamma]")
    w.up()
    w.until("better", "review")
    verdict = w.json("show", "better")["verdict"]
    assert verdict["decision"] == "submit"
    assert sorted(verdict["voices"]) == ["x/alpha", "x/beta", "y/gamma"]


def test_too_few_voices_for_a_high_risk_wait_before_the_first_run(w: Workbench) -> None:
    _agents(w)
    _task(w, "[bot, bot, bot]", risk="high")
    w.up()
    w.wait("the problem", lambda: "voice" in w.problems())
    assert w.json("show", "better")["runs"] == []
    _task(w, "[bot, bot, bot]", risk="high", decide="person")
    w.until("better", "waiting", "review")


def test_an_estimate_says_the_runs_before_the_first(w: Workbench) -> None:
    _agents(w)
    _task(w, "[bot, beta, gamma]")
    w.cmd("down", check=False)
    found = w.json("estimate", "better")
    assert found["pattern"] == "consensus"
    assert (found["least"]["runs"], found["most"]["runs"]) == (4, 12)
    assert {seat["median"] for seat in found["seats"]} == {None}
    assert "4 runs" in w.cmd("estimate", "better").stdout
