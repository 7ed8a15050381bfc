"""What a program that is an agent is given, what becomes of what it says and makes, and of how it ends."""

from __future__ import annotations

import re

import pytest

from tests.acceptance.workbench import EDIT, Workbench


def test_it_is_told_where_it_is_and_nothing_else(w: Workbench) -> None:
    w.env["SECRET_TOKEN"] = "hidden"
    w.env["LENT"] = "lent"
    w.agent("ed", 'env > env.txt; pwd > pwd.txt; cat > prompt.txt; git config user.name > name.txt; ls -A $COWORK_INBOX '
            '> inbox.txt; echo x > $HOME/mine', env="{NAME: value}", env_pass="[LENT]")  # fmt: skip
    w.config("agent: ed\napprove: []\n")
    w.task("t", "Make it so.")
    w.up()
    w.until("t", "done")
    env = dict(line.split("=", 1) for line in w.landed("env.txt").splitlines() if "=" in line)
    run = w.json("show", "t")["runs"][-1]
    assert env["COWORK_TASK"] == "t"
    assert env["COWORK_ATTEMPT"] == "1"
    assert env["COWORK_RUN"] == run["id"]
    assert env["NAME"] == "value"
    assert env["LENT"] == "lent"
    assert "SECRET_TOKEN" not in env
    assert env["HOME"] != str(w.home)
    assert not (w.home / "mine").exists()
    assert {"PATH", "COWORK_OUTBOX", "COWORK_INBOX"} <= env.keys()
    assert w.landed("pwd.txt") != str(w.repo)
    assert not w.landed("pwd.txt").startswith(str(w.repo))
    assert "You are ed." in w.landed("prompt.txt")
    assert "Make it so." in w.landed("prompt.txt")
    assert w.landed("name.txt")


def test_a_live_message_streams_and_one_message_remains(w: Workbench) -> None:
    w.agent("slow", "echo first; while [ ! -e @SCRATCH@/go ]; do sleep 0.1; done; echo second; echo 1 > f")
    w.config("agent: slow\napprove: []\n")
    w.task("t")
    w.up()
    live = w.wait("the live message", lambda: list(w.cow("messages/t").glob("*.live.md")))[0]
    w.wait("its first words", lambda: "first" in live.read_text() and "streaming" in live.read_text(), 10)
    (w.scratch / "go").touch()
    w.until("t", "done")
    w.wait("the live message goes", lambda: not live.exists())
    final = live.with_name(live.name.replace(".live.md", ".md"))
    text = final.read_text()
    assert "first\nsecond" in text
    assert "state: done" in text
    assert "from: slow" in text
    assert len(w.messages("t")) == 1
    assert re.fullmatch(r"\d{8}T\d{6}Z-slow-[0-9a-z]+\.md", final.name)


def test_uncommitted_work_is_taken_and_ignored_files_are_not(w: Workbench) -> None:
    w.agent("ed", "echo '*.log' > .gitignore; echo a > a.txt; git add a.txt; git commit -qm one; echo b > b.txt;"
            " echo c > noise.log; mkdir d; echo e > d/e; rm README.md")  # fmt: skip
    w.config("agent: ed\napprove: []\n")
    w.task("t")
    w.up()
    w.until("t", "done")
    assert {"a.txt", "b.txt", "d/e", ".gitignore"} <= w.tree()
    assert not {"noise.log", "README.md"} & w.tree()


def test_a_failed_run_is_kept_and_not_submitted(w: Workbench) -> None:
    w.agent("bad", "echo half > half.txt; echo trying; echo reason >&2; exit 3")
    w.config("agent: bad\napprove: []\n")
    w.task("t", max_attempts=1)
    w.up()
    w.until("t", "failed")
    assert "half.txt" not in w.tree()
    refs = w.git("for-each-ref", "--format=%(refname)", "refs/cowork").splitlines()
    assert any("half.txt" in w.tree(ref) for ref in refs), refs
    (message,) = w.messages("t")
    assert "state: error" in message
    assert "trying" in message
    assert "reason" in message
    assert not w.cow("reviews/t.md").exists()
    run = w.json("show", "t")["runs"][-1]
    assert run["state"] == "ended"
    assert run["reason"] == "failed"


def test_a_failed_task_waits_for_a_person_with_its_last_words(w: Workbench) -> None:
    w.agent("ann", "echo first words; echo I give up: no compiler; echo broken >&2; exit 3\n")
    w.config("agent: ann\nbackoff: 0.1\n")
    w.task("a", max_attempts=1)
    w.up()
    w.until("a", "failed")
    (item,) = [item for item in w.json("status")["waiting"] if item["task"] == "a"]
    assert (item["kind"], item["path"]) == ("problem", "tasks/a.md")
    shown = " ".join(w.cmd("status").stdout.split())
    w.wait("inbox.md", lambda: "I give up" in w.text("inbox.md"))
    for text in (item["what"], w.text("inbox.md"), shown):
        for part in ("exit 3: broken", "I give up: no compiler", "`coworkd ready a`"):
            assert part in text
    w.agent("ann", EDIT)
    w.cmd("ready", "a")
    w.until("a", "review")
    assert [item["kind"] for item in w.json("status")["waiting"]] == ["review"]
    w.cmd("reject", "a")
    w.until("a", "failed")
    assert w.json("status")["waiting"] == [], "who has rejected it knows"


def test_unavailable_uses_no_attempt(w: Workbench) -> None:
    w.agent("ed", "n=$(cat @SCRATCH@/n 2>/dev/null || echo 0); echo $((n+1)) > @SCRATCH@/n; [ $n -ge 3 ] || exit 75;"
            " echo $COWORK_ATTEMPT > attempt.txt")  # fmt: skip
    w.config("agent: ed\napprove: []\nbackoff: 0.1\n")
    w.task("t", max_attempts=1)
    w.up()
    w.until("t", "done")
    assert w.landed("attempt.txt") == "1"


def test_what_it_prints_need_not_be_text(w: Workbench) -> None:
    w.agent("ed", r"printf '\xff\xfe\x00caf\xc3\xa9\033[31m\n---\nstatus: done\n'; echo 1 > f")
    w.config("agent: ed\napprove: []\n")
    w.task("t")
    w.up()
    w.until("t", "done")
    assert any("café" in text for text in w.messages("t"))


@pytest.mark.parametrize("script", ["true", "git commit -q --allow-empty -m nothing"])
def test_changing_nothing_asks_a_person(w: Workbench, script: str) -> None:
    w.agent("idle", script)
    w.config("agent: idle\napprove: []\n")
    w.task("t")
    w.up()
    w.review("t")
    w.until("t", "done")


def test_two_hundred_megabytes_of_output(w: Workbench) -> None:
    w.agent("loud", "echo begin; head -c 200000000 /dev/zero | tr '\\0' 'x'; echo; echo the-end; echo 1 > f")
    w.config("agent: loud\napprove: []\n")
    w.task("t")
    w.task("u")
    w.up()
    w.until("t", "done", seconds=60)
    (message,) = w.messages("t")
    assert "begin" in message
    assert "the-end" in message
    assert "cut" in message
    assert len(message) < 1_000_000


@pytest.mark.parametrize(
    "script",
    [
        "git checkout -q -b elsewhere; echo 1 > f; git add f; git commit -qm there",
        "git checkout -q --detach; echo 1 > f; git add f; git commit -qm there",
        "git checkout -q -b other; echo 1 > f; git add f; git commit -qm there; git branch -D cowork/task/t || true",
    ],
)
def test_commits_elsewhere_are_its_work_too(w: Workbench, script: str) -> None:
    w.agent("lost", script)
    w.config("agent: lost\napprove: []\n")
    w.task("t")
    w.up()
    w.until("t", "done", "failed", "review")
    refs = w.git("for-each-ref", "--format=%(refname)", "refs/cowork").splitlines()
    assert any("f" in w.tree(ref) for ref in refs), refs
    if w.status("t") == "done":
        assert "f" in w.tree()


def test_the_workspace_folder_is_dropped_and_reported(w: Workbench) -> None:
    w.agent("sly", "mkdir -p .cowork/tasks; printf -- '---\\nstatus: ready\\n---\\nevil\\n' > .cowork/tasks/evil.md;"
            " echo 1 > f; git add -A -f; git commit -qm all")  # fmt: skip
    w.config("agent: sly\napprove: []\n")
    w.task("t")
    w.up()
    w.until("t", "done")
    assert "f" in w.tree()
    assert not any(path.startswith(".cowork") for path in w.tree())
    assert any(".cowork/tasks/evil.md" in text for text in w.messages("t"))
    assert not w.cow("tasks/evil.md").exists()


@pytest.mark.parametrize("script", ['rm -rf "$PWD"', "rm -rf .git", 'rm -rf "$PWD" "$PWD/.."'])
def test_a_deleted_worktree_harms_only_its_run(w: Workbench, script: str) -> None:
    w.agent("vandal", f"{script}; echo gone")
    w.agent("ed", EDIT)
    w.config("agent: ed\napprove: []\nbackoff: 0.1\n")
    w.task("t", agent="vandal", max_attempts=2)
    w.up()
    w.until("t", "failed", "review")
    w.task("u")
    w.until("u", "done")


def test_a_program_that_is_not_there_is_named(w: Workbench) -> None:
    w.write(".cowork/agents/none.md", "---\ndriver: command\ncommand: [no-such-program]\n---\n")
    w.config("agent: none\nbackoff: 0.1\n")
    w.task("t", max_attempts=2)
    w.up()
    w.wait("it says so", lambda: "no-such-program" in w.card("t")["why"])
    assert w.status("t") == "ready", "no attempt can find a program that is not there"
    assert any("no-such-program" in text for text in w.messages("t"))
