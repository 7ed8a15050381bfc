"""`pattern: chain-review`: gates read a change one after another, and a proof sends it back to its author."""

from __future__ import annotations

from tests.acceptance.workbench import Workbench

SCRIPT = r"""
cat > /dev/null
case "$COWORK_ROLE" in
author)
  case "$COWORK_STEP" in
  author.1) echo "x = 2" > app.py ;;
  *) echo "x = 3" > app.py ;;
  esac
  echo "I made x better ($COWORK_STEP)" ;;
gate)
  if grep -q "x = 2" app.py; then
    printf '```verdict\ndecision: fail\nfindings:\n  - severity: blocker\n    where: "app.py:1"\n'
    printf '    claim: "x has to be three"\n    proof: "grep -q 3 app.py"\nbecause: "two is not three"\n```\n'
  else
    printf 'fine\n\n```verdict\ndecision: pass\nfindings: []\nbecause: "it is three"\n```\n'
  fi ;;
esac
"""


def test_a_proven_finding_goes_back_to_the_author_and_all_gates_are_asked_again(w: Workbench) -> None:
    w.agent("bot", SCRIPT)
    w.config("agent: bot\nverify: ['test -s app.py']\n")
    w.task("better", pattern="chain-review")
    w.up()
    w.until("better", "review")
    text = w.text("reviews/better.md")
    assert "## How it was decided" in text, text
    assert "x has to be three" in text
    runs = w.json("show", "better")["runs"]
    assert [(run["step"], run["role"]) for run in runs] == [
        ("author.1", "author"), ("gate.1.1", "gate"), ("author.2", "author"), ("gate.2.1", "gate"), ("gate.2.2", "gate"),
    ]  # fmt: skip
    assert not list(w.cow("messages/better").glob("*-answer.md")), "a gate answers no question of a person"
    w.review("better")
    w.until("better", "done")
    assert w.git("show", "cowork/integration:app.py") == "x = 3"
