"""Real editors against the real daemon: every save carries a token, and after each the file is what was saved.

One daemon serves all of them. Each edits a task of its own before it runs, while it runs (when the daemon has just
written the file), and after a buffer has gone stale.
"""

from __future__ import annotations

import pytest

from tests.acceptance.editing.hands import HANDS, available
from tests.acceptance.files.workspace import Workspace

TASK = '---\n# for {name}: keep me\ntitle:   "{name}"   # two blanks\nstatus: {status}\nlabels: [ui,  "x"]\nx-mine: 1.10\n---\nDo it. t00000x\n\n\nLast, without an end'

KEPT = ("   # two blanks\n", 'labels: [ui,  "x"]\n', "x-mine: 1.10\n", "\n\n\nLast, without an end")
"""Bytes that nobody has touched."""


def desk(work: Workspace) -> None:
    work.config("agent: ed\nconcurrency: 20", quiet=0.5)
    work.agent(
        "ed",
        'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nwhile [ ! -e "$SCRATCH/go" ]; do sleep 0.1; done\necho x > "x.$COWORK_TASK"',
    )


def body(work: Workspace, name: str) -> str:
    return work.read(f"tasks/{name}.md").split("---\n", 2)[-1]


def test_every_editor_and_every_save(work: Workspace) -> None:
    hands = {name: hand for name, hand in HANDS.items() if available(name)}
    desk(work)
    work.up()
    for name in hands:
        work.save(f"tasks/{name}.md", TASK.format(name=name, status="draft"))
    work.wait("all known", lambda: len(work.json("list")["tasks"]) == len(hands))
    for name, hand in hands.items():
        hand(work.path(f"tasks/{name}.md"), "t00000x", "t00001x")
        hand(work.path(f"tasks/{name}.md"), "status: draft", "status: ready")
    for name in hands:
        work.until(name, "running")
    for name, hand in hands.items():
        # The daemon's own write is the last that happened to the file.
        hand(work.path(f"tasks/{name}.md"), "t00001x", "t00002x")
    work.wait("taken in", lambda: all("t00002x" in body(work, name) for name in hands))
    work.wait("at rest", lambda: all(work.status(name) == "running" for name in hands))
    (work.scratch / "go").touch()
    for name in hands:
        work.until(name, "review")
        text = work.read(f"tasks/{name}.md")
        assert all(kept in text for kept in KEPT), text
        assert body(work, name).startswith("Do it. t00002x\n"), text
        assert not work.problems(f"tasks/{name}.md")
    assert sorted(work.traces("ran")) == sorted(hands), "each ran once"
    assert not [p for p in work.path("").rglob("*") if p.name.endswith("~") and p.name.startswith(".")]


@pytest.mark.parametrize("name", HANDS)
def test_the_editor_is_there(name: str) -> None:
    """So that what is left out of the tests below is left out by name."""
    if not available(name):
        pytest.skip(f"{name.split('-', maxsplit=1)[0]} is not installed")


def test_saves_race_with_the_daemons_own(work: Workspace) -> None:
    """Save after save while runs start and end: no token is lost, and nothing runs that nobody asked for."""
    hands = {name: hand for name, hand in HANDS.items() if available(name)}
    work.config("agent: ed\nconcurrency: 20", quiet=0.5)
    work.agent("ed", 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\necho x >> "x.$COWORK_TASK"')
    work.up()
    for name, hand in hands.items():
        work.save(f"tasks/{name}.md", TASK.format(name=name, status="ready"))
        for number in range(5):
            hand(work.path(f"tasks/{name}.md"), f"t{number:05d}x", f"t{number + 1:05d}x")
    for name in hands:
        work.until(name, "review")
        work.wait("the last save stands", lambda name=name: "t00005x" in body(work, name))
        text = work.read(f"tasks/{name}.md")
        assert all(kept in text for kept in KEPT), text
        assert not work.problems(f"tasks/{name}.md")
    assert sorted(work.traces("ran")) == sorted(hands)
