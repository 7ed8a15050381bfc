"""`coworkd doctor` on a sound workspace, and on one with each trouble that can be made here."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from coworkd.diagnostics.doctor import examine
from coworkd.diagnostics.findings import Level
from coworkd.store import Database
from coworkd.system.paths_and_settings import Paths
from tests.integration.gitkit import Checkout, checkout
from tests.integration.product import coworkd, done

AGENT = "---\ndriver: command\ncommand: [sh, -c, 'true']\n---\n"


@pytest.fixture
def at(tmp_path: Path) -> Checkout:
    made = checkout(tmp_path / "repo")
    done(made.root, "init")
    made.write(".cowork/agents/sound.md", AGENT)
    return made


def checks(at: Checkout) -> tuple[int, dict[str, Any]]:
    found = coworkd(at.root, "doctor", "--json")
    told = json.loads(found.stdout)
    assert told["ok"] == (found.returncode == 0)
    return found.returncode, {check["name"]: check for check in told["checks"]}


def test_a_sound_workspace(at: Checkout) -> None:
    done(at.root, "merge-driver", "install")
    before = at.state()
    code, found = checks(at)
    assert code == 0, found
    for name in ("git", "yaml", "links", "processes", "socket", "merge driver", "agent sound"):
        assert found[name]["level"] == "ok", found[name]
    assert found["agent sound"]["found"] == shutil.which("sh")
    assert found["sandbox"]["level"] in ("ok", "weak"), found["sandbox"]
    assert "none led out" in found["sandbox"]["found"] or "an agent can do whatever" in found["sandbox"]["found"]
    assert found["daemon"]["level"] == "weak"
    assert all(check["advice"] for check in found.values() if check["level"] != "ok")
    assert at.state() == before


def test_a_line_for_each_with_what_to_do_below(at: Checkout) -> None:
    lines = done(at.root, "doctor").splitlines()
    assert "weak  merge driver    not installed: git merges these files as text" in lines
    assert lines[lines.index("weak  merge driver    not installed: git merges these files as text") + 1].strip() == (
        "coworkd merge-driver install"
    )
    assert all(len(line) <= 80 for line in lines if len(line.split()) > 1), "a path of one word stays whole"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("---\ndriver: command\ncommand: [no-such-program-anywhere]\n---\n", "`no-such-program-anywhere` is not there"),
        ("---\ndriver: command\ncommand: [./bin/agent]\n---\n", "`./bin/agent` is not there"),
        ("---\ndriver: command\n---\n", "has no `command`"),
        ("---\ndriver: clod\n---\n", "there is no driver `clod`"),
        ("---\ndriver: replay\nrecording: none\n---\n", "no recordings at"),
        ("---\nlimits: 3\n---\n", "agents/odd.md:2"),
        ("---\ncommand: [\n---\n", "agents/odd.md:2"),
    ],
)
def test_an_agent_that_cannot_start(at: Checkout, text: str, found: str) -> None:
    at.write(".cowork/agents/odd.md", text)
    code, told = checks(at)
    assert code == 1
    assert told["agent odd"]["level"] == "bad"
    assert found in told["agent odd"]["found"]
    assert told["agent odd"]["advice"]
    assert told["agent sound"]["level"] == "ok"


def test_a_program_of_the_repository_counts(at: Checkout) -> None:
    at.write("bin/agent", "#!/bin/sh\n").chmod(0o755)
    at.write(".cowork/agents/own.md", "---\ndriver: command\ncommand: [./bin/agent]\n---\n")
    assert checks(at)[1]["agent own"]["level"] == "ok"


def test_a_merge_driver_whose_program_is_gone(at: Checkout) -> None:
    done(at.root, "merge-driver", "install")
    at.git("config", "merge.cowork.driver", "/nowhere/python -m coworkd merge-driver run %O %A %B %P")
    code, found = checks(at)
    assert (code, found["merge driver"]["level"]) == (1, "bad")
    assert "/nowhere/python" in found["merge driver"]["found"]


@pytest.mark.parametrize("lock", ["HEAD.lock", "index.lock", "refs/heads/main.lock"])
def test_a_lock_that_a_killed_git_left(at: Checkout, lock: str) -> None:
    file = at.write(f".git/{lock}", "")
    assert checks(at)[1]["git locks"]["level"] == "ok", "git may be using it"
    hour_ago = time.time() - 3600
    os.utime(file, (hour_ago, hour_ago))
    code, found = checks(at)
    assert (code, found["git locks"]["level"]) == (1, "bad")
    assert "60 minutes" in found["git locks"]["found"]
    assert f"rm {file}" in found["git locks"]["advice"]


def test_a_daemon_that_answers(at: Checkout) -> None:
    done(at.root, "up", "--detach")
    try:
        assert checks(at)[1]["daemon"]["level"] == "ok"
    finally:
        done(at.root, "down")


def test_no_agents_and_no_room_to_write(at: Checkout, tmp_path: Path) -> None:
    (at.root / ".cowork/agents/sound.md").unlink()
    assert checks(at)[1]["agents"]["level"] == "weak"
    lost = Paths(root=at.root, private=tmp_path / "absent/cowork", state=tmp_path / "state")
    shutil.rmtree(at.root / ".cowork")
    levels = {finding.name: finding.level for finding in examine(lost)}
    assert (levels["swap"], levels["links"]) == (Level.BAD, Level.BAD)


def test_needs_a_workspace(tmp_path: Path) -> None:
    assert coworkd(tmp_path, "doctor").returncode == 3


def test_a_daemon_that_gets_no_events_is_reported(at: Checkout) -> None:
    done(at.root, "list")
    db = Database(at.root / ".git" / "cowork" / "state.db")
    with db.write():
        db.state.polling_reason = "inotify instance limit reached"
    db.close()
    found = checks(at)[1]["watching"]
    assert found["level"] == "weak"
    assert "inotify instance limit reached" in found["found"]


@pytest.mark.parametrize(
    ("head", "level", "words"),
    [
        ("driver: claude\ncommand: [no-such-program]", "bad", "`no-such-program` is not there"),
        ("driver: claude\ncommand: [sh]", "ok", "/sh"),
        ("driver: llm", "bad", "has no `model`"),
        ("driver: llm\nmodel: ollama/qwen", "ok", "ollama/qwen"),
        ("driver: llm\nmodel: nobody-has-heard-of/it", "weak", "$NOBODY_HAS_HEARD_OF_API_KEY is not set here"),
        ("driver: acp", "bad", "has no `command`"),
    ],
)
def test_agents_of_other_drivers(at: Checkout, head: str, level: str, words: str) -> None:
    at.write(".cowork/agents/other.md", f"---\n{head}\n---\n")
    found = checks(at)[1]["agent other"]
    assert found["level"] == level
    assert words in found["found"]
