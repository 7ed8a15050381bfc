"""Agents' programs on this machine: found, asked for their version, and given a file by `init`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Desk
from tests.integration.gitkit import Checkout, checkout
from tests.integration.product import coworkd


class Machine:
    """A user's home and search path, with what is installed there."""

    def __init__(self, root: Path) -> None:
        self.at: Checkout = checkout(root / "repo")
        self.home = root / "home"
        self.bin = root / "bin"
        self.home.mkdir()
        self.bin.mkdir()
        self.env = {"HOME": str(self.home), "PATH": f"{self.bin}:/usr/bin:/bin"}

    def install(self, program: str, script: str) -> None:
        file = self.bin / program
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def run(self, *args: str) -> str:
        unset = {name: "" for name in os.environ if name.endswith(("_API_KEY", "_TOKEN"))}
        done = coworkd(self.at.root, *args, env={**unset, **self.env})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def installed(self) -> dict[str, dict[str, Any]]:
        return {one["program"]: one for one in json.loads(self.run("agents", "--json"))["installed"]}

    def agents(self) -> dict[str, str]:
        return {file.name: file.read_text() for file in (self.at.root / ".cowork/agents").iterdir()}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_init_writes_an_agent_for_what_is_installed_over_nothing_and_as_no_default(machine: Machine) -> None:
    machine.install("claude", "exit 1")
    (machine.home / ".claude").mkdir()
    (machine.home / ".claude" / ".credentials.json").write_text("{}")
    machine.env["OPENAI_API_KEY"] = "k"
    machine.install("opencode", "exit 1")
    machine.install("gemini", "exit 1")
    machine.at.write(".cowork/agents/gemini.md", "---\ndriver: command\ncommand: [mine]\n---\n")
    told = machine.run("init")
    made = machine.agents()
    assert "driver: claude\nlogin: mine " in made["claude.md"]
    assert "driver: opencode\nlogin: key " in made["opencode.md"]
    assert made["gemini.md"] == "---\ndriver: command\ncommand: [mine]\n---\n"
    assert "wrote agents/claude.md" in told
    assert "wrote agents/gemini.md" not in told
    assert "gemini is not signed in" not in told
    assert (
        "no agent is the default yet:\n  write `agent: claude` into .cowork/config.yaml (or gemini, opencode)" in told
    )
    assert not any(agent["default"] for agent in json.loads(machine.run("agents", "--json"))["agents"])
    machine.at.write(".cowork/agents/claude.md", "changed")
    machine.run("init")
    assert machine.agents()["claude.md"] == "changed"


def test_init_makes_the_one_program_that_is_there_the_default(tmp_path: Path) -> None:
    desk = Desk(tmp_path, init=False)
    (desk.root / "test_a.py").write_text("import pytest\n")
    (tmp_path / "claude").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "claude").chmod(0o755)
    told = json.loads(desk.ok("init", "--json", PATH=f"{tmp_path}:/usr/bin:/bin"))
    assert (told["agent"], told["next"]) == ("claude", "coworkd up --detach")
    assert [agent["name"] for agent in desk.json("agents")["agents"] if agent["default"]] == ["claude"]
    assert '# verify: ["python3 -m pytest -q"]\n' in desk.read("config.yaml")
    assert "- api.anthropic.com\n" in desk.read("agents/claude.md")


def test_what_is_not_signed_in_is_not_lent_a_login(machine: Machine) -> None:
    machine.install("claude", "exit 1")
    machine.run("init")
    assert "\n# login: mine " in machine.agents()["claude.md"]


def test_agents_lists_programs_with_version_and_login(machine: Machine) -> None:
    machine.install("claude", 'echo "2.1.7 (Claude Code)"; touch "$HOME/was-here"')
    machine.install("codex", "echo codex-cli 0.169.0-alpha.3; sleep 0")
    machine.install("opencode", "echo no such flag >&2; exit 1")
    machine.env["ANTHROPIC_API_KEY"] = "k"
    machine.run("init")
    found = machine.installed()
    assert {name: one["version"] for name, one in found.items()} == {
        "claude": "2.1.7", "codex": "0.169.0-alpha.3", "opencode": "",
    }  # fmt: skip
    assert found["claude"]["signed_in"]
    assert found["claude"]["login"] == "$ANTHROPIC_API_KEY"
    assert not found["codex"]["signed_in"]
    assert list(machine.home.iterdir()) == [], "asking for a version writes nothing into its user's home"
    assert "installed: claude 2.1.7, $ANTHROPIC_API_KEY" in machine.run("agents")


def test_with_nothing_installed_there_is_nothing_to_say(machine: Machine) -> None:
    machine.run("init")
    assert machine.agents() == {}
    assert machine.installed() == {}
