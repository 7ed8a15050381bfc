"""`pattern: red-team`: a finding blocks by its proof, and by nothing else."""

from __future__ import annotations

import pytest

from tests.acceptance.workbench import Workbench

SCRIPT = r"""
cat > /dev/null
case "$COWORK_ROLE" in
builder) [ "$COWORK_STEP" = build.1 ] && echo "x = 2" > app.py || echo "x = 3" > app.py; echo "built in $COWORK_STEP" ;;
attacker)
  echo "! grep -q 2 app.py" > shown.sh
  if grep -q "x = 3" app.py; then printf '```findings\nfindings: []\n```\n'; else
    printf '```findings\nfindings:\n  - severity: blocker\n    where: "app.py:1"\n    claim: "two breaks"\n'
    printf '    proof: "PROOF"\n```\n'
  fi ;;
arbiter) printf '```verdict\ndecision: pass\nfindings: []\nbecause: "not so"\n```\n' ;;
esac
"""


@pytest.mark.parametrize(
    ("proof", "lands"),
    [("sh shown.sh", "x = 3"), ("true", "x = 2"), ("no-such-program", "x = 2"), ("exit 126", "x = 2")],
)
def test_only_a_proof_that_fails_sends_the_change_back(w: Workbench, proof: str, lands: str) -> None:
    w.agent("bot", SCRIPT.replace("PROOF", proof))
    w.config("agent: bot\nverify: ['test -s app.py']\napprove: []\n")
    w.task("better", pattern="red-team")
    w.up()
    w.until("better", "done")
    assert w.landed("app.py") == lands, w.text("reviews/better.md")
    assert "two breaks" in w.text("reviews/better.md")
