"""`coworkd doctor --agent`: one agent tried in a slot that is thrown away."""

from __future__ import annotations

import pytest

from tests.acceptance.workbench import Workbench


def levels(w: Workbench, name: str = "ed") -> dict[str, str]:
    return {check["name"]: check["level"] for check in w.json("doctor", "--agent", name)["checks"]}


def test_an_agent_that_works_is_seen_to_work_and_leaves_nothing(w: Workbench) -> None:
    w.agent("ed", "cat > prompt.txt; echo ready; test -e made && pwd > @SCRATCH@/where")
    w.config('setup: ["touch made"]\nverify: ["test -e app.py", "test -e prompt.txt"]\n')
    assert levels(w) == {"slot": "ok", "set-up": "ok", "starts": "ok", "verify": "ok"}
    assert "trial" in (w.scratch / "where").read_text()
    assert w.git("for-each-ref", "refs/cowork") == ""
    assert not list((w.home / "state" / "coworkd").glob("*/trial"))
    assert w.survivors() == []


@pytest.mark.parametrize(
    ("config", "script", "bad"),
    [
        ("", "exit 3", {"starts": "bad"}),
        ('setup: ["false"]\n', "echo ready", {"set-up": "bad"}),
        ('verify: ["false"]\n', "echo ready", {"verify": "weak"}),
        ('verify: ["no-such-program --now"]\n', "echo ready", {"toolchain": "bad", "verify": "weak"}),
        ("copy: [.env]\n", "echo ready", {"copy": "weak"}),
    ],
)
def test_what_does_not_work_is_named(w: Workbench, config: str, script: str, bad: dict[str, str]) -> None:
    w.agent("ed", script)
    w.config(config)
    done = w.cmd("doctor", "--agent", "ed", check=False)
    assert done.returncode == (1 if "bad" in bad.values() else 0)
    for name, level in bad.items():
        assert any(line.startswith(level) and f"  {name} " in line for line in done.stdout.splitlines()), done.stdout


def test_an_agent_that_is_not_there_is_no_agent(w: Workbench) -> None:
    done = w.cmd("doctor", "--agent", "nobody", check=False)
    assert done.returncode == 1
    assert "there is no agent `nobody`" in done.stderr
