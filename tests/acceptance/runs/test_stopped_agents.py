"""An agent whose program is not there, or cannot be executed, is stopped at once; its tasks wait for it."""

from __future__ import annotations

import pytest

from tests.acceptance.workbench import Workbench

TASKS = ("a", "b", "c")


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
