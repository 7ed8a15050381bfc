"""Which sandbox is used: the best that works, or the one that the user's own settings ask for, and no workspace's."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.acceptance.safety.test_forgery import holds
from tests.acceptance.workbench import Workbench

EDIT = 'echo "$COWORK_TASK" > done.txt; git add -A; git commit -qm done; echo done\n'


def without_bubblewrap(work: Workbench) -> None:
    """A machine on which it is not installed."""
    programs = work.root / "programs"
    programs.mkdir()
    for entry in (*os.scandir("/usr/bin"), *os.scandir("/usr/local/bin")):
        link = programs / entry.name
        if entry.name != "bwrap" and not os.path.lexists(link):
            link.symlink_to(entry.path)
    work.env["PATH"] = f"{work.bin}:{programs}"


def sandbox(work: Workbench) -> tuple[str, str]:
    found = work.wait("it was looked for", lambda: work.json("status")["sandbox"]["level"] and work.json("status"))
    return found["sandbox"]["level"], found["sandbox"]["why"]


def test_where_bubblewrap_is_not_installed_a_whole_run_is_held_by_landlock(work: Workbench) -> None:
    if not holds("landlock"):
        pytest.skip("landlock does not work here")
    without_bubblewrap(work)
    work.config(
        'agent: main\nsetup: ["echo set >$TMPDIR/set-up && touch set-up"]\nverify: ["test -e set-up -a -e done.txt"]\n'
    )
    work.agent("main", EDIT + f"cat {work.repo}/.cowork/config.yaml {work.repo}/.git/config; true\n")
    work.up()
    assert sandbox(work) == ("landlock", "")
    assert "sandbox  landlock" in work.cmd("status").stdout
    work.task("one")
    work.until("one", "review")
    work.wait("asked", lambda: work.field("reviews/one.md", "approval") == "pending")
    assert "sandbox level `landlock`" in work.text("reviews/one.md")
    assert "version: 1" not in " ".join(work.messages("one"))
    assert work.json("show", "one")["runs"][0]["sandbox"] == "landlock"
    work.finish("one")
    assert "done.txt" in work.tree()
    doctor = work.cmd("doctor", check=False).stdout
    assert re.search(r"landlock: \d+ ways out tried, none led out", doctor), doctor
    for name in ("writing", "reading", "processes", "TCP", "socket files", "kernel"):
        assert f"sandbox: {name}" in doctor


def test_one_that_is_asked_for_and_not_there_is_a_problem_and_not_replaced(work: Workbench) -> None:
    without_bubblewrap(work)
    work.settings("sandbox: {use: bubblewrap}\n")
    work.config("agent: main\n")
    work.up()
    level, why = sandbox(work)
    assert level == "none"
    assert "bubblewrap is not installed" in why
    work.wait("a problem", lambda: "`sandbox: {use: bubblewrap}` in your own settings" in work.problems())
    work.down()
    work.settings("sandbox: {use: landlock}\n")
    work.up()
    work.wait("it is gone", lambda: "`sandbox: {use: bubblewrap}`" not in work.problems())


@pytest.mark.parametrize("file", ["config.yaml", "agents/main.md"])
def test_a_workspace_does_not_say_which(work: Workbench, file: str) -> None:
    work.settings("sandbox: {use: bubblewrap}\n")
    if file == "config.yaml":
        work.config("agent: main\nsandbox: {use: landlock}\n")
    else:
        work.agent("main", EDIT, sandbox="{use: landlock}")
    work.up()
    work.wait("it is said", lambda: "only your own settings" in work.problems())
    assert sandbox(work)[0] != "landlock"


def test_one_that_no_one_knows_keeps_the_daemon_from_starting(work: Workbench) -> None:
    work.settings("\nsandbox: {use: docker}\n")
    said = work.cmd("up", "--detach", check=False)
    assert said.returncode != 0
    assert (
        f"{Path('.config/coworkd/config.yaml')}:2: `sandbox.use`: `docker` is not one of bubblewrap, landlock"
        in said.stderr
    )
