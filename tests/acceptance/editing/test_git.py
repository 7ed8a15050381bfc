"""Everyday git around the real daemon: nothing typed is lost, nothing starts that nobody asked for."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.files.workspace import Workspace, stays

EDIT = 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\necho made > "made.$COWORK_TASK"'
TASK = (
    "---\ntitle: {name}\nstatus: draft\npriority: medium\n# mine\n---\nFirst line. t00000x\n\nMiddle.\n\nLast line.\n"
)


def desk(work: Workspace) -> None:
    work.config("agent: ed", quiet=0.5)
    work.agent("ed", EDIT)


def commit(work: Workspace, words: str = "text") -> None:
    work.git("add", "-A")
    work.git("commit", "-qm", words)


def edit(work: Workspace, file: str, old: str, new: str) -> None:
    text = work.read(file)
    assert old in text, text
    work.save(file, text.replace(old, new))


def known(work: Workspace, task: str, **values: object) -> None:
    """Until the board says so."""
    work.wait(f"{task}: {values}", lambda: values.items() <= work.card(task).items() if values else work.card(task))


def seen(work: Workspace, file: str) -> None:
    """Until everything saved so far has been taken in: a task saved after it is known."""
    number = len(list(work.path("tasks").glob("zz*.md")))
    work.save(f"tasks/zz{number}.md", "---\nstatus: draft\n---\n")
    known(work, f"zz{number}")
    assert work.path(file).exists()


def topic(work: Workspace, branch: str, old: str, theirs: str, ours: str) -> None:
    """A branch and main change the same line of task `a`."""
    work.git("switch", "-qc", branch)
    edit(work, "tasks/a.md", old, theirs)
    commit(work, f"{branch} says {theirs}")
    work.git("switch", "-q", "main")
    edit(work, "tasks/a.md", old, ours)
    commit(work, f"main says {ours}")


@contextmanager
def asleep(work: Workspace) -> Generator[None]:
    """The daemon sees nothing of what happens here but its result."""
    assert work.daemon is not None
    os.kill(work.daemon.pid, signal.SIGSTOP)
    yield
    os.kill(work.daemon.pid, signal.SIGCONT)


def test_merges_rebases_and_looks_at_the_past(work: Workspace) -> None:
    desk(work)
    work.save("tasks/a.md", TASK.format(name="a"))
    work.save("tasks/busy.md", TASK.format(name="busy").replace("draft", "ready"))
    commit(work)
    work.up()
    work.until("busy", "review")
    commit(work, "what coworkd wrote")

    # A conflict in the header: the last good version stands, and the task says what is wrong.
    topic(work, "one", "priority: medium", "priority: low", "priority: high")
    assert "CONFLICT" in work.git("merge", "one", ok=False)
    work.problem("tasks/a.md")
    assert work.card("a")["status"] == "draft"
    # While the merge is under way nothing is written that git tracks.
    before = work.read("tasks/busy.md")
    work.cmd("cancel", "busy")
    typed = work.read("tasks/busy.md")
    assert typed == before.replace("status: review", "status: cancelled")
    known(work, "busy", status="cancelled")
    stays("nothing is written", lambda: work.read("tasks/busy.md") == typed, 1)
    conflicted = work.read("tasks/a.md")
    assert "<<<<<<<" in conflicted
    resolved = TASK.format(name="a").replace("priority: medium", "priority: low")
    work.save("tasks/a.md", resolved)
    work.wait("readable again", lambda: not work.problems("tasks/a.md"))
    commit(work, "merged")
    assert work.read("tasks/a.md") == resolved

    # A conflict in the body, in a rebase.
    topic(work, "two", "Middle.", "Their middle. t00001x", "Our middle. t00002x")
    work.git("switch", "-q", "two")
    assert "CONFLICT" in work.git("rebase", "main", ok=False)
    work.problem("tasks/a.md")
    work.save("tasks/a.md", resolved.replace("Middle.", "Both middles. t00003x"))
    work.git("add", "-A")
    work.git("-c", "core.editor=true", "rebase", "--continue")
    work.wait("readable again", lambda: not work.problems("tasks/a.md"))
    work.git("switch", "-q", "main")
    work.git("merge", "-q", "--ff-only", "two")

    # The past comes and goes.
    known(work, "a", status="draft")
    work.git("bisect", "start", "-q", "HEAD", "HEAD~3")
    seen(work, "tasks/a.md")
    work.git("bisect", "reset")
    work.git("switch", "-q", "main")
    assert "t00003x" in work.read("tasks/a.md")
    work.save("tasks/new.md", TASK.format(name="new"))
    known(work, "new")
    commit(work, "a new one")
    last = work.git("rev-parse", "HEAD")
    work.git("reset", "-q", "--hard", "HEAD~1")
    stays("not deleted, but away", lambda: work.card("new"), 2.5)
    work.git("reset", "-q", "--hard", last)
    work.wait("back", lambda: "away" not in str(work.card("new").get("why")))

    # What was typed and not committed can be put back by git, and nothing starts from it.
    edit(work, "tasks/new.md", "Middle.", "Never mind. t00004x")
    seen(work, "tasks/new.md")
    work.git("restore", ".cowork/tasks/new.md")
    seen(work, "tasks/new.md")
    assert "t00004x" not in work.read("tasks/new.md")
    assert b"t00004x" in kept(work), "what was taken in can be found again"
    work.git("clean", "-fdxq")
    work.wait("the inbox is made anew", lambda: work.path("inbox.md").exists())
    assert work.card("new")["status"] == "draft"
    work.cmd("ready", "new")
    work.until("new", "review")
    assert work.traces("ran") == ["busy", "new"]
    # A plain `rm` deletes, whether or not git tracks the file.
    work.path("tasks/new.md").unlink()
    work.wait("cancelled", lambda: work.json("show", "new")["status"] == "cancelled")
    assert not [p for p in work.json("status")["problems"] if p["path"].startswith("tasks/")]


def kept(work: Workspace) -> bytes:
    return b"".join(p.read_bytes() for p in (work.repo / ".git/cowork").rglob("*") if p.is_file())


def test_an_approval_in_the_stash(work: Workspace) -> None:
    desk(work)
    work.task("quick")
    work.task("put-away")
    work.up()
    for name in ("quick", "put-away"):
        work.until(name, "review")
        work.wait("the review", lambda name=name: work.field(f"reviews/{name}.md", "approval") == "pending")
    commit(work)
    # Typed, acted upon, and stashed afterwards: it stays done, whatever the stash brings back.
    work.set("reviews/quick.md", "approval", "approved")
    work.until("quick", "done")
    landed = work.git("rev-list", "--count", "cowork/integration")
    work.git("stash", "-q")
    seen(work, "reviews/quick.md")
    work.git("stash", "pop", "-q", ok=False)
    known(work, "quick", status="done")
    assert work.git("rev-list", "--count", "cowork/integration") == landed
    work.git("checkout", "-q", "--", ".")
    work.git("stash", "drop", "-q", ok=False)
    # Typed and stashed before the daemon saw it: what the stash holds comes back by git, and approves nothing.
    with asleep(work):
        work.set("reviews/put-away.md", "approval", "approved")
        work.git("stash", "push", "-q", "--", ".cowork/reviews/put-away.md")
    seen(work, "reviews/put-away.md")
    assert work.card("put-away")["status"] == "review"
    work.git("stash", "apply", "-q")
    work.problem("reviews/put-away.md", "git")
    assert work.card("put-away")["status"] == "review"
    work.git("stash", "drop", "-q")
    work.cmd("approve", "put-away")
    work.until("put-away", "done")
    assert sorted(work.traces("ran")) == ["put-away", "quick"]


def test_two_daemons_and_one_remote(place: Path) -> None:
    """Anna and Bert work on one remote, a daemon each: no task runs twice unasked, and reviews stay with their owner."""
    anna = Workspace(place)
    desk(anna)
    anna.save("tasks/shared.md", TASK.format(name="shared"))
    commit(anna)
    remote = place / "remote.git"
    anna.git("clone", "-q", "--bare", ".", str(remote))
    anna.git("remote", "add", "origin", str(remote))
    anna.git("fetch", "-q", "origin")
    anna.git("branch", "-q", "--set-upstream-to=origin/main")
    bert = Workspace(place, init=False, repo="bert", user="bert")
    anna.git("clone", "-q", str(remote), str(bert.repo))
    bert.cmd("init")
    bert.cmd("trust")
    try:
        anna.up()
        bert.up()
        _share(anna, bert)
    finally:
        for work in (anna, bert):
            if work.alive():
                work.down()


def _send(work: Workspace, words: str) -> None:
    commit(work, words)
    work.git("push", "-q", "origin", "main")


def _fetch(work: Workspace) -> None:
    work.git("pull", "-q", "--no-rebase", "origin", "main")


def _share(anna: Workspace, bert: Workspace) -> None:
    # Ready on Anna's side: it runs there, and is only shown on Bert's.
    edit(anna, "tasks/shared.md", "status: draft", "status: ready")
    anna.until("shared", "review")
    anna.wait("the review", lambda: anna.field("reviews/shared.md", "approval") == "pending")
    anna.save("tasks/later.md", TASK.format(name="later").replace("draft", "ready"))
    anna.until("later", "review")
    _send(anna, "at work")
    _fetch(bert)
    known(bert, "shared", status="review", by=anna.json("status")["instance"])
    # Bert's yes is nobody's on his side, and comes to Anna by git: it counts on neither.
    assert bert.run("approve", "shared").returncode != 0 or bert.status("shared") == "review"
    if bert.field("reviews/shared.md", "approval") == "pending":
        bert.set("reviews/shared.md", "approval", "approved")
    stays("it is not his", lambda: bert.card("shared")["status"] == "review", 1.5)
    _send(bert, "a yes from elsewhere")
    _fetch(anna)
    anna.problem("reviews/shared.md", "git")
    assert anna.card("shared")["status"] == "review"
    assert anna.traces("ran") == ["shared", "later"], "both daemons leave their traces in one place"
    # Bert takes one over: from now on it runs on his side, and Anna's shows it as his.
    bert.cmd("take", "later")
    known(bert, "later", by=bert.json("status")["instance"])
    bert.wait("written down", lambda: bert.field("tasks/later.md", "cowork.by") == bert.json("status")["instance"])
    _send(bert, "taken")
    _fetch(anna)
    known(anna, "later", by=bert.json("status")["instance"])
    anna.set("reviews/later.md", "approval", "approved")
    stays("it is not hers any more", lambda: anna.card("later")["status"] != "done", 2)
    anna.git("checkout", "-q", "--", ".cowork/reviews/later.md")
    # A deletion comes by pull: it is one.
    bert.save("tasks/doomed.md", TASK.format(name="doomed"))
    known(bert, "doomed")
    _send(bert, "a new one")
    _fetch(anna)
    known(anna, "doomed")
    bert.git("rm", "-qf", ".cowork/tasks/doomed.md")
    _send(bert, "and gone")
    _fetch(anna)
    anna.wait("deleted", lambda: not anna.card("doomed"))
    # Anna lands hers, by a word of her own.
    anna.cmd("approve", "shared")
    anna.until("shared", "done")
    _send(anna, "landed")
    _fetch(bert)
    known(bert, "shared", status="done")
    assert bert.traces("ran") == ["shared", "later"]
    assert not [p for p in anna.json("status")["problems"] if p["path"] == "tasks/shared.md"]
