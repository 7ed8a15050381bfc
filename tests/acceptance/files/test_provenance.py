"""Typed here, or came by git: what other people's text may and may not do, and whose task it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.files.workspace import Workspace, stays

EDIT = 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\necho made > "made.$COWORK_TASK"\necho "I did $COWORK_TASK"'


def desk(work: Workspace, config: str = "") -> Workspace:
    work.config(f"agent: ed\nconcurrency: 12\n{config}")
    work.agent("ed", EDIT)
    return work


def commit(work: Workspace, words: str = "text") -> None:
    work.git("add", "-A")
    work.git("commit", "-qm", words)


def other_clone(work: Workspace) -> Workspace:
    """Another person's clone, without a daemon."""
    theirs = Workspace(work.root, init=False, repo="theirs", user="bert")
    work.git("clone", "-q", str(work.repo), str(theirs.repo))
    return theirs


def pull(work: Workspace, theirs: Workspace) -> None:
    work.git("pull", "-q", "--no-rebase", str(theirs.repo), "main")


def test_a_pulled_task_waits_for_a_word_from_here(work: Workspace) -> None:
    desk(work)
    commit(work)
    theirs = other_clone(work)
    theirs.task("theirs")
    theirs.task("edited")
    theirs.task("quietly", status=None)
    theirs.task("touched")
    theirs.save("messages/mine/note.md", "From far away.\n")
    commit(theirs)
    work.up()
    work.task("mine", status="draft")
    work.wait("known", lambda: work.card("mine"))
    pull(work, theirs)
    work.wait("shown", lambda: work.card("theirs").get("status") == "ready")
    pulled = {w["task"] for w in work.json("status")["waiting"] if w["kind"] == "pulled"}
    assert {"theirs", "edited", "touched"} <= pulled
    assert "coworkd ready theirs" in work.card("theirs")["why"]
    text = work.read("tasks/edited.md")
    work.save("tasks/edited.md", text.replace("Do it.", "Do it better."))
    stays("nothing of it starts", lambda: not work.traces("ran"), 4)
    work.set("tasks/mine.md", "status", "ready")
    work.until("mine", "review")
    assert "cowork" not in work.read("messages/mine/note.md"), "a message that came by git is not sent"
    assert "messages/mine/note.md" in work.read("inbox.md")
    work.cmd("ready", "theirs")
    work.until("theirs", "review")
    work.set("tasks/touched.md", "status", "paused")
    work.wait("a word from here counts", lambda: work.card("touched")["status"] == "paused")
    assert sorted(work.traces("ran")) == ["mine", "theirs"]


def test_pulled_tasks_run_when_the_workspace_says_so(work: Workspace) -> None:
    desk(work, "run_pulled: true\n")
    commit(work)
    theirs = other_clone(work)
    theirs.task("theirs")
    commit(theirs)
    work.up()
    pull(work, theirs)
    work.until("theirs", "review")


def test_pulled_approvals_agents_and_settings_do_not_count(work: Workspace) -> None:
    desk(work).up()
    work.task("mine")
    work.until("mine", "review")
    work.wait("the review", lambda: work.field("reviews/mine.md", "approval") == "pending")
    commit(work)
    theirs = other_clone(work)
    theirs.set("reviews/mine.md", "approval", "approved")
    theirs.save("agents/new.md", "---\ndriver: command\ncommand: [sh, -c, 'echo new >> \"$SCRATCH/ran\"']\n---\n")
    theirs.save("agents/ed.md", theirs.read("agents/ed.md").replace("I did", "I really did"))
    theirs.save("config.yaml", "version: 1\nquiet: 1\nagent: ed\nverify: ['touch /tmp/never']\nconcurrency: 3\n")
    commit(theirs)
    pull(work, theirs)
    work.wait("asked for trust", lambda: {w["path"] for w in work.json("status")["waiting"] if w["kind"] == "trust"}
              == {"agents/new.md", "agents/ed.md", "config.yaml"})  # fmt: skip
    work.problem("reviews/mine.md", "git")
    work.task("uses-new", agent="new")
    work.task("uses-ed")
    work.until("uses-ed", "review")
    assert any("I did uses-ed" in p.read_text() for p in work.path("messages/uses-ed").glob("*.md"))
    work.wait("says why", lambda: "trust" in work.card("uses-new")["why"])
    assert work.status("mine") == "review"
    work.cmd("approve", "mine")
    work.until("mine", "done")
    work.cmd("trust")
    assert not [w for w in work.json("status")["waiting"] if w["kind"] == "trust"]
    work.wait("it runs now", lambda: work.card("uses-new")["status"] not in ("ready", "draft"))


def test_what_was_made_here_is_no_one_elses(work: Workspace) -> None:
    desk(work)
    work.task("before")
    commit(work, "before the first start")
    work.up()
    work.until("before", "review")
    work.task("draft", status="draft")
    work.wait("known", lambda: work.card("draft"))
    commit(work)
    work.save("tasks/draft.md", work.read("tasks/draft.md").replace("Do it.", "Do it here."))
    work.wait("taken in", lambda: work.json("status"))
    work.git("stash", "-q")
    work.wait("put away", lambda: "Do it here." not in work.read("tasks/draft.md"))
    stays("time passes", lambda: True, 1.5)
    work.git("stash", "pop", "-q")
    stays("time passes", lambda: True, 1)
    work.set("tasks/draft.md", "status", "ready")
    work.until("draft", "review")
    assert not [w for w in work.json("status")["waiting"] if w["kind"] == "pulled"]


def test_branches_and_stashes_park_tasks(work: Workspace) -> None:
    desk(work)
    commit(work)
    work.git("branch", "bare", "HEAD~1" if work.git("rev-list", "--count", "HEAD") != "1" else "HEAD")
    work.agent(
        "slow", 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nwhile [ ! -e "$SCRATCH/go" ]; do sleep 0.1; done\necho x > x'
    )
    work.up()
    work.task("runs", agent="slow")
    work.task("later", depends_on="[runs]")
    work.wait("it runs", lambda: work.traces("ran"))
    work.until("runs", "running")
    commit(work)
    work.git("checkout", "-q", "bare")
    assert not work.path("tasks/runs.md").exists()
    stays("nothing is stopped", lambda: work.traces("ran") == ["runs"], 3)
    assert not [w for w in work.json("status")["waiting"] if w["kind"] == "deletion"]
    assert work.card("later")["status"] == "ready"
    assert "away" in work.card("later")["why"]
    (work.scratch / "go").touch()
    stays("results are held", lambda: not work.path("tasks/runs.md").exists(), 2)
    work.git("checkout", "-q", "main")
    work.until("runs", "review")
    commit(work, "what coworkd wrote")
    work.task("loose", status="paused")
    work.wait("known", lambda: work.card("loose"))
    work.git("stash", "-q", "-u")
    stays("time passes", lambda: True, 2.5)
    work.git("stash", "pop", "-q")
    work.wait("back", lambda: not work.card("loose").get("why", "away").startswith("its file is away"))
    assert work.card("loose")["status"] == "paused"
    work.finish("runs")
    work.until("later", "review")
    assert work.traces("ran").count("runs") == 1
    # A stash of something else, long over, excuses no deletion.
    work.write("README.md", "changed\n")
    work.git("stash", "-q")
    stays("time passes", lambda: True, 1)
    work.path("tasks/loose.md").unlink()
    work.wait("deleted", lambda: work.card("loose").get("status", "cancelled") == "cancelled")


def test_a_task_of_another_instance_is_theirs_until_taken(work: Workspace) -> None:
    desk(work)
    commit(work)
    theirs = other_clone(work)
    for word in ("running", "waiting", "review", "merging"):
        theirs.save(
            f"tasks/far-{word}.md",
            f"---\ntitle: far\nstatus: {word}\ncowork:\n  id: far-{word}\n  rev: 3\n  by: bert-1234\n  attempt: 1\n---\nFar.\n",
        )
    commit(theirs)
    work.up()
    pull(work, theirs)
    for word in ("running", "waiting", "review", "merging"):
        work.wait("known", lambda word=word: work.card(f"far-{word}"))
        card = work.card(f"far-{word}")
        assert (card["status"], card["by"]) == (word, "bert-1234")
        assert "coworkd take" in card["why"]
    before = work.read("tasks/far-running.md")
    assert work.run("ready", "far-running").returncode == 1
    assert work.read("tasks/far-running.md") == before
    stays("nothing starts", lambda: not work.traces("ran"), 2)
    work.cmd("take", "far-running")
    work.wait("ours", lambda: work.card("far-running")["status"] == "paused")
    assert work.card("far-running")["by"] == work.json("status")["instance"]
    work.until("far-running", "paused")
    work.cmd("ready", "far-running")
    work.until("far-running", "review")
    assert work.run("take", "far-running").returncode == 1


def test_deletions(work: Workspace) -> None:
    desk(work)
    work.agent("slow", 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nexec sleep 300')
    work.up()
    for name in ("one", "two", "three", "four", "five", "six"):
        work.task(name, status="draft")
    work.task("blocked", depends_on="[one]")
    work.task("runs", agent="slow")
    work.task("over")
    work.finish("over")
    work.wait("it runs", lambda: "runs" in work.traces("ran"))
    run = work.json("show", "runs")["runs"][0]["id"]
    for name in ("one", "blocked", "over"):
        work.path(f"tasks/{name}.md").unlink()
    work.wait("a draft is forgotten", lambda: not work.card("one"))
    work.wait("a ready task is cancelled", lambda: work.card("blocked").get("status", "cancelled") == "cancelled")
    assert work.json("show", "over")["status"] == "done"
    assert work.json("show", "blocked")["status"] == "cancelled"
    work.path("tasks/runs.md").unlink()
    work.wait("the agent is stopped", lambda: work.json("show", "runs")["runs"][0]["state"] == "ended")
    assert work.json("show", "runs")["status"] == "cancelled"
    assert run == work.json("show", "runs")["runs"][0]["id"]
    assert not work.path("tasks/runs.md").exists()
    work.task("over", "Once more.\n")
    work.until("over", "review")
    assert work.traces("ran").count("over") == 2
    work.task("blocked", "Without needs.\n", status=None)
    work.until("blocked", "review")
    for name in ("two", "three", "four", "five", "six"):
        work.path(f"tasks/{name}.md").unlink()
    held = work.wait("held", lambda: [w for w in work.json("status")["waiting"] if w["kind"] == "deletion"])
    assert "coworkd confirm" in held[0]["what"]
    work.wait("in the inbox", lambda: "coworkd confirm" in work.read("inbox.md"))
    stays("they are kept", lambda: work.card("two"), 2)
    work.cmd("confirm")
    work.wait("gone", lambda: not work.card("two") and not work.card("six"))
    work.wait("nothing held", lambda: not [w for w in work.json("status")["waiting"] if w["kind"] == "deletion"])


def test_the_folder_gone_and_back(work: Workspace) -> None:
    desk(work)
    work.agent(
        "slow", 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nwhile [ ! -e "$SCRATCH/go" ]; do sleep 0.1; done\necho x > x'
    )
    work.up()
    work.task("runs", agent="slow")
    work.task("later", depends_on="[runs]")
    work.wait("it runs", lambda: work.traces("ran"))
    aside = work.root / "aside"
    work.path("").rename(aside)
    stays("nothing is stopped", lambda: work.traces("ran") == ["runs"] and work.alive(), 4)
    assert work.json("show", "runs")["status"] == "running"
    if work.path("").exists():
        _merge_back(work.path(""), aside)
    else:
        aside.rename(work.path(""))
    (work.scratch / "go").touch()
    work.until("runs", "review")
    work.finish("runs")
    work.until("later", "review")
    assert not [w for w in work.json("status")["waiting"] if w["kind"] == "deletion"]


def _merge_back(folder: Path, aside: Path) -> None:
    """The folder was made anew meanwhile, for what is shown in it."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    aside.rename(folder)


@pytest.mark.parametrize("how", ["deleted", "corrupt"])
def test_without_its_database_nothing_is_lost_or_run_again(work: Workspace, how: str) -> None:
    desk(work)
    work.agent("slow", 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nexec sleep 300')
    work.agent(
        "ask",
        'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nprintf -- "---\\nkind: question\\n---\\nWhich?\\n" > $COWORK_OUTBOX/q.md\nexec sleep 300',
    )
    work.agent("fail", 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nexit 3')
    work.up()
    work.save("messages/over/note.md", "A word.\n")
    work.task("over")
    work.task("reviewed")
    work.task("runs", agent="slow")
    work.task("asks", agent="ask")
    work.task("failed", agent="fail", on_error="skip")
    work.task("draft", status="draft")
    work.task("cancelled", status="cancelled")
    work.finish("over")
    for name in ("reviewed", "failed"):
        work.until(name, "review", "failed")
    work.until("runs", "running")
    work.until("asks", "waiting")
    request = work.wait("the review", lambda: work.field("reviews/reviewed.md", "cowork.request"))
    work.kill()
    files = {p: p.read_bytes() for p in work.path("").rglob("*.md") if p.is_file()}
    if how == "deleted":
        work.forget()
    else:
        for file in (work.repo / ".git" / "cowork").glob("*.db*"):
            file.write_bytes(b"this is no database" * 1000)
    ran = sorted(work.traces("ran"))
    work.save("tasks/typed-meanwhile.md", "---\nstatus: ready\n---\nNew.\n")
    work.up()
    for name in ("runs", "asks"):
        work.until(name, "paused")
        assert "database" in work.card(name)["why"]
    work.until("typed-meanwhile", "review")
    for name, status in {"over": "done", "failed": "failed", "draft": "draft", "cancelled": "cancelled"}.items():
        assert work.card(name)["status"] == status
    for path, data in files.items():
        assert path.exists(), path
        body = data.split(b"---\n", 2)[-1]
        if "tasks" in path.parts:
            assert path.read_bytes().split(b"---\n", 2)[-1] == body
    again = work.wait(
        "asked again", lambda: (r := work.field("reviews/reviewed.md", "cowork.request")) != request and r
    )
    assert work.field("reviews/reviewed.md", "approval") == "pending"
    stays("nothing is run again", lambda: sorted(work.traces("ran")) == sorted([*ran, "typed-meanwhile"]), 3)
    work.finish("reviewed")
    assert again
    assert "made.reviewed" in work.git("ls-tree", "-r", "--name-only", "cowork/integration")
    assert work.field("messages/over/note.md", "cowork.rev") == "1"
    work.set("tasks/runs.md", "status", "ready")
    work.until("runs", "running")
    assert work.traces("ran").count("runs") == 2 or work.wait("it runs", lambda: work.traces("ran").count("runs") == 2)
