"""A review shows what is to land and how it was verified, and only an exact yes to just that lets it land."""

from __future__ import annotations

import json
import os
import re

import pytest

from tests.acceptance.landing.site import Site

EDIT = """
cat > prompt.$COWORK_TASK.$COWORK_ATTEMPT
echo "$COWORK_ATTEMPT of $COWORK_TASK" > made.$COWORK_TASK
echo "I did it"
"""

ONLY = "nothing else differs from the tip"


@pytest.fixture
def v(w: Site) -> Site:
    """A workspace with an agent that works, and a verification that passes."""
    w.agent("ed", EDIT)
    w.config('verify: ["test -e app.py"]\n')
    return w


def test_a_review_says_what_it_is_about(v: Site) -> None:
    v.task("t", body="Do it.\n\n- [ ] looks good\n")
    v.up()
    review = v.reviewed("t")
    path = "reviews/t.md"
    assert v.field(path, "task") == "t"
    assert v.field(path, "attempt") == "1"
    assert v.field(path, "status") == "open"
    assert v.field(path, "rev") == "1"
    assert len(v.field(path, "request")) >= 8
    submitted = v.git("rev-parse", "refs/cowork/sub/t/1")
    assert v.field(path, "commit") == submitted
    assert v.git("rev-parse", "cowork/task/t") == submitted
    assert v.field(path, "base") == v.git("rev-parse", "cowork/integration")
    assert v.git("cat-file", "-t", v.field(path, "tree")) == "tree"
    assert re.search(r"verify:\s*(-|\[)\s*\{?command: \"?'?test -e app.py", review)
    assert "exit: 0" in review
    assert "seconds: " in review
    body = review.split("\n---\n", 1)[1]
    level = v.card("t")["runs"][0]["sandbox"]
    for piece in ("+1 of t", "made.t", "test -e app.py", "I did it", "looks good", f"sandbox level `{level}`"):
        assert piece in body, piece
    tree = v.field(path, "tree")
    assert (
        f"Nothing lost: all 2 changed files are in the result as submitted; {ONLY}. What was merged and verified,"
        in body
    )
    assert f"what lands, is the tree `{tree}`." in body
    assert "written by coworkd" in review.splitlines()[1] or "written by coworkd" in review.splitlines()[0]
    assert {"kind": "review", "task": "t"}.items() <= v.board()["waiting"][0].items()
    v.wait("the inbox", lambda: "reviews/t.md" in v.text("inbox.md"))
    v.approve("t")
    v.until("t", "done")
    v.wait("the end of the review", lambda: v.field(path, "status") == "landed")
    assert v.field("tasks/t.md", "landed") == v.git("rev-parse", "cowork/integration")[:12]
    before = v.git("rev-parse", "cowork/integration")
    assert v.git("rev-parse", f"{before}^{{tree}}") == tree
    shown = v.card("t")["reviews"][0]
    assert (shown["tree"], shown["candidate"], shown["landing"]) == (tree, before, before)
    assert shown["proof"] == f"all 2 changed files are in the result as submitted; {ONLY}"
    assert "nothing lost: all 2 changed files are in the result" in " ".join(v.cmd("show", "t").stdout.split())
    v.set(path, "approval", "pending")
    v.set(path, "approval", "approved")
    assert v.cmd("approve", "t", check=False).returncode == 1
    assert v.git("rev-parse", "cowork/integration") == before
    assert v.status("t") == "done"


@pytest.mark.parametrize(
    "word", ["Approved", "' approved'", "APPROVED", "\u0430pproved", "approved\u200b", "yes", "[approved]"]
)
def test_what_only_looks_like_an_approval_is_none(v: Site, word: str) -> None:
    v.task("t")
    v.up()
    v.reviewed("t")
    v.set("reviews/t.md", "approval", word)
    v.wait("a reason", lambda: "reviews/t.md" in v.problems())
    assert v.status("t") == "review"
    v.approve("t")
    v.until("t", "done")
    assert "reviews/t.md" not in v.problems()


def test_a_duplicate_key_and_a_link_are_no_approval(v: Site) -> None:
    v.task("t")
    v.up()
    good = v.reviewed("t")
    v.write(".cowork/reviews/t.md", good.replace("approval: pending", "approval: approved\napproval: approved"))
    v.wait("a reason", lambda: "reviews/t.md" in v.problems())
    assert v.status("t") == "review"
    aside = v.scratch / "yes.md"
    aside.write_text(good.replace("approval: pending", "approval: approved"))
    link = v.repo / ".cowork/reviews/t.md"
    link.unlink()
    link.symlink_to(aside)
    v.wait("another reason", lambda: "link" in v.problems())
    assert v.status("t") == "review"
    assert aside.read_text().count("approved") >= 1
    os.replace(v.write(".cowork/reviews/other.txt", good), link)
    v.finish("t")


def test_a_review_that_is_deleted_comes_back(v: Site) -> None:
    v.task("t")
    v.up()
    v.reviewed("t")
    (v.repo / ".cowork/reviews/t.md").unlink()
    v.wait("the review", lambda: v.field("reviews/t.md", "approval") == "pending")
    v.finish("t")


def test_changes_with_words_in_the_body_reach_the_next_prompt(v: Site) -> None:
    v.task("t")
    v.up()
    first = v.reviewed("t")
    old = v.field("reviews/t.md", "request")
    text = first.replace("approval: pending", "approval: changes\ncomment: More colour!", 1)
    v.write(".cowork/reviews/t.md", text.replace("+1 of t", "+1 of t\nWHY ONE OF T?") + "\nAnd a moon at the end.\n")
    v.wait("a second review", lambda: v.field("reviews/t.md", "attempt") == "2")
    v.reviewed("t")
    assert [path.name for path in (v.repo / ".cowork/reviews/t.d").glob("*.md")] == ["1.md"]
    assert f"request: {old}" in v.text("reviews/t.d/1.md")
    v.finish("t")
    prompt = v.show("cowork/integration:prompt.t.2")
    for words in ("More colour!", "WHY ONE OF T?", "And a moon at the end."):
        assert words in prompt, prompt


def test_changes_are_asked_for_by_command(v: Site) -> None:
    v.task("t")
    v.up()
    v.reviewed("t")
    assert "changes" in v.cmd("changes", "t", "--comment", "More colour!").stdout
    v.wait("a second review", lambda: v.field("reviews/t.md", "attempt") == "2")
    v.finish("t")
    assert "More colour!" in v.show("cowork/integration:prompt.t.2")


def test_an_approval_to_an_older_submission_is_void(v: Site) -> None:
    v.task("t")
    v.up()
    old = v.reviewed("t")
    v.cmd("reply", "t", "Once more, please.")
    v.wait("a second review", lambda: v.field("reviews/t.md", "attempt") == "2")
    new = v.reviewed("t")
    v.write(".cowork/reviews/t.md", old.replace("approval: pending", "approval: approved"))
    v.wait("the answer to be put back", lambda: "older" in v.problems())
    v.wait("pending", lambda: v.field("reviews/t.md", "approval") == "pending")
    assert v.status("t") == "review"
    assert "made.t" not in v.tree()
    v.write(".cowork/reviews/t.md", new)
    v.finish("t")
    assert v.show("cowork/integration:made.t") == "2 of t"


def test_no_is_a_no_and_the_work_is_kept(v: Site) -> None:
    v.task("edited")
    v.task("typed")
    v.up()
    v.reviewed("edited")
    v.reviewed("typed")
    v.set("reviews/edited.md", "approval", "rejected\ncomment: not like this")
    v.cmd("reject", "typed", "--comment", "nor like that")
    v.until("edited", "failed")
    v.until("typed", "failed")
    assert "not like this" in v.card("edited")["why"]
    assert "nor like that" in v.card("typed")["why"]
    assert not {"made.edited", "made.typed"} & v.tree()
    assert v.git("rev-parse", "refs/cowork/sub/edited/1")
    v.cmd("ready", "typed")
    v.wait("a second review", lambda: v.field("reviews/typed.md", "attempt") == "2")
    v.reviewed("typed")
    assert "approve" in v.cmd("approve", "typed", "--comment", "well").stdout
    v.until("typed", "done")
    assert "nor like that" in v.show("cowork/integration:prompt.typed.2")
    assert v.field("reviews/typed.md", "comment") == "well"


def test_approve_and_verify_count_at_once(v: Site) -> None:
    v.task("let-go")
    v.task("proven")
    v.up()
    v.reviewed("let-go")
    v.reviewed("proven")
    text = v.text("tasks/let-go.md")
    v.write(".cowork/tasks/let-go.md", text.replace("title:", "approve: []\ntitle:"))
    v.until("let-go", "done")
    text = v.text("tasks/proven.md")
    added = 'max_attempts: 1\nverify: ["echo not proven; false"]\n'
    v.write(".cowork/tasks/proven.md", text.replace("title:", f"{added}title:"))
    v.wait("the new text", lambda: "max_attempts" in v.text("tasks/proven.md"))
    v.approve("proven")
    v.until("proven", "failed")
    assert "made.proven" not in v.tree()


def test_an_approval_on_the_command_line_counts_while_no_daemon_runs(v: Site) -> None:
    v.task("t")
    v.up()
    v.reviewed("t")
    v.down()
    v.cmd("approve", ".cowork/reviews/t.md", "--comment", "fine")
    assert v.field("reviews/t.md", "approval") == "approved"
    assert v.status("t") == "review"
    v.up()
    v.until("t", "done")
    assert v.field("reviews/t.md", "comment") == "fine"


def _painter(v: Site) -> None:
    """An agent that adds a line to a picture, and keeps its prompt out of its work."""
    v.agent(
        "painter",
        f"""
        cat > {v.scratch}/prompt.$COWORK_TASK.$COWORK_ATTEMPT
        echo "line of attempt $COWORK_ATTEMPT" >> picture.txt; echo "I painted line $COWORK_ATTEMPT."
        """,
    )


def _prompt(v: Site, attempt: int) -> str:
    return (v.scratch / f"prompt.t.{attempt}").read_text()


def _ask_for_changes(v: Site, comment: str) -> None:
    attempt = int(v.field("reviews/t.md", "attempt"))
    v.write(".cowork/reviews/t.md", v.text("reviews/t.md").replace(
        "approval: pending", f"approval: changes\ncomment: {comment}", 1))  # fmt: skip
    v.wait("another review", lambda: v.field("reviews/t.md", "attempt") == str(attempt + 1))
    v.reviewed("t")


def test_changes_go_on_with_the_reviewed_work_and_say_what_it_was(v: Site) -> None:
    _painter(v)
    v.task("t", agent="painter")
    v.up()
    v.reviewed("t")
    v.task("other", agent="ed")
    v.finish("other")
    _ask_for_changes(v, "One more line.")
    assert v.show("refs/cowork/sub/t/2:picture.txt") == "line of attempt 1\nline of attempt 2"
    v.git("merge-base", "--is-ancestor", "refs/cowork/sub/t/1", "refs/cowork/sub/t/2")
    # What has landed since is there too, and is no part of the change.
    assert "made.other" in v.tree("refs/cowork/sub/t/2")
    assert "made.other" not in v.text("reviews/t.md")
    prompt = _prompt(v, 2)
    for words in ("One more line.", "the change of attempt 1", "- picture.txt (+1 -0)", "> I painted line 1."):
        assert words in prompt, prompt
    assert "earlier change was reviewed" not in _prompt(v, 1)
    _ask_for_changes(v, "And a third one.")
    assert "- picture.txt (+2 -0)" in _prompt(v, 3)
    v.finish("t")
    assert v.show("cowork/integration:picture.txt").count("line of attempt") == 3


def test_reviewed_work_that_collides_is_gone_on_with_as_it_was(v: Site) -> None:
    _painter(v)
    v.agent("rival", "cat > /dev/null; echo 'a picture of my own' > picture.txt; echo ok")
    v.config('verify: ["true"]\nmax_attempts: 1\n')
    v.task("t", agent="painter")
    v.up()
    v.reviewed("t")
    v.task("other", agent="rival")
    v.finish("other")
    v.set("reviews/t.md", "approval", "changes")
    v.wait("the second attempt", (v.scratch / "prompt.t.2").exists)
    v.wait("its submission", lambda: v.show("refs/cowork/sub/t/2:picture.txt"))
    assert v.show("refs/cowork/sub/t/2:picture.txt") == "line of attempt 1\nline of attempt 2"


def test_a_message_to_a_task_in_review_goes_on_with_its_work_and_a_rejection_does_not(v: Site) -> None:
    _painter(v)
    v.task("t", agent="painter")
    v.up()
    v.reviewed("t")
    v.cmd("reply", "t", "Once more, please.")
    v.wait("another review", lambda: v.field("reviews/t.md", "attempt") == "2")
    v.reviewed("t")
    assert v.show("refs/cowork/sub/t/2:picture.txt") == "line of attempt 1\nline of attempt 2"
    v.set("reviews/t.md", "approval", "rejected")
    v.until("t", "failed")
    v.cmd("reply", "t", "Something else altogether.")
    v.wait("another review", lambda: v.field("reviews/t.md", "attempt") == "3")
    assert v.show("refs/cowork/sub/t/3:picture.txt") == "line of attempt 3"
    assert "earlier change was reviewed" not in _prompt(v, 3)


def test_every_review_of_low_risk_is_approved_at_once_and_each_is_listed(v: Site) -> None:
    v.agent("lint", f"{EDIT}\necho 'line-length = 100' > ruff.toml")
    v.agent("ci", f"{EDIT}\nmkdir -p .github/workflows; echo 'on: push' > .github/workflows/ci.yml")
    v.up()
    for task, agent in (("one", "ed"), ("two", "ed"), ("rules", "lint"), ("hook", "ci")):
        v.task(task, agent=agent)
    for task in ("one", "two", "rules", "hook"):
        v.reviewed(task)
    for wrong in (("--risk", "low"), ("one", "--all"), (), ("--all", "--risk", "none")):
        assert v.cmd("approve", *wrong, check=False).returncode == 2
    # What a file says of its risk is not believed.
    v.write(".cowork/reviews/hook.md", v.text("reviews/hook.md").replace("risk: high", "risk: low"))
    said = json.loads(v.cmd("approve", "--all", "--comment", "fine", "--json").stdout)
    assert sorted((one["task"], one["risk"]) for one in said["approved"]) == [("one", "low"), ("two", "low")]
    assert sorted((one["task"], one["risk"]) for one in said["left"]) == [("hook", "high"), ("rules", "medium")]
    v.until("one", "done")
    v.until("two", "done")
    assert (v.status("rules"), v.status("hook")) == ("review", "review")
    assert v.field("reviews/one.md", "comment") == "fine"
    shown = v.cmd("approve", "--all", "--risk", "medium").stdout
    assert "reviews/rules.md: approved (medium risk)" in shown
    assert "reviews/hook.md: left" in shown
    assert "its risk is high" in shown
    v.until("rules", "done")
    v.cmd("reject", "hook")
    v.until("hook", "failed")
    assert v.cmd("approve", "--all").stdout == "no review waits for an approval\n"


def test_a_review_that_another_one_has_replaced_is_not_approved_with_the_rest(v: Site) -> None:
    v.task("t")
    v.up()
    v.write(".cowork/reviews/t.md", v.reviewed("t").replace(v.field("reviews/t.md", "request"), "0" * 16))
    done = v.cmd("approve", "--all", check=False)
    assert done.returncode == 1
    assert "reviews/t.md: refused" in done.stdout
    assert v.status("t") == "review"
    assert v.field("reviews/t.md", "approval") == "pending"
