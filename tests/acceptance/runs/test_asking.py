"""Questions, permissions and messages between an agent and a person."""

from __future__ import annotations

import pytest

from tests.acceptance.workbench import Workbench

ASK = 'printf -- "---\\nkind: question\\n---\\nWhich colour?\\n" > $COWORK_OUTBOX/q.md'
PERMIT = (
    'printf -- "---\\napproval: pending\\ntool: run\\narguments: npm install\\n---\\nI want to run: npm install\\n"'
    " > $COWORK_OUTBOX/p.md"
)
COUNT = 'echo "$COWORK_RUN $COWORK_ATTEMPT" >> @SCRATCH@/starts.$COWORK_TASK\n'


def until_there(name: str) -> str:
    return f'while [ ! -e "$COWORK_INBOX/{name}" ]; do sleep 0.1; done'


def question(w: Workbench, task: str = "t") -> str:
    """Path of the question's file, relative to `.cowork/`."""
    w.until(task, "waiting")
    found = w.wait("the question", lambda: sorted(w.cow(f"messages/{task}").glob("*-question-*.md")))
    return f"messages/{task}/{found[-1].name}"


def permission(w: Workbench, task: str = "t") -> str:
    w.until(task, "waiting")
    path = w.wait("the form", lambda: [p for p in w.approvals() if p.startswith(f"approvals/{task}-")])[-1]
    w.wait("its pending", lambda: w.field(path, "approval") == "pending")
    return path


def starts(w: Workbench, task: str = "t") -> list[str]:
    file = w.scratch / f"starts.{task}"
    return file.read_text().splitlines() if file.exists() else []


# ---- questions


def test_the_answer_under_the_heading_reaches_an_agent_that_waits(w: Workbench) -> None:
    w.agent("ask", f'{ASK}; {until_there("q.md")}; cp "$COWORK_INBOX/q.md" answer.txt')
    w.config("agent: ask\napprove: []\n")
    w.task("t")
    w.up()
    path = question(w)
    assert "kind: question" in w.text(path)
    assert "Which colour?" in w.text(path)
    w.wait("the inbox", lambda: path.split("/")[-1] in w.text("inbox.md"))
    w.write(f".cowork/{path}", w.text(path).rstrip("\n") + "\nGreen, please.\n")
    w.until("t", "done")
    assert "answer: reply" in w.landed("answer.txt")
    assert "Green, please." in w.landed("answer.txt")


def test_an_agent_that_left_with_75_is_started_again_with_the_answer(w: Workbench) -> None:
    w.agent("ask", f'{COUNT}if [ ! -e "$COWORK_INBOX/q.md" ]; then echo half > half.txt; echo asking; {ASK}; exit 75; fi;'
            ' cp "$COWORK_INBOX/q.md" answer.txt; echo told')  # fmt: skip
    w.config("agent: ask\napprove: []\n")
    w.task("t", max_attempts=1)
    w.up()
    question(w)
    w.stays("it waits", lambda: w.status("t") == "waiting" and len(starts(w)) == 1, 2)
    w.write(".cowork/messages/t/mine.md", "Blue.\n")
    w.until("t", "done")
    first, second = starts(w)
    assert first == second
    assert first.endswith(" 1")
    assert "Blue." in w.landed("answer.txt")
    assert "answer: reply" in w.landed("answer.txt")
    assert w.landed("half.txt") == "half"
    assert "run:" in w.text("messages/t/mine.md")
    assert [r["id"] for r in w.json("show", "t")["runs"]] == [first.split()[0]]


def test_exit_0_with_a_question_open_waits_and_goes_on(w: Workbench) -> None:
    w.agent("ask", f'{COUNT}if [ ! -e "$COWORK_INBOX/q.md" ]; then {ASK}; exit 0; fi; cp "$COWORK_INBOX/q.md" a.txt')
    w.config("agent: ask\napprove: []\n")
    w.task("t")
    w.up()
    question(w)
    w.stays("it waits", lambda: w.status("t") == "waiting" and len(starts(w)) == 1, 2)
    w.cmd("reply", "t", "Red.")
    w.until("t", "done")
    assert "Red." in w.landed("a.txt")
    assert len(set(starts(w))) == 1


def test_several_questions_each_get_their_own_answer(w: Workbench) -> None:
    w.agent("ask", 'for n in one two three; do printf -- "---\\nkind: question\\n---\\nAbout $n?\\n" > $COWORK_OUTBOX/$n.md;'
            f' done; {until_there("one.md")}; {until_there("two.md")}; {until_there("three.md")};'
            ' mkdir a; cp $COWORK_INBOX/*.md a')  # fmt: skip
    w.config("agent: ask\napprove: []\n")
    w.task("t")
    w.up()
    w.wait("all three", lambda: len(list(w.cow("messages/t").glob("*-question-*.md"))) == 3)
    stems = {n: p.stem for p in w.cow("messages/t").glob("*-question-*.md") for n in ("one", "two", "three")
             if f"About {n}?" in p.read_text()}  # fmt: skip
    for name in ("two", "one", "three"):
        w.write(f".cowork/messages/t/to-{name}.md", f"---\nreply_to: {stems[name]}\n---\nAnswer {name}\n")
    w.until("t", "done")
    for name in stems:
        assert f"Answer {name}" in w.landed(f"a/{name}.md")


def test_half_an_answer_is_not_sent(w: Workbench) -> None:
    w.agent("ask", f'{ASK}; {until_there("q.md")}; cp "$COWORK_INBOX/q.md" answer.txt')
    w.config("agent: ask\napprove: []\n")
    w.task("t")
    w.up()
    question(w)
    for text in ("Bl", "Blue, pl", "Blue, please.\n"):
        w.write(".cowork/messages/t/a.md", text)
        w.stays("still waiting", lambda: w.status("t") == "waiting", 0.5)
    w.until("t", "done")
    assert "Blue, please." in w.landed("answer.txt")


def test_a_draft_is_held_back(w: Workbench) -> None:
    w.agent("ask", f'{ASK}; {until_there("q.md")}; cp "$COWORK_INBOX/q.md" answer.txt')
    w.config("agent: ask\napprove: []\n")
    w.task("t")
    w.up()
    question(w)
    w.write(".cowork/messages/t/a.md", "---\ndraft: true\n---\nnot yet\n")
    w.stays("a draft waits", lambda: w.status("t") == "waiting", 2.5)
    w.write(".cowork/messages/t/a.md", "---\ndraft: false\n---\nnow\n")
    w.until("t", "done")


# ---- permissions


@pytest.mark.parametrize("answer", ["approved", "rejected", "changes"])
@pytest.mark.parametrize("leaves", [False, True])
def test_a_permission_is_answered_with_word_and_comment(w: Workbench, answer: str, leaves: bool) -> None:
    wait = "exit 75" if leaves else until_there("p.md")
    w.agent(
        "perm", f'{COUNT}if [ ! -e "$COWORK_INBOX/p.md" ]; then {PERMIT}; {wait}; fi; cp "$COWORK_INBOX/p.md" v.txt'
    )
    w.config("agent: perm\napprove: []\n")
    w.task("t")
    w.up()
    path = permission(w)
    text = w.text(path)
    assert "npm install" in text
    assert "tool: run" in text
    assert "request:" in text
    assert "state: open" in text
    head, rest = text.split("approval: pending", 1)
    w.write(f".cowork/{path}", f"{head}approval: {answer}\ncomment: use yarn{rest}")
    w.until("t", "done")
    assert f"answer: {answer}" in w.landed("v.txt")
    assert "comment: use yarn" in w.landed("v.txt")
    w.wait("the answer is spent", lambda: "state: used" in w.text(path))
    assert w.field(path, "approval") == answer
    assert len(set(starts(w))) == 1


def test_an_agent_that_leaves_as_the_answer_comes_is_started_again_with_it(w: Workbench) -> None:
    w.agent("perm", f'{COUNT}if mkdir @SCRATCH@/first; then {PERMIT}; {until_there("p.md")}; exit 75; fi;'
            ' cp "$COWORK_INBOX/p.md" v.txt')  # fmt: skip
    w.config("agent: perm\napprove: []\n")
    w.task("t")
    w.up()
    w.set(permission(w), "approval", "approved")
    w.until("t", "done")
    assert "answer: approved" in w.landed("v.txt")
    assert len(starts(w)) == 2
    assert len(set(starts(w))) == 1


def test_an_approval_by_command(w: Workbench) -> None:
    w.agent("perm", f'{PERMIT}; {until_there("p.md")}; cp "$COWORK_INBOX/p.md" v.$COWORK_TASK')
    w.config("agent: perm\napprove: []\n")
    w.task("t")
    w.task("u")
    w.up()
    permission(w, "t")
    path = permission(w, "u")
    w.cmd("approve", "t")
    w.cmd("reject", path, "--comment", "never")
    w.until("t", "done")
    w.until("u", "done")
    assert "answer: approved" in w.landed("v.t")
    assert "answer: rejected" in w.landed("v.u")
    assert "comment: never" in w.landed("v.u")


@pytest.mark.parametrize("odd", ["Approved!", "yes", "true", "approve", "аpproved", "[approved]", ""])
def test_odd_answers_hold_and_say_so(w: Workbench, odd: str) -> None:
    w.agent("perm", f'{PERMIT}; {until_there("p.md")}; cp "$COWORK_INBOX/p.md" v.txt')
    w.config("agent: perm\napprove: []\n")
    w.task("t")
    w.up()
    path = permission(w)
    w.set(path, "approval", odd)
    w.wait("the problem", lambda: path in w.problems())
    assert w.status("t") == "waiting"
    w.set(path, "approval", "approved")
    w.until("t", "done")
    assert path not in w.problems()


def test_a_second_answer_changes_nothing(w: Workbench) -> None:
    w.agent("perm", f'{PERMIT}; {until_there("p.md")}; cp "$COWORK_INBOX/p.md" v.txt; touch @SCRATCH@/got;'
            ' while [ ! -e @SCRATCH@/go ]; do sleep 0.1; done; cp "$COWORK_INBOX/p.md" v2.txt')  # fmt: skip
    w.config("agent: perm\napprove: []\n")
    w.task("t")
    w.up()
    path = permission(w)
    w.set(path, "approval", "approved")
    w.wait("it got it", lambda: (w.scratch / "got").exists())
    w.wait("spent", lambda: "state: used" in w.text(path))
    w.set(path, "approval", "rejected")
    w.stays("goes on", lambda: w.status("t") == "running", 1.5)
    (w.scratch / "go").touch()
    w.until("t", "done")
    assert "answer: approved" in w.landed("v2.txt")


def test_a_deleted_form_comes_back(w: Workbench) -> None:
    w.agent("perm", f'{PERMIT}; {until_there("p.md")}; cp "$COWORK_INBOX/p.md" v.txt')
    w.config("agent: perm\napprove: []\n")
    w.task("t")
    w.up()
    path = permission(w)
    w.cow(path).unlink()
    w.wait("the form is back", lambda: w.field(path, "approval") == "pending", 15)
    w.set(path, "approval", "approved")
    w.until("t", "done")


def test_an_answer_to_a_stale_request_is_void(w: Workbench) -> None:
    w.agent("perm", f'{PERMIT}; {until_there("p.md")}; cp "$COWORK_INBOX/p.md" v.txt')
    w.config("agent: perm\napprove: []\n")
    w.task("t")
    w.up()
    path = permission(w)
    text = w.text(path)
    request = next(word for word in text.replace(",", " ").split() if len(word) == 16 and word.isalnum())
    w.write(f".cowork/{path}", text.replace(request, "0" * 16).replace("approval: pending", "approval: approved"))
    w.wait("put back", lambda: w.field(path, "approval") == "pending" and path in w.problems())
    assert w.status("t") == "waiting"


def test_cancelling_voids_what_was_asked(w: Workbench) -> None:
    w.agent("perm", f'{PERMIT}; {until_there("p.md")}; cp "$COWORK_INBOX/p.md" v.txt')
    w.config("agent: perm\napprove: []\n")
    w.task("t")
    w.up()
    path = permission(w)
    w.set("tasks/t.md", "status", "cancelled")
    w.wait("void", lambda: "state: void" in w.text(path))
    w.wait("nothing waits", lambda: "Nothing waits" in w.text("inbox.md"))


# ---- messages


def test_a_message_to_a_running_task_reaches_it_under_its_own_name(w: Workbench) -> None:
    w.agent("ed", f'touch @SCRATCH@/up; {until_there("hint.md")}; cp "$COWORK_INBOX/hint.md" hint.txt')
    w.config("agent: ed\napprove: []\n")
    w.task("t")
    w.up()
    w.wait("it runs", lambda: (w.scratch / "up").exists())
    w.write(".cowork/messages/t/hint.md", "Mind the gap.\n")
    w.until("t", "done")
    assert "Mind the gap." in w.landed("hint.txt")
    assert "run:" in w.text("messages/t/hint.md")


def test_a_message_before_the_run_joins_its_prompt(w: Workbench) -> None:
    w.agent("ed", "cat > prompt.txt")
    w.config("agent: ed\napprove: []\n")
    w.task("t", status="draft")
    w.write(".cowork/messages/t/before.md", "Use tabs.\n")
    w.up()
    w.stays("a draft", lambda: w.status("t") == "draft", 1.5)
    w.set("tasks/t.md", "status", "ready")
    w.until("t", "done")
    assert "Use tabs." in w.landed("prompt.txt")
    assert "run:" in w.text("messages/t/before.md")


def test_a_message_after_failure_starts_a_new_attempt(w: Workbench) -> None:
    w.agent("ed", "cat > prompt.txt; [ $COWORK_ATTEMPT -ge 2 ]")
    w.config("agent: ed\napprove: []\n")
    w.task("t", max_attempts=1)
    w.up()
    w.until("t", "failed")
    w.cmd("reply", "t", "Try harder.")
    w.until("t", "done")
    assert "Try harder." in w.landed("prompt.txt")


def test_a_message_to_a_done_task_is_kept_and_not_sent(w: Workbench) -> None:
    w.agent("ed", f"{COUNT}echo 1 > f")
    w.config("agent: ed\napprove: []\n")
    w.task("t")
    w.up()
    w.until("t", "done")
    w.write(".cowork/messages/t/late.md", "Too late.\n")
    w.stays("done", lambda: w.status("t") == "done", 2.5)
    assert len(starts(w)) == 1
    told = [m for m in w.json("show", "t")["messages"] if m["path"].endswith("late.md")]
    assert told
    assert not told[0]["delivered"]


def test_posted_messages_appear_in_the_thread(w: Workbench) -> None:
    w.agent("ed", 'echo "Half way." > $COWORK_OUTBOX/note.md; (echo "Part one."; sleep 0.1; echo "Part two.";'
            ' sleep 0.1; echo "Part three.") > $COWORK_OUTBOX/slow.md; echo hidden > $COWORK_OUTBOX/.x.md;'
            " echo other > $COWORK_OUTBOX/x.txt; echo 1 > f; sleep 1; echo Last. > $COWORK_OUTBOX/last.md")  # fmt: skip
    w.config("agent: ed\napprove: []\n")
    w.task("t")
    w.up()
    w.wait("it shows at once", lambda: any("Half way." in text for text in w.messages("t")))
    assert w.status("t") == "running"
    w.until("t", "done")
    texts = w.messages("t")
    assert any("Part one.\nPart two.\nPart three." in text for text in texts)
    assert any("Last." in text for text in texts)
    assert not any("hidden" in text or "other" in text for text in texts)
    assert len(texts) == 4


def test_a_hundred_messages_a_link_and_a_monster(w: Workbench) -> None:
    w.agent("ed", "for i in $(seq 100); do echo number $i. > $COWORK_OUTBOX/m$i.md; done;"
            " ln -s /etc/passwd $COWORK_OUTBOX/link.md; head -c 20000000 /dev/zero > $COWORK_OUTBOX/big.md;"
            r" printf '\xff\xfe' > $COWORK_OUTBOX/bytes.md; mkdir $COWORK_OUTBOX/dir.md; mkfifo $COWORK_OUTBOX/pipe.md;"
            " echo 1 > f")  # fmt: skip
    w.config("agent: ed\napprove: []\n")
    w.task("t")
    w.up()
    w.until("t", "done")
    texts = w.messages("t")
    for number in (1, 50, 100):
        assert any(f"number {number}." in text for text in texts)
    assert not any("root:" in text for text in texts)
    for name in ("link.md", "big.md", "bytes.md", "dir.md", "pipe.md"):
        assert any(name in text for text in texts), name


# ---- across the daemon's own end


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("offline", [False, True])
def test_an_answer_survives_the_daemon(w: Workbench, leaves: bool, killed: bool, offline: bool) -> None:
    wait = "exit 75" if leaves else until_there("q.md")
    w.agent("ask", f'{COUNT}if [ ! -e "$COWORK_INBOX/q.md" ]; then echo half > half.txt; {ASK}; {wait}; fi;'
            ' cp "$COWORK_INBOX/q.md" answer.txt')  # fmt: skip
    w.config("agent: ask\napprove: []\n")
    w.task("t", max_attempts=1)
    w.up()
    path = question(w)
    w.kill9() if killed else w.down()
    if offline:
        w.write(".cowork/messages/t/mine.md", "Blue.\n")
    w.up()
    if not offline:
        w.wait("it waits again", lambda: w.status("t") == "waiting" and "Which colour" in w.text(path))
        w.stays("still", lambda: w.status("t") == "waiting", 1.5)
        w.write(".cowork/messages/t/mine.md", "Blue.\n")
    w.until("t", "done")
    assert "Blue." in w.landed("answer.txt")
    assert len(list(w.cow("messages/t").glob("*-question-*.md"))) == 1
    assert len(set(starts(w))) == 1


@pytest.mark.parametrize("killed", [False, True])
def test_a_permission_survives_the_daemon(w: Workbench, killed: bool) -> None:
    w.agent("perm", f'{PERMIT}; {until_there("p.md")}; cp "$COWORK_INBOX/p.md" v.txt')
    w.config("agent: perm\napprove: []\n")
    w.task("t")
    w.up()
    path = permission(w)
    w.kill9() if killed else w.down()
    w.set(path, "approval", "approved")
    w.up()
    w.until("t", "done")
    assert "answer: approved" in w.landed("v.txt")
