"""Commands as somebody types them, with the daemon down unless a test starts one."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coworkd.cli.app import COMMANDS
from coworkd.store import Database, SubmissionRow, SubmissionState
from coworkd.store.submissions import add_submission
from tests.commands import COWORKD, Desk, environment


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


ARGUMENTS = {"new": ["x"], "show": ["x"], "ready": ["x"], "pause": ["x"], "cancel": ["x"], "take": ["x"]}
ARGUMENTS |= {
    "reply": ["x", "y"],
    "approve": ["x"],
    "reject": ["x"],
    "changes": ["x"],
    "diff": ["x"],
    "apply": ["x"],
    "revert": ["x"],
    "resolve": ["x"],
    "choose": ["x", "a"],
    "estimate": ["x"],
}
ARGUMENTS |= {"merge-driver": ["install"], "why": ["HEAD"], "import": ["x"], "export": ["--to", "csv"]}
OUTSIDE = sorted(COMMANDS.keys() - {"demo", "schema", "simulate", "stress"})


@pytest.mark.parametrize("command", OUTSIDE)
def test_outside_of_a_repository_every_command_says_so(tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [*COWORKD, command, *ARGUMENTS.get(command, [])], cwd=tmp_path, env=environment(tmp_path),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    assert "run `git init`" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_repository_without_a_workspace_is_told_what_to_do(tmp_path: Path) -> None:
    desk = Desk(tmp_path, init=False)
    assert "run `coworkd init`" in desk.fails(3, "status")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nosuch"], 2, "No such command 'nosuch'"),
        (["statu"], 2, "No such command 'statu'; did you mean `status`?"),
        (["show", "fix-onne"], 2, "there is no task `fix-onne`; did you mean `fix-one`?"),
        (["ready", "fix-tow"], 2, "there is no task `fix-tow`; did you mean `fix-two`?"),
        (["new", "x", "--agent", "cluade"], 2, "there is no agent `cluade`; did you mean `claude`?"),
        (["doctor", "--agent", "cluade"], 2, "there is no agent `cluade` that counts; did you mean `claude`?"),
        (["new", ""], 2, "a title needs at least one character that can be seen"),
        (["new", " \t\n"], 2, "a title needs at least one character that can be seen"),
        (["new", "\x01\x1b"], 2, "a title needs at least one character that can be seen"),
        (["new", "\u200b\ufeff"], 2, "a title needs at least one character that can be seen"),
        (["show"], 2, "Usage: coworkd show"),
        (["new", "x", "--nosuch"], 2, "No such option"),
        (["list", "--status", "sleeping"], 2, "is not one of"),
        (["show", "nosuch"], 1, "there is no task `nosuch`; `coworkd list` shows them"),
        (["ready", "nosuch"], 1, "there is no task `nosuch`"),
        (["show", "fix"], 2, "`fix` is ambiguous: fix-one, fix-two"),
        (["diff", "fix-one"], 1, "has submitted nothing yet"),
        (["approve", "fix-one"], 1, "nothing about `fix-one` waits for an approval"),
        (["reply", "fix-one", " "], 1, "nothing to send"),
    ],
)
def test_errors_say_what_is_wrong_and_where(desk: Desk, words: list[str], code: int, said: str) -> None:
    desk.write("agents/claude.md", '---\ndriver: command\ncommand: ["true"]\n---\n')
    desk.write("tasks/fix-one.md", "---\nstatus: draft\n---\nOne.\n")
    desk.write("tasks/fix-two.md", "---\nstatus: draft\n---\nTwo.\n")
    assert said in desk.fails(code, *words)


# ---- new


def test_new_writes_a_task_that_is_ready(desk: Desk) -> None:
    assert desk.ok("new", "Fix the login page") == ".cowork/tasks/fix-the-login-page.md\n"
    text = desk.read("tasks/fix-the-login-page.md")
    assert text.startswith("---\ntitle: Fix the login page\nstatus: ready\n")
    assert text.endswith("\n---\nFix the login page\n")
    (task,) = desk.json("list")["tasks"]
    assert (task["id"], task["status"]) == ("fix-the-login-page", "ready")


def test_new_takes_another_name_when_one_is_taken(desk: Desk) -> None:
    paths = [desk.json("new", "Same", "--draft")["path"] for _ in range(3)]
    assert paths == [f".cowork/tasks/same{tail}.md" for tail in ("", "-2", "-3")]


def test_new_writes_what_the_options_say(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.write(f"tasks/{name}.md", "---\nstatus: draft\n---\nDo it.\n")
    made = desk.json("new", 'Second: "it"', "--agent", "ann", "--depends-on", "a", "--depends-on", "b", "--draft")
    assert made == {"path": ".cowork/tasks/second-it.md", "id": "second-it"}
    task = next(task for task in desk.json("list")["tasks"] if task["id"] == "second-it")
    assert (task["title"], task["status"], task["agent"]) == ('Second: "it"', "draft", "ann")
    assert task["blocked_by"] == ["a", "b"]


def test_new_names_dependencies_that_there_are_no_tasks_for(desk: Desk) -> None:
    desk.json("new", "Fix one", "--draft")
    done = desk.run("new", "Second", "--draft", "--depends-on", "fix-onne", "--depends-on", "fix-one")
    assert done.returncode == 0
    assert done.stderr == (
        "coworkd: there is no task `fix-onne` yet, and the new one waits for it; did you mean `fix-one`?\n"
    )


def test_confirm_says_when_nothing_is_held(desk: Desk) -> None:
    assert desk.run("confirm").stdout == "no deletion is held: there is nothing to confirm\n"
    assert desk.json("confirm") == {"confirmed": False}


def test_new_opens_the_editor_on_a_draft(desk: Desk, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\ngrep -q "^status: draft" "$1" && echo "More words." >> "$1"\n')
    editor.chmod(0o755)
    desk.ok("new", "Think", "--edit", EDITOR=str(editor))
    assert desk.read("tasks/think.md").endswith("Think\nMore words.\n")
    (task,) = desk.json("list")["tasks"]
    assert task["status"] == "draft"


# ---- what shows


def test_status_is_json_of_the_documented_shape(desk: Desk) -> None:
    desk.write("tasks/one.md", "---\ntitle: One\nstatus: draft\ndepends_on: [two]\n---\nOne.\n")
    bad = desk.write("tasks/bad.md", "---\ntitle: [\n---\n")
    os.utime(bad, (1_700_000_000, 1_700_000_000))  # a file saved just now may not be saved whole yet
    status = desk.json("status")
    assert set(status) == {"daemon", "instance", "sandbox", "tasks", "waiting", "problems", "cost", "disk"}
    assert status["daemon"] == {"running": False, "pid": None}
    (task,) = status["tasks"]
    assert set(task) == {
        "id", "title", "status", "agent", "path", "blocked_by", "why", "by", "cost_usd", "tokens",
    }  # fmt: skip
    assert task["blocked_by"] == ["two"]
    assert {problem["path"] for problem in status["problems"]} == {task["path"], "tasks/bad.md"}
    assert {"kind", "path", "task", "since"} <= set(status["waiting"][0])
    assert status["cost"] == {"usd_today": 0}


def test_list_shows_only_what_stands_there(desk: Desk) -> None:
    desk.write("tasks/a.md", "---\nstatus: draft\n---\nA.\n")
    desk.write("tasks/b.md", "---\nstatus: cancelled\n---\nB.\n")
    assert [task["id"] for task in desk.json("list", "--status", "cancelled")["tasks"]] == ["b"]
    assert desk.ok("list", "--status", "draft").split() == ["draft", "a", "a"]


def test_show_tells_one_task_by_the_beginning_of_its_id(desk: Desk) -> None:
    desk.write("tasks/deep/wash-the-car.md", "---\ntitle: Wash\nstatus: draft\n---\nWash.\n")
    shown = desk.json("show", "wash")
    assert (shown["id"], shown["runs"], shown["messages"], shown["reviews"]) == ("wash-the-car", [], [], [])
    assert ".cowork/tasks/deep/wash-the-car.md" in desk.ok("show", ".cowork/tasks/deep/wash-the-car.md")


def test_show_knows_a_finished_task_whose_file_is_gone(desk: Desk) -> None:
    file = desk.write("tasks/old.md", "---\nstatus: done\n---\nOld.\n")
    desk.ok("status")
    file.unlink()
    assert desk.ok("show", "old").startswith("old: done\n")


def test_show_names_the_files_with_the_whole_output_of_the_latest_checks(desk: Desk) -> None:
    desk.write("tasks/a.md", "---\nstatus: draft\n---\nA.\n")
    desk.ok("status")
    checks = '[{"command": "true", "exit": 0, "seconds": 1.0}, {"command": "false", "exit": 1, "seconds": 1.0}]'
    db = Database(desk.root / ".git/cowork/state.db")
    for number, recorded in enumerate((checks, checks, "[]"), 1):
        row = SubmissionRow(
            task="a", number=number, attempt=number, base="", commit_id="c" * 40, tree="", created=0.0, checks=recorded,
            state=SubmissionState.RETIRED, needs_approval=True,
        )  # fmt: skip
        add_submission(db, row)
    db.close()
    logs = [f"reviews/a.d/check-{number}.log" for number in (1, 2)]
    assert [review["logs"] for review in desk.json("show", "a")["reviews"]] == [[], logs, []]
    assert [line.split() for line in desk.ok("show", "a").splitlines() if ".log" in line] == [
        ["check", "1", f".cowork/{logs[0]}"],
        ["check", "2", f".cowork/{logs[1]}"],
    ]


def test_agents_names_the_default_and_how_each_is_started(desk: Desk) -> None:
    desk.write("config.yaml", "agent: ann\n")
    desk.write("agents/ann.md", '---\ndriver: command\ncommand: ["true"]\n---\n')
    desk.write("agents/bob.md", "---\ndriver: replay\nrecording: r\n---\n")
    assert desk.ok("agents") == "* ann  command\n  bob  replay\n"
    assert desk.json("agents")["agents"][0] == {
        "name": "ann", "driver": "command", "model": "", "default": True, "usable": True,
    }  # fmt: skip


def test_events_are_json_lines_and_go_on_after_one(desk: Desk) -> None:
    desk.ok("new", "A", "--draft")
    events = [json.loads(line) for line in desk.ok("events").splitlines()]
    assert events
    assert all(set(event) == {"id", "at", "actor", "kind", "task", "data"} for event in events)
    assert desk.ok("events", "--after", str(events[-1]["id"])) == ""


def test_nothing_is_wrong_when_the_reader_of_the_output_goes(desk: Desk) -> None:
    for number in range(3):
        desk.ok("new", f"Task {number}", "--draft")
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(
            [*COWORKD, "events"], cwd=desk.root, env=environment(desk.home), stdout=pipe, stderr=subprocess.PIPE,
            timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_a_file_says_does_not_command_the_terminal(desk: Desk) -> None:
    desk.write("tasks/a.md", '---\ntitle: "red \\e[31m"\nstatus: draft\n---\nA.\n')
    assert all("\x1b" not in desk.ok(*words) for words in (["status"], ["list"], ["show", "a"]))


def test_commands_that_come_at_once_wait_for_each_other(desk: Desk) -> None:
    running = [
        subprocess.Popen(
            [*COWORKD, "status"], cwd=desk.root, env=environment(desk.home), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    ended = [(child.communicate(timeout=60)[1], child.returncode) for child in running]
    assert ended == [("", 0)] * 4


# ---- statuses


def test_words_for_a_status_go_into_the_file(desk: Desk) -> None:
    desk.write("tasks/a.md", "---\nstatus: draft   # mine\n---\nA.\n")
    assert desk.ok("ready", "a") == "a: ready\n"
    assert "status: ready   # mine\n" in desk.read("tasks/a.md")
    assert desk.json("pause", "a") == {"id": "a", "status": "paused"}
    assert desk.ok("cancel", "a") == "a: cancelled\n"


def test_a_word_that_is_put_back_fails_with_the_reason(desk: Desk) -> None:
    desk.write("tasks/a.md", "---\nstatus: done\n---\nA.\n")
    desk.ok("status")
    assert "the task is done" in desk.fails(1, "pause", "a")
    assert "status: done\n" in desk.read("tasks/a.md")


def test_a_message_is_a_file_in_the_thread(desk: Desk) -> None:
    desk.ok("new", "A", "--draft")
    path = desk.json("reply", "a", "Mind the gap")["path"]
    assert path.startswith(".cowork/messages/a/")
    assert (desk.root / path).read_text() == "Mind the gap\n"


# ---- the daemon


def test_init_commits_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    desk = Desk(tmp_path, init=False)
    assert desk.json("init")["path"] == str(desk.root / ".cowork")
    desk.write("config.yaml", "quiet: 3\n")
    assert "completed" in desk.ok("init")
    assert desk.read("config.yaml") == "quiet: 3\n"
    assert desk.git("rev-list", "--count", "HEAD").strip() == "1"
    assert desk.git("status", "--porcelain", "a.txt") == ""


def test_the_daemon_starts_once_and_stops(desk: Desk) -> None:
    started = desk.json("up", "--detach")
    try:
        assert started["path"] == str(desk.root)
        assert desk.json("status")["daemon"] == {"running": True, "pid": started["pid"]}
        assert f"already runs for this workspace (pid {started['pid']})" in desk.fails(1, "up")
        assert "already runs" in desk.fails(1, "up", "--detach")
    finally:
        assert desk.json("down") == {"stopped": True, "pid": started["pid"]}
    assert desk.ok("down") == "no daemon runs here\n"


def kill_and_wait(pid: int) -> None:
    """Kill a process that is not our child; what it held is free then."""
    watched = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([watched], [], [])
    os.close(watched)


def test_a_daemon_that_was_killed_is_not_shown_as_running(desk: Desk) -> None:
    kill_and_wait(desk.json("up", "--detach")["pid"])
    assert desk.json("status")["daemon"] == {"running": False, "pid": None}
    assert desk.ok("down") == "no daemon runs here\n"


def test_what_was_saved_just_before_a_command_is_in_what_it_shows(desk: Desk) -> None:
    for number in range(20):
        desk.write("tasks/one.md", f"---\nstatus: draft\ntitle: version {number}\n---\nDo it.\n")
        assert [task["title"] for task in desk.json("status")["tasks"]] == [f"version {number}"]


# ---- completion


def completed(desk: Desk, *words: str) -> list[str]:
    """What bash is offered for the last word."""
    program = "import sys; from coworkd.cli import main; main()"
    env = environment(
        desk.home, COMP_WORDS=" ".join(("coworkd", *words)), COMP_CWORD=str(len(words)),
        _COWORKD_COMPLETE="bash_complete",
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=desk.root,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_a_shell_completes_commands_tasks_and_agents(desk: Desk) -> None:
    desk.write("agents/claude.md", '---\ndriver: command\ncommand: ["true"]\n---\n')
    for title in ("Fix one", "Fix two", "Other"):
        desk.ok("new", title, "--draft")
    assert completed(desk, "statu") == ["status"]
    assert completed(desk, "show", "fix") == ["fix-one", "fix-two"]
    assert completed(desk, "log", "o") == ["other"]
    assert completed(desk, "new", "x", "--agent", "c") == ["claude"]
    assert completed(desk, "new", "x", "--depends-on", "fix-t") == ["fix-two"]
    assert completed(desk, "approve", "f") == []


def test_outside_of_a_workspace_there_is_nothing_to_complete(tmp_path: Path) -> None:
    desk = Desk(tmp_path, init=False)
    assert completed(desk, "show", "x") == []
    assert not (desk.root / ".git" / "cowork").exists()
