"""A conflict that agents cannot resolve is resolved by a person, in a checkout of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.acceptance.landing.site import Site

PROJECT = Path(__file__).parents[3]
COMMAND = f"env PYTHONPATH={PROJECT} {sys.executable} -P -W ignore -m coworkd"
STUBBORN = """
cat > /dev/null
if [ -n "$COWORK_CONFLICT" ]; then
  (cd @REPO@ && @COWORKD@ resolve b --done; echo $? >> @SCRATCH@/exits) > /dev/null 2>&1
  exit 0
fi
while [ $COWORK_TASK = b ] && [ ! -e @SCRATCH@/a-done ]; do read -t 0.1 < <(:); done
echo "x = $COWORK_TASK" > app.py
"""


@pytest.fixture
def stuck(w: Site) -> Site:
    """Task `b` conflicts with `a`, and its agent changes nothing in two rounds."""
    script = STUBBORN.replace("@SCRATCH@", str(w.scratch)).replace("@REPO@", str(w.repo))
    w.agent("stubborn", script.replace("@COWORKD@", COMMAND))
    w.config('approve: []\nverify: ["grep -q x app.py"]\nconcurrency: 2\n')
    w.task("a", agent="stubborn")
    w.task("b", agent="stubborn")
    w.up()
    w.until("a", "done")
    (w.scratch / "a-done").touch()
    w.until("b", "waiting")
    return w


def test_a_person_resolves_a_conflict_in_a_checkout(stuck: Site) -> None:
    w = stuck
    before = w.git("status", "--porcelain"), w.git("worktree", "list"), w.git("rev-parse", "HEAD")
    assert "0" not in (w.scratch / "exits").read_text().split(), "an agent resolved its own conflict"
    (item,) = [item for item in w.board()["waiting"] if item["task"] == "b"]
    assert (item["kind"], "`coworkd resolve b`" in item["what"]) == ("conflict", True)
    opened = w.cmd("resolve", "b")
    work = Path(opened.stdout.strip())
    assert "app.py" in opened.stderr
    assert not work.is_relative_to(w.repo)
    text = (work / "app.py").read_text()
    assert "<<<<<<<" in text
    refused = w.cmd("resolve", "b", "--done", check=False)
    assert (refused.returncode, "app.py:1: a conflict marker" in refused.stderr) == (1, True)
    w.git("-C", str(work), "add", "app.py")
    staged = w.cmd("resolve", "b", "--done", check=False)
    assert "app.py:1: a conflict marker" in staged.stderr, "staged with its markers in it"
    (work / "app.py").write_text("x = a, b\n")
    again = json.loads(w.cmd("resolve", "b", "--json").stdout)
    assert (again["task"], again["path"], again["continued"]) == ("b", str(work), True)
    assert (work / "app.py").read_text() == "x = a, b\n"
    w.git("-C", str(work), "add", "app.py")
    done = json.loads(w.cmd("resolve", "b", "--done", "--json", cwd=work).stdout)
    assert done["submission"] == 2
    w.until("b", "done")
    assert w.show("cowork/integration:app.py") == "x = a, b"
    assert w.git("show", "-s", "--format=%an", "refs/cowork/sub/b/2") == "User"
    resolved = [json.loads(line) for line in w.cmd("events").stdout.splitlines() if '"conflict resolved"' in line]
    assert [(event["task"], event["actor"]) for event in resolved] == [("b", "person")]
    assert "a person resolved its conflict" in w.text("reviews/b.md")
    assert "person (command), who resolved a conflict" in w.cmd("why", "app.py:1").stdout
    assert (w.git("status", "--porcelain"), w.git("worktree", "list"), w.git("rev-parse", "HEAD")) == before
    over = w.cmd("resolve", "b", check=False)
    assert "no conflict that waits for a person: it is done" in over.stderr


def test_with_the_daemon_down_what_was_resolved_is_queued(stuck: Site) -> None:
    w = stuck
    w.down()
    work = Path(w.cmd("resolve", "b").stdout.strip())
    (work / "app.py").write_text("x = b, a\n")
    w.git("-C", str(work), "commit", "-qam", "Both")
    w.cmd("resolve", "b", "--done")
    assert w.status("b") == "merging"
    w.up()
    w.until("b", "done")
    assert w.show("cowork/integration:app.py") == "x = b, a"


def test_a_conflict_that_is_not_a_persons_is_refused(w: Site) -> None:
    w.agent("ed", "cat > /dev/null; echo ok > made")
    w.config("")
    w.task("t")
    w.up()
    w.reviewed("t")
    refused = w.cmd("resolve", "t", check=False)
    assert (refused.returncode, "it is review" in refused.stderr) == (1, True)


def test_an_agent_in_its_sandbox_resolves_nothing_for_a_person(stuck: Site) -> None:
    w = stuck
    w.agent(
        "thief",
        f"cat > /dev/null; cd {w.repo}; for words in b 'b --done'; do {COMMAND} resolve $words; echo $? >> {w.scratch}/tried; done\n"
        "exit 0",
    )
    w.task("c", agent="thief")
    w.until("c", "done", "review", "failed")
    if w.card("c")["runs"][-1]["sandbox"] == "none":
        pytest.skip("there is no sandbox here")
    assert "0" not in (w.scratch / "tried").read_text().split()
    assert w.status("b") == "waiting"
