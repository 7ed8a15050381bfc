"""High risk without a sandbox: the review says in its first line where it is answered, and there alone it counts."""

from __future__ import annotations

import json
import os
import pty
import subprocess

from tests.acceptance.workbench import Workbench

HOOK = "mkdir -p .husky; echo 'echo hello' > .husky/pre-commit; echo done\n"


def unconfined(work: Workbench) -> None:
    """Nothing holds the agents, because the user wants it so."""
    work.config("agent: main\nsandbox: off\n")
    work.env["XDG_CONFIG_HOME"] = str(work.home / "config")
    settings = work.home / "config" / "coworkd" / "config.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text("sandbox: off\n")


def on_a_terminal(work: Workbench, *args: str, typed: str = "") -> subprocess.CompletedProcess[bytes]:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, typed.encode())
        return subprocess.run(
            ["coworkd", *args], cwd=work.repo, env=work.env, executable=str(work.bin / "coworkd"), stdin=theirs,
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)


def test_what_runs_on_your_machine_is_approved_on_a_terminal(work: Workbench) -> None:
    unconfined(work)
    work.agent("main", HOOK)
    work.up()
    work.task("hook", verify="['true']")
    work.until("hook", "review")
    work.wait("asked", lambda: work.field("reviews/hook.md", "approval") == "pending")
    text = work.text("reviews/hook.md")
    first = text.split("---\n", 2)[2].strip().splitlines()[0]
    assert "`coworkd approve hook` on a terminal" in first
    assert "risk: high" in text
    assert ".husky/pre-commit: runs on your machine" in text
    work.set("reviews/hook.md", "approval", "approved")
    work.wait("held", lambda: "on a terminal" in work.problems())
    assert "on a terminal" in work.cmd("approve", "hook", check=False).stderr
    work.stays("nothing lands", lambda: work.status("hook") == "review")
    assert on_a_terminal(work, "approve", "hook").returncode == 0
    work.until("hook", "done")
    events = [json.loads(line) for line in work.cmd("events").stdout.splitlines()]
    answered = [event for event in events if event["kind"] == "answered"]
    assert [event["data"]["answer"] for event in answered] == ["approved"]


def test_low_risk_is_approved_in_the_file_or_by_any_command(work: Workbench) -> None:
    unconfined(work)
    work.agent("main", 'echo "$COWORK_TASK" > "$COWORK_TASK.txt"; echo done\n')
    work.up()
    work.task("one", verify="['true']")
    work.task("two", verify="['true']")
    work.finish("one")
    work.until("two", "review")
    work.wait("asked", lambda: work.field("reviews/two.md", "approval") == "pending")
    assert "terminal" not in work.text("reviews/two.md")
    work.cmd("approve", "two")
    work.until("two", "done")


def test_approvals_by_command_alone(work: Workbench) -> None:
    unconfined(work)
    settings = work.home / "config" / "coworkd" / "config.yaml"
    settings.write_text("sandbox: off\napprove_by: command\n")
    work.agent("main", "echo one > one.txt; echo done\n")
    work.up()
    work.task("one", verify="['true']")
    work.until("one", "review")
    work.wait("asked", lambda: work.field("reviews/one.md", "approval") == "pending")
    assert "`coworkd approve one`" in work.text("reviews/one.md").split("---\n", 2)[2].strip().splitlines()[0]
    work.set("reviews/one.md", "approval", "approved")
    work.wait("held", lambda: "approve_by: command" in work.problems())
    work.stays("nothing lands", lambda: work.status("one") == "review")
    work.cmd("approve", "one")
    work.until("one", "done")


def test_a_decision_saved_beside_a_run_without_a_sandbox_is_marked(work: Workbench) -> None:
    unconfined(work)
    started, go = work.repo / "started", work.repo / "go"
    hold = f"touch {started}; while [ ! -e {go} ]; do sleep 0.1; done"
    work.agent("main", f'echo x > "$COWORK_TASK.txt"; if [ "$COWORK_TASK" = slow ]; then {hold}; fi\n')
    work.up()
    work.task("one", verify="['true']")
    work.until("one", "review")
    work.wait("asked", lambda: work.field("reviews/one.md", "approval") == "pending")
    work.task("slow", verify="['true']")
    work.wait("at work", started.exists)
    work.set("reviews/one.md", "approval", "approved")
    work.until("one", "done")
    work.wait("marked in the review", lambda: "unsandboxed_run: " in work.text("reviews/one.md"))
    work.wait("marked in the inbox", lambda: "`approved` was saved in [reviews/one.md]" in work.text("inbox.md"))
    assert "which had no sandbox, was at work" in " ".join(work.cmd("log", "one").stdout.split())
    go.touch()
    work.until("slow", "review")
    work.cmd("approve", "slow")
    work.until("slow", "done")
    assert "unsandboxed_run" not in work.text("reviews/slow.md"), "no run was at work, and it was said by command"
