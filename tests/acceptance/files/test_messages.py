"""The thread of a task: what is handed over, when, once, and what becomes of the rest."""

from __future__ import annotations

from tests.acceptance.files.workspace import Workspace, stays

EDIT = 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\ncat > "$SCRATCH/prompt.$COWORK_TASK.$COWORK_ATTEMPT"\necho $COWORK_ATTEMPT > made\necho "I did it"'
HOLD = """
echo "$COWORK_TASK" >> "$SCRATCH/ran"
while [ ! -e "$SCRATCH/go" ]; do cp "$COWORK_INBOX"/*.md "$SCRATCH/" 2>/dev/null; sleep 0.1; done
echo x > x
"""
ASK = """
echo "$COWORK_TASK" >> "$SCRATCH/ran"
if [ ! -e "$COWORK_INBOX/q1.md" ]; then
  for n in 1 2; do printf -- "---\\nkind: question\\n---\\nWhich colour $n?\\n" > "$COWORK_OUTBOX/q$n.md"; sleep 1; done
fi
for i in $(seq 300); do [ -e "$COWORK_INBOX/q1.md" -a -e "$COWORK_INBOX/q2.md" ] && break; sleep 0.1; done
cat "$COWORK_INBOX"/q1.md > "$SCRATCH/$COWORK_TASK.one"; cat "$COWORK_INBOX"/q2.md > "$SCRATCH/$COWORK_TASK.two"
echo x > x
"""


def desk(work: Workspace, quiet: float = 1) -> Workspace:
    work.config("agent: ed\nconcurrency: 12\n", quiet=quiet)
    work.agent("ed", EDIT)
    work.agent("hold", HOLD)
    work.agent("ask", ASK)
    work.agent(
        "fail", 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\ncat > "$SCRATCH/prompt.$COWORK_TASK.$COWORK_ATTEMPT"\nexit 3'
    )
    return work.up()


def ran(work: Workspace, task: str) -> int:
    return work.traces("ran").count(task)


def prompt(work: Workspace, task: str, attempt: int = 1) -> str:
    return "\n".join(work.traces(f"prompt.{task}.{attempt}"))


def test_messages_before_a_run_join_its_prompt_once_and_in_order(work: Workspace) -> None:
    work.config("agent: ed\n")
    work.save("messages/late/b.md", "Second by name.\n")
    work.save("messages/late/a.md", "First by name.\n")
    desk(work)
    work.wait(
        "shown as not sent", lambda: [w for w in work.json("status")["waiting"] if w["path"] == "messages/late/a.md"]
    )
    work.save("messages/late/0.md", "Seen last.\n")
    work.save("messages/late/held.md", "---\ndraft: true\n---\nNot this one.\n")
    work.save("messages/late/empty.md", "")
    work.task("late", status="draft")
    stays("a message starts no draft", lambda: not ran(work, "late"), 2.5)
    assert not [w for w in work.json("status")["waiting"] if w["task"] == "late"], "there is a task now"
    work.set("tasks/late.md", "status", "ready")
    work.until("late", "review")
    said = prompt(work, "late")
    assert said.index("First by name") < said.index("Second by name") < said.index("Seen last")
    assert "Not this one" not in said
    run = work.json("show", "late")["runs"][0]["id"]
    for name in ("a", "b", "0"):
        work.wait("receipt", lambda name=name: work.field(f"messages/late/{name}.md", "cowork.run") == run)
        assert work.field(f"messages/late/{name}.md", "cowork.id") == name
        assert work.field(f"messages/late/{name}.md", "cowork.rev") == "1"
    assert work.read("messages/late/a.md").endswith("---\nFirst by name.\n")
    assert "cowork" not in work.read("messages/late/held.md")
    shown = {m["path"]: m for m in work.json("show", "late")["messages"]}
    assert shown["messages/late/a.md"]["delivered"]
    assert shown["messages/late/held.md"]["delivered"] == ""
    assert shown["messages/late/a.md"]["from"] == "user"
    work.save("messages/late/held.md", "---\ndraft: false\n---\nNow this one.\n")
    work.wait("a new attempt", lambda: "Now this one" in prompt(work, "late", 2))
    work.until("late", "review")
    assert work.field("messages/late/held.md", "cowork.run")


def test_a_message_where_the_task_stands(work: Workspace) -> None:
    desk(work)
    work.task("runs", agent="hold")
    work.task("reviewed")
    work.task("finished")
    work.task("dropped", status="cancelled")
    work.task("failed", agent="fail", on_error="skip")
    work.task("paused", status="paused")
    work.wait("it runs", lambda: ran(work, "runs"))
    work.finish("finished")
    work.until("reviewed", "review")
    work.until("failed", "failed")
    for task in ("runs", "reviewed", "finished", "dropped", "failed", "paused"):
        work.save(f"messages/{task}/note.md", f"A word to {task}.\n")
    work.wait("steered", lambda: (work.scratch / "note.md").exists())
    assert "A word to runs." in (work.scratch / "note.md").read_text()
    work.wait("receipt", lambda: work.field("messages/runs/note.md", "cowork.run"))
    work.wait("a new attempt", lambda: "A word to reviewed" in prompt(work, "reviewed", 2))
    work.wait("a new attempt", lambda: "A word to failed" in prompt(work, "failed", 2))
    for task in ("finished", "dropped"):
        work.wait(
            "not sent", lambda task=task: "not sent" in work.read("inbox.md").split(f"messages/{task}/note.md")[-1]
        )
        assert work.read(f"messages/{task}/note.md") == f"A word to {task}.\n"
    assert work.status("finished") == "done"
    assert not ran(work, "paused")
    work.set("tasks/paused.md", "status", "ready")
    work.until("paused", "review")
    assert "A word to paused" in prompt(work, "paused")
    (work.scratch / "go").touch()
    work.until("runs", "review")


def test_an_edit_after_delivery_changes_nothing_and_resend_asks_again(work: Workspace) -> None:
    desk(work)
    work.task("thread")
    work.save("messages/thread/one.md", "The first wording.\n")
    work.until("thread", "review")
    assert "The first wording." in prompt(work, "thread")
    work.wait("receipt", lambda: work.field("messages/thread/one.md", "cowork.run"))
    run = work.field("messages/thread/one.md", "cowork.run")
    work.save("messages/thread/one.md", work.read("messages/thread/one.md").replace("first", "second"))
    work.problem("messages/thread/one.md", "delivered", "resend")
    stays("no new attempt", lambda: ran(work, "thread") == 1, 2.5)
    work.save("messages/thread/one.md", "The third wording, from an old buffer.\n")
    work.wait("the receipt is back", lambda: work.field("messages/thread/one.md", "cowork.run") == run)
    stays("no new attempt", lambda: ran(work, "thread") == 1, 2.5)
    text = work.read("messages/thread/one.md").replace("---\ncowork", "---\nresend: true\ncowork", 1)
    work.save("messages/thread/one.md", text)
    work.wait("a new attempt", lambda: "The third wording" in prompt(work, "thread", 2))
    work.until("thread", "review")
    work.wait("a new receipt", lambda: work.field("messages/thread/one.md", "cowork.run") not in ("", run))
    latest = work.json("show", "thread")["runs"][-1]["id"]
    answer = next(path for path in work.path("messages/thread").glob(f"*-{latest}.md"))
    assert "parent: one" in answer.read_text()
    work.save("messages/thread/one.md", work.read("messages/thread/one.md") + "\nMore.\n")
    stays("resend counts once", lambda: ran(work, "thread") == 2, 2.5)


def test_messages_wait_for_quiet_but_not_for_the_command(work: Workspace) -> None:
    desk(work, quiet=600)
    work.task("runs", agent="hold")
    work.wait("it runs", lambda: ran(work, "runs"))
    work.save("messages/runs/typed.md", "Half a\n")
    path = work.cmd("reply", "runs", "At once.").strip()
    work.wait("the reply is there", lambda: (work.scratch / path.rsplit("/", 1)[1]).exists())
    assert not (work.scratch / "typed.md").exists(), "it is still being typed"
    work.config("agent: ed\nconcurrency: 12\n", quiet=4)
    for words in ("Half", "Half a", "Half a sentence."):
        work.save("messages/runs/typed.md", f"{words}\n")
        stays("it is being typed", lambda: not (work.scratch / "typed.md").exists(), 1.5)
    work.wait("the message is there", lambda: (work.scratch / "typed.md").exists())
    assert "Half a sentence." in (work.scratch / "typed.md").read_text()
    (work.scratch / "go").touch()
    work.until("runs", "review")


def test_answers_in_every_form(work: Workspace) -> None:
    desk(work)
    for task in ("file", "named", "inside", "command"):
        work.task(task, agent="ask")

    def questions(task: str) -> list[str]:
        found = sorted(p.name for p in work.path(f"messages/{task}").glob("*question*.md"))
        return found if len(found) == 2 else []

    for task in ("file", "named", "inside", "command"):
        work.wait("both questions", lambda task=task: questions(task))
        work.until(task, "waiting")
    kinds = [w for w in work.json("status")["waiting"] if w["kind"] == "question"]
    assert len(kinds) == 8
    assert {w["task"] for w in kinds} == {"file", "named", "inside", "command"}
    work.save("messages/file/x.md", "To the newest.\n")
    work.save(
        "messages/named/x.md", f"---\nreply_to: {questions('named')[0].removesuffix('.md')}\n---\nTo the first.\n"
    )
    inside = f"messages/inside/{questions('inside')[1]}"
    work.save(inside, work.read(inside) + "Written inside.\n")
    work.cmd("reply", "command", "By command.")
    for task in ("file", "named", "inside", "command"):
        work.wait("one is answered", lambda task=task: len(
            [w for w in work.json("status")["waiting"] if w["kind"] == "question" and w["task"] == task]) == 1)  # fmt: skip
        work.save(f"messages/{task}/y.md", "To the other.\n")
    for task in ("file", "named", "inside", "command"):
        work.until(task, "review")
        assert ran(work, task) == 1
    both = {
        task: (work.traces(f"{task}.one"), work.traces(f"{task}.two"))
        for task in ("file", "named", "inside", "command")
    }
    assert "To the newest." in both["file"][1]
    assert "To the other." in both["file"][0]
    assert "To the first." in both["named"][0]
    assert "Written inside." in both["inside"][1]
    assert "By command." in both["command"][1]
    assert "answer: reply" in both["command"][1]


def test_an_edited_body_reaches_the_agent_at_work(work: Workspace) -> None:
    desk(work)
    work.task("edited", "Paint it red.\n", agent="hold")
    work.wait("it runs", lambda: ran(work, "edited"))
    work.save("tasks/edited.md", work.read("tasks/edited.md").replace("red", "blue"))
    work.wait("steered", lambda: any("Paint it blue." in p.read_text() for p in work.scratch.glob("*.md")))
    (work.scratch / "go").touch()
    work.until("edited", "review")
    assert ran(work, "edited") == 1
