"""An agent whose program is not there, or cannot be executed, is stopped at once; its tasks wait for it."""

from __future__ import annotations

import shutil

import pytest

from tests.acceptance.workbench import Workbench

TASKS = ("a", "b", "c")
RECORDING = '{"recording": 1, "agent": "ed", "model": "none"}\n{"run": "true"}\n'


def _agent(w: Workbench, name: str, command: str, extra: str = "") -> None:
    w.write(f".cowork/agents/{name}.md", f"---\ndriver: command\ncommand: [{command}]\n{extra}---\nYou are {name}.\n")


@pytest.mark.parametrize("program", ["no-such-agent-program", "/no/such/agent", "{w}/plain.txt"])
def test_a_program_that_cannot_be_started_stops_its_agent(w: Workbench, program: str) -> None:
    (w.scratch / "plain.txt").write_text("no program\n")
    _agent(w, "ed", program.format(w=w.scratch))
    w.config("agent: ed\nmax_attempts: 1\nbackoff: 0.1\n")
    for task in TASKS:
        w.task(task)
    w.up()

    def items() -> list[dict[str, str]]:
        return [item for item in w.json("status")["waiting"] if item["kind"] == "agent"]

    (item,) = w.wait("the item", items)
    assert item["path"] == "agents/ed.md"
    assert "cannot start" in item["what"]
    for task in TASKS:
        w.wait(f"{task} waits", lambda task=task: "agent ed is stopped" in w.card(task)["why"])
    assert {w.status(task) for task in TASKS} == {"ready"}
    w.wait("the inbox", lambda: "agents/ed.md" in w.text("inbox.md"))
    _agent(w, "ed", "bash, -c, 'cat > /dev/null; echo x > made.$COWORK_TASK; echo ok'")
    for task in TASKS:
        w.until(task, "review")
    assert not items()
    assert {w.field(f"reviews/{task}.md", "approval") for task in TASKS} == {"pending"}


SPOKEN = ("command", "acp", "claude", "codex")
"""Drivers that start a program of the user's."""


def _items(w: Workbench) -> list[dict[str, str]]:
    return [item for item in w.json("status")["waiting"] if item["kind"] == "agent"]


def _stops_and_goes_on(w: Workbench, head: str, *said: str) -> None:
    """The agent `ed` is stopped once, whatever its tasks; another goes on; a good file has them all done."""
    w.write(".cowork/agents/ed.md", f"---\n{head}---\nYou are ed.\n")
    _agent(w, "other", "bash, -c, 'cat > /dev/null; echo x > made.$COWORK_TASK; echo ok'")
    w.config("agent: ed\nmax_attempts: 1\nbackoff: 0.1\n")
    for task in TASKS:
        w.task(task)
    w.task("unaffected", agent="other")
    w.up()
    for task in TASKS:
        w.wait(f"{task} waits", lambda task=task: "agent ed is stopped" in w.card(task)["why"])
    w.until("unaffected", "review")
    (item,) = _items(w)
    for words in ("agents/ed.md", *said):
        assert words in item["what"] + item["path"], item
    w.wait("the inbox", lambda: said[0] in w.text("inbox.md"))
    assert "agent ed is stopped" in w.cmd("show", "a").stdout
    assert {w.status(task) for task in TASKS} == {"ready"}
    _agent(w, "ed", "bash, -c, 'cat > /dev/null; echo x > made.$COWORK_TASK; echo ok'")
    for task in TASKS:
        w.until(task, "review")
    assert {run["attempt"] for task in TASKS for run in w.json("show", task)["runs"]} == {1}
    assert not _items(w)


def _program(w: Workbench, first_line: str) -> str:
    file = w.scratch / "agent"
    file.write_text(f"{first_line}\ncat > /dev/null\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.parametrize("driver", SPOKEN)
def test_an_interpreter_outside_of_the_sandbox_stops_its_agent(w: Workbench, driver: str) -> None:
    hidden = w.root / "hidden"
    hidden.mkdir()
    shutil.copy("/bin/sh", hidden / "sh")
    program = _program(w, f"#!{hidden}/sh")
    _stops_and_goes_on(w, f"driver: {driver}\ncommand: [{program}]\n", "not visible in the sandbox", f"{hidden}/sh")


@pytest.mark.parametrize("driver", ["command", "claude"])
def test_an_interpreter_that_is_not_installed_stops_its_agent(w: Workbench, driver: str) -> None:
    program = _program(w, "#!/usr/bin/env no-such-interpreter")
    _stops_and_goes_on(w, f"driver: {driver}\ncommand: [{program}]\n", "no-such-interpreter", "install")


MISSING = ("allow_paths: [/no/such/folder]", "/no/such/folder")
NO_HOST = ("network: ['https://api.example.com/']", "HOST:PORT")


@pytest.mark.parametrize(
    ("driver", "wish", "said"),
    [*[(driver, *MISSING) for driver in (*SPOKEN, "llm", "replay")], ("command", *NO_HOST)],
)
def test_a_sandbox_that_cannot_be_meant_stops_its_agent(w: Workbench, driver: str, wish: str, said: str) -> None:
    w.write(".cowork/recordings/a.jsonl", RECORDING)
    for task in TASKS[1:]:
        w.write(f".cowork/recordings/{task}.jsonl", RECORDING)
    head = f"driver: {driver}\nsandbox: {{{wish}}}\ncommand: [cat]\n"
    if driver == "llm":
        head = f"driver: llm\nmodel: anthropic/claude\nenv: {{ANTHROPIC_API_KEY: x}}\nsandbox: {{{wish}}}\n"
    elif driver == "replay":
        head = f"driver: replay\nrecording: recordings\nsandbox: {{{wish}}}\n"
    _stops_and_goes_on(w, head, said, "sandbox.")


@pytest.mark.parametrize(
    ("driver", "variable"),
    [("claude", "CLAUDE_CONFIG_DIR"), ("codex", "CODEX_HOME"), ("opencode", "OPENCODE_CONFIG_DIR")],
)
def test_settings_that_are_not_visible_in_the_sandbox_stop_their_agent(
    w: Workbench, driver: str, variable: str
) -> None:
    folder = w.home / "settings"
    folder.mkdir()
    head = f"driver: {driver}\ncommand: [cat]\nenv: {{{variable}: {folder}}}\n"
    _stops_and_goes_on(w, head, variable, "allow_paths")


def test_a_folder_of_settings_that_is_not_there_stops_its_agent(w: Workbench) -> None:
    folder = w.home / "nowhere"
    _stops_and_goes_on(w, f"driver: codex\ncommand: [cat]\nenv: {{CODEX_HOME: {folder}}}\n", "is not there")


@pytest.mark.parametrize("driver", ["command", "acp"])
def test_an_agent_without_a_command_is_stopped(w: Workbench, driver: str) -> None:
    _stops_and_goes_on(w, f"driver: {driver}\n", "has no `command`")


def test_an_agent_that_fails_at_once_is_not_started_for_each_task(w: Workbench) -> None:
    w.agent("ed", "echo x >> @SCRATCH@/starts; [ -e @SCRATCH@/works ] || { echo no licence >&2; exit 1; }; echo 1 > f")
    w.config("agent: ed\nbackoff: 0.1\n")
    names = [f"t{number:02}" for number in range(20)]
    for name in names:
        w.task(name)
    w.up()
    (item,) = w.wait("the item", lambda: _items(w))
    assert item["path"] == "agents/ed.md"
    assert "agent ed is stopped: its last 5 runs failed within 10 s" in item["what"]
    assert "no licence" in item["what"]
    starts = w.scratch / "starts"
    w.stays("no other start", lambda: len(starts.read_text().split()) == 5, 4.0)
    assert {w.status(name) for name in names} == {"ready"}
    assert all("agent ed is stopped" in card["why"] for card in w.json("status")["tasks"])
    (w.scratch / "works").touch()
    w.cmd("ready", names[-1])
    w.until(names[-1], "review")
    assert not _items(w)


def test_ready_tries_a_stopped_agent_again(w: Workbench) -> None:
    program = w.scratch / "agent.sh"
    _agent(w, "ed", str(program), f"sandbox: {{allow_paths: [{w.scratch}]}}\n")
    w.config("agent: ed\nmax_attempts: 1\n")
    w.task("a")
    w.up()
    w.wait("it waits", lambda: "agent ed is stopped" in w.card("a")["why"])
    program.write_text("#!/bin/bash\ncat > /dev/null; echo x > made; echo ok\n")
    program.chmod(0o755)
    w.cmd("ready", "a")
    w.until("a", "review")
    assert len([run for run in w.json("show", "a")["runs"] if run["state"] == "ended"]) == 2
