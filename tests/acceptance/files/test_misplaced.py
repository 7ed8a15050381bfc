"""Words that a person wrote where nothing reads them: each gets a notice that says where to write them."""

from __future__ import annotations

from tests.acceptance.files.workspace import Workspace

EDIT = 'echo made > "made.$COWORK_TASK"\necho "I did it"'


def waits(work: Workspace, path: str, *words: str) -> bool:
    items = [item for item in work.json("status")["waiting"] if item["path"].startswith(path)]
    return any(all(word in item["what"] for word in words) for item in items)


def test_words_in_the_wrong_place_get_a_notice_each(work: Workspace) -> None:
    work.config("agent: ed\n")
    work.agent("ed", EDIT)
    work.up()
    work.task("one-task")
    work.until("one-task", "review")
    work.save("messages/one-tsk/hello.md", "Hello.\n")
    work.save("messages/one-task/yes.txt", "Yes.\n")
    work.save("task/other.md", "---\nstatus: ready\n---\nDo it.\n")
    work.task("two", approval="approved", status="draft")
    work.wait("the folder", lambda: waits(work, "messages/one-tsk/", "did you mean `one-task`"))
    work.problem("messages/one-task/yes.txt", "yes.md")
    work.problem("task/", "tasks/")
    work.problem("tasks/two.md", "reviews/two.md")
    work.set("tasks/one-task.md", "status", "done")
    work.wait("closed", lambda: work.card("one-task").get("status") == "done")
    work.set("reviews/one-task.md", "approval", "approved")
    work.problem("reviews/one-task.md", "closed by hand", "coworkd ready one-task")
    work.wait("put back", lambda: work.field("reviews/one-task.md", "approval") == "pending")
    work.save("messages/one-task/more.md", "One thing more.\n")
    work.wait("not sent", lambda: waits(work, "messages/one-task/more.md", "closed by hand", "coworkd ready"))
    for path in ("messages/one-tsk/hello.md", "messages/one-task/yes.txt", "task/other.md"):
        work.path(path).unlink()
    work.task("two", status="draft")
    paths = {"messages/one-task/yes.txt", "task/", "tasks/two.md"}
    work.wait("corrected", lambda: not paths & {p["path"] for p in work.json("status")["problems"]})
    work.wait("the folder is forgotten", lambda: not waits(work, "messages/one-tsk/"))
