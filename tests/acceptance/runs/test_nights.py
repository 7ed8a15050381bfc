"""Nights, from outside."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.acceptance.workbench import Workbench


@pytest.mark.parametrize(
    ("given", "words"),
    [("25:00", "`25:00` is not a time of the day; write for example `22:00`"), ("soon", "`soon` is not a time")],
)
def test_until_takes_a_time_of_the_day(w: Workbench, given: str, words: str) -> None:
    refused = w.cmd("up", "--until", given, check=False)
    assert refused.returncode == 2
    assert f"--until: {words}" in refused.stderr


def test_a_night_of_no_length_is_a_problem_with_its_line(w: Workbench) -> None:
    w.config("night: {from: 22:00, to: 22:00}\n")
    w.up()
    (problem,) = w.wait("the problem", lambda: w.json("status")["problems"])
    assert (problem["path"], problem["line"]) == ("config.yaml", 3)
    assert "`from` and `to` are the same time" in problem["message"]


WORKS = """
if [ "$COWORK_TASK" = asks ] && [ ! -e "$COWORK_INBOX/q.md" ]; then
  printf -- '---\\nkind: question\\n---\\nWhich colour?\\n' > "$COWORK_OUTBOX/q.md"
  exit 75
fi
if [ "$COWORK_TASK" = wants ] && [ ! -e "$COWORK_INBOX/p.md" ]; then
  printf -- '---\\napproval: pending\\ntool: run\\narguments: npm publish\\n---\\nI want it.\\n' > "$COWORK_OUTBOX/p.md"
  exit 75
fi
cat "$COWORK_INBOX"/*.md 2>/dev/null
if [ "$COWORK_TASK" = risky ]; then echo 'exit 0 # always' > check.sh; fi
echo "$COWORK_TASK" > "$COWORK_TASK.txt"
printf '\\n## Assumptions\\n\\n- %s is short\\n' "$COWORK_TASK"
"""


@pytest.fixture
def night(w: Workbench) -> Workbench:
    """A workspace whose daemon runs as in a night, until six hours from now."""
    w.write("check.sh", "test -e README.md\n")
    w.git("add", "check.sh")
    w.git("commit", "-qm", "a check")
    w.agent("ed", WORKS)
    w.config("agent: ed\napprove: []\nverify: ['sh check.sh']\n")
    return w.up(options=("--until", time.strftime("%H:%M", time.localtime(time.time() + 6 * 3600))))


def test_a_question_and_a_permission_have_an_answer_before_anyone_is_there(night: Workbench) -> None:
    night.task("asks")
    night.task("wants")
    night.until("asks", "done")
    night.until("wants", "done")
    asked, wanted = ("\n".join(night.messages(task)) for task in ("asks", "wants"))
    assert "No one is here: choose the most reversible option" in asked
    assert "answer: rejected" in wanted
    assert night.approvals() == []
    assumed = {(one["task"], one["why"]) for one in night.json("report")["assumptions"]}
    assert assumed == {
        ("asks", "asks is short"), ("wants", "wants is short"),
        ("asks", "asked, with no one here to answer: Which colour?"),
    }  # fmt: skip


def test_high_risk_is_parked_with_only_its_dependants(night: Workbench) -> None:
    night.task("risky")
    night.task("builds-on-it", depends_on="[risky]")
    night.task("other")
    night.until("risky", "review")
    night.until("other", "done")
    assert night.status("builds-on-it") == "ready"
    assert night.card("risky")["why"] == "its risk is high, and no one was here: read its review"
    assert night.landed("check.sh") == "test -e README.md"
    assert ("risky", "reviews/risky.md") in [(one["task"], one["path"]) for one in night.json("report")["waiting"]]
    night.set("reviews/risky.md", "approval", "approved")
    night.until("risky", "done")
    night.until("builds-on-it", "done")
    assert night.landed("check.sh") == "exit 0 # always"


PAGE = Path(__file__).parents[3] / "docs/nights.md"


def example(begins: str) -> str:
    """The line of an example on the page about nights."""
    (line,) = re.findall(rf"^    ({re.escape(begins)}.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return str(line)


def test_the_examples_on_the_page_about_nights_do_what_it_says(w: Workbench) -> None:
    w.agent("ed", 'echo "$COWORK_TASK is too hard: <stuck>"')
    w.config(f"agent: ed\n{example('night:')}\n")
    w.write(".cowork/tasks/hard.md", f"---\nstatus: ready\n{example('loop:')}\n---\nDo it.\n")
    w.up(options=tuple(example("coworkd up").split()[2:]))
    w.until("hard", "failed")
    assert "given up: its agent said `<stuck>` in round 1" in w.card("hard")["why"]
    assert w.json("status")["problems"] == []
    report = w.cmd(*example("coworkd report").split()[1:]).stdout
    assert "Failed\n  hard  " in report
    assert "`<stuck>` in round 1" in " ".join(report.split())
